// SPDX-License-Identifier: Apache-2.0
#include "table/codebook/codebook_record.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn {
namespace {

using ::testing::HasSubstr;

const CodebookRecord kRecord{3, std::string(32, 'a'), "file:///t/data/with \"quotes\".parquet"};

TEST(CodebookRecord, ComesBackAsItWas) {
  EXPECT_EQ(CodebookRecord::Parse("k", kRecord.ToProperty()).ValueOrDie(), kRecord);
}

TEST(CodebookRecord, IsFoundUnderTheFieldIdOfItsColumn) {
  const std::map<std::string, std::string> properties = {{"tarn.codebook.7", kRecord.ToProperty()},
                                                         {"other", "x"}};
  EXPECT_EQ(CodebookRecord::Find(properties, 7).ValueOrDie(), kRecord);
  EXPECT_EQ(CodebookRecord::Find(properties, 8).ValueOrDie(), std::nullopt);
}

TEST(CodebookRecord, AnUnreadableOneIsCorruptAndNamesTheProperty) {
  for (const char* value :
       {"", "7", "{", "{\"id\":1}", "[]", "{\"id\":\"1\",\"fingerprint\":\"a\",\"file\":\"f\"}",
        "{\"id\":1,\"fingerprint\":2,\"file\":\"f\"}"}) {
    const auto parsed = CodebookRecord::Parse("tarn.codebook.7", value);
    EXPECT_TRUE(IsKind(parsed.status(), ErrorKind::kCorrupt)) << value;
    EXPECT_THAT(parsed.status().message(), HasSubstr("tarn.codebook.7"));
  }
}

}  // namespace
}  // namespace tarn
