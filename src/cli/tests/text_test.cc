// SPDX-License-Identifier: Apache-2.0
#include <sstream>

#include "arrow/api.h"
#include "cli/json_cell.h"
#include "cli/progress.h"
#include "cli/text_output.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn::cli {
namespace {

using testing::HasSubstr;

std::shared_ptr<arrow::Table> SmallTable() {
  arrow::Int64Builder ids;
  arrow::StringBuilder words;
  EXPECT_TRUE(ids.AppendValues({1, 20}).ok());
  EXPECT_TRUE(words.Append("grüße").ok());
  EXPECT_TRUE(words.AppendNull().ok());
  return arrow::Table::Make(
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("word", arrow::utf8())}),
      {ids.Finish().ValueOrDie(), words.Finish().ValueOrDie()});
}

TEST(AlignedText, NumbersStandToTheRightAndWideCharactersCountOnce) {
  std::ostringstream out;
  ASSERT_TRUE(PrintAligned(*SmallTable(), out, 0).ok());
  EXPECT_EQ(out.str(), "id  word\n 1  grüße\n20  null\n");
}

TEST(AlignedText, LongCellsAreCutBetweenCharacters) {
  std::ostringstream out;
  ASSERT_TRUE(PrintAligned(*SmallTable(), out, 4).ok());
  EXPECT_THAT(out.str(), HasSubstr("grü…"));
}

TEST(Ndjson, EscapesWhatJsonAsksFor) {
  std::string text;
  AppendJsonString("a\"\\\n\x01ü", &text);
  EXPECT_EQ(text, "\"a\\\"\\\\\\n\\u0001ü\"");
  std::ostringstream out;
  ASSERT_TRUE(PrintNdjson(*SmallTable(), out).ok());
  EXPECT_EQ(out.str(), "{\"id\": 1, \"word\": \"grüße\"}\n{\"id\": 20, \"word\": null}\n");
}

TEST(Ndjson, NumbersComeBackExactly) {
  arrow::FloatBuilder floats;
  ASSERT_TRUE(floats.AppendValues({0.1f, 1e-30f, std::numeric_limits<float>::infinity()}).ok());
  const auto array = floats.Finish().ValueOrDie();
  std::string text;
  for (int64_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(AppendJson(*array, i, &text).ok());
    text += ' ';
  }
  EXPECT_EQ(text, "0.1 1e-30 null ");
}

TEST(Progress, TellsShareRateAndTimeLeft) {
  EXPECT_EQ(Progress::Format("in", 500, 1000, 2.0),
            "in [############............] 50 % 500 rows, 250 rows/s, 2 s left");
  EXPECT_EQ(Progress::Format("in", 1500, std::nullopt, 1.0), "in 1,500 rows, 1,500 rows/s");
  EXPECT_EQ(WithThousands(-1234567), "-1,234,567");
  EXPECT_EQ(WithThousands(-123), "-123");
  EXPECT_EQ(HumanBytes(1536), "1.5 KiB");
}

}  // namespace
}  // namespace tarn::cli
