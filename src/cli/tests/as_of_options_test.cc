// SPDX-License-Identifier: Apache-2.0
#include "cli/as_of_options.h"

#include "gtest/gtest.h"

namespace tarn::cli {
namespace {

TEST(ParseTime, ReadsIsoTimesAndMilliseconds) {
  EXPECT_EQ(ParseTime("1795247484235").ValueOrDie(), 1795247484235);
  EXPECT_EQ(ParseTime("-5").ValueOrDie(), -5);
  EXPECT_EQ(ParseTime("1970-01-02").ValueOrDie(), 86400000);
  EXPECT_EQ(ParseTime("1970-01-01T00:01").ValueOrDie(), 60000);
  EXPECT_EQ(ParseTime("1970-01-01 00:00:01").ValueOrDie(), 1000);
  EXPECT_EQ(ParseTime("1970-01-01T00:00:01.25Z").ValueOrDie(), 1250);
  EXPECT_EQ(ParseTime("1970-01-01T00:00:01.123456789").ValueOrDie(), 1123);
  EXPECT_EQ(ParseTime("1970-01-01T02:00:00+02:00").ValueOrDie(), 0);
  EXPECT_EQ(ParseTime("1969-12-31T23:30:00-00:30").ValueOrDie(), 0);
  EXPECT_EQ(ParseTime("2026-11-21T16:04:44Z").ValueOrDie(), 1795277084000);
}

TEST(ParseTime, RefusesOtherText) {
  for (const char* text :
       {"", "yesterday", "2026-13-01", "2026-02-30", "2026-11-21T", "2026-1-1", "2026-11-21T25:00",
        "2026-11-21T10:61", "12x", "2026-11-21T10:00:00 Z"}) {
    EXPECT_TRUE(IsKind(ParseTime(text).status(), ErrorKind::kBadInput)) << text;
  }
}

TEST(AsOfOptions, WithoutAnyTheNewestStateIsMeant) {
  EXPECT_EQ(AsOfOptions().Get().ValueOrDie(), std::nullopt);
  EXPECT_EQ(std::get<SnapshotId>(AsOfOptions{.snapshot = 7}.Get().ValueOrDie()->at), SnapshotId(7));
  EXPECT_EQ(std::get<std::string>(AsOfOptions{.ref = "v1"}.Get().ValueOrDie()->at), "v1");
  EXPECT_TRUE(IsKind(AsOfOptions{.time = "then"}.Get().status(), ErrorKind::kBadInput));
}

}  // namespace
}  // namespace tarn::cli
