// SPDX-License-Identifier: Apache-2.0
#include "cli/batch_ids.h"

#include <random>

#include "arrow/api.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Rows {b: one letter, n: number from `first` on}.
std::shared_ptr<arrow::RecordBatch> Rows(const std::string& letters, int64_t first = 0) {
  arrow::StringBuilder ids;
  arrow::Int64Builder numbers;
  for (const char letter : letters) {
    EXPECT_TRUE((letter == '?' ? ids.AppendNull() : ids.Append(std::string(1, letter))).ok());
    EXPECT_TRUE(numbers.Append(first++).ok());
  }
  return arrow::RecordBatch::Make(
      arrow::schema({arrow::field("b", arrow::utf8()), arrow::field("n", arrow::int64())}),
      static_cast<int64_t>(letters.size()),
      {ids.Finish().ValueOrDie(), numbers.Finish().ValueOrDie()});
}

/// "id:rows@first", with "!" where the batch is bad.
std::vector<std::string> Told(const std::vector<IdBatch>& batches) {
  std::vector<std::string> told;
  for (const auto& batch : batches) {
    told.push_back(batch.id + ":" + std::to_string(batch.count) + "@" +
                   std::to_string(batch.first) + (batch.bad.ok() ? "" : "!"));
    EXPECT_EQ(batch.bad.ok(), batch.rows != nullptr);
  }
  return told;
}

TEST(RowsWithBatchIds, AreOneBatchHoweverTheyCome) {
  std::mt19937 random(3);
  for (int round = 0; round < 100; ++round) {
    const std::string letters = "aaabccccdde";
    BatchIds ids("b", false);
    std::vector<IdBatch> complete;
    for (size_t at = 0; at < letters.size();) {
      const size_t n = std::min(letters.size() - at, 1 + random() % 4);
      const auto number = static_cast<int64_t>(at);
      ASSERT_TRUE(ids.Add(Rows(letters.substr(at, n), number), number + 1, 1, &complete).ok());
      at += n;
    }
    EXPECT_THAT(Told(complete), ElementsAre("a:3@1", "b:1@4", "c:4@5", "d:2@9"));
    ids.Close(&complete);
    EXPECT_EQ(Told(complete).back(), "e:1@11");
    int64_t number = 0;
    for (const auto& batch : complete) {
      const auto& numbers = static_cast<const arrow::Int64Array&>(*batch.rows->column(1));
      for (int64_t i = 0; i < numbers.length(); ++i) EXPECT_EQ(numbers.Value(i), number++);
    }
    complete.clear();
    ids.Close(&complete);
    EXPECT_THAT(complete, IsEmpty());
  }
}

TEST(RowsWithBatchIds, LoseTheFieldWhereThatIsAsked) {
  BatchIds ids("b", true);
  std::vector<IdBatch> complete;
  ASSERT_TRUE(ids.Add(Rows("ab"), 1, 1, &complete).ok());
  ids.Close(&complete);
  ASSERT_EQ(complete.size(), 2u);
  EXPECT_EQ(complete[0].rows->schema()->field_names(), std::vector<std::string>{"n"});
}

TEST(RowsWithBatchIds, MayComeAgainButNotInPartsOfOne) {
  const auto told = [](const std::vector<std::string>& closed) {
    BatchIds ids("b", false);
    std::vector<IdBatch> complete;
    for (const auto& letters : closed) {
      EXPECT_TRUE(ids.Add(Rows(letters), 1, 0, &complete).ok());
      ids.Close(&complete);
    }
    std::string all;
    for (const auto& text : Told(complete))
      all += text.substr(0, 1) + (text.back() == '!' ? "!" : "");
    return all;
  };
  EXPECT_EQ(told({"aa", "aa", "b"}), "aab");
  EXPECT_EQ(told({"ab", "ab"}), "abab");
  EXPECT_EQ(told({"ab", "b"}), "abb!");
  EXPECT_EQ(told({"b", "ba"}), "bb!a");
  EXPECT_EQ(told({"ab", "a", "b", "b"}),
            "abab"
            "b");
}

TEST(RowsWithBatchIds, AreRefusedOnBothSidesOfWhatIsNoRow) {
  const Status why = Error(ErrorKind::kBadInput, "no row");
  BatchIds ids("b", false);
  std::vector<IdBatch> complete;
  ASSERT_TRUE(ids.Add(Rows("aabb"), 1, 1, &complete).ok());
  ids.AddBad(why, 5, 1);
  ASSERT_TRUE(ids.Add(Rows("cc"), 6, 1, &complete).ok());
  ASSERT_TRUE(ids.Add(Rows("cdd"), 8, 1, &complete).ok());
  ids.AddBad(why, 11, 1);
  ids.Close(&complete);
  ASSERT_TRUE(ids.Add(Rows("e"), 12, 1, &complete).ok());
  ids.Close(&complete);
  ids.AddBad(why, 14, 1);
  ASSERT_TRUE(ids.Add(Rows("fg"), 15, 1, &complete).ok());
  ids.Close(&complete);
  EXPECT_THAT(Told(complete),
              ElementsAre("a:2@1", "b:3@3!", "c:3@6!", "d:3@9!", "e:1@12", "f:2@14!", "g:1@16"));
}

TEST(RowsWithBatchIds, NeedOneEach) {
  BatchIds ids("b", false);
  std::vector<IdBatch> complete;
  EXPECT_THAT(ids.Add(Rows("a?"), 1, 1, &complete).message(), HasSubstr("row 1 has no batch id"));
  EXPECT_THAT(BatchIds("c", false).Add(Rows("a"), 1, 1, &complete).message(),
              HasSubstr("no field 'c'"));
  EXPECT_THAT(complete, IsEmpty());
  ASSERT_TRUE(BatchIds("n", false).Add(Rows("ab", 7), 1, 1, &complete).ok());
  EXPECT_EQ(Told(complete), std::vector<std::string>{"7:1@1"});
}

}  // namespace
}  // namespace tarn::cli
