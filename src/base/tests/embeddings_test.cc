// SPDX-License-Identifier: Apache-2.0
#include "tarn/embeddings.h"

#include <cmath>
#include <limits>

#include "arrow/array.h"
#include "arrow/builder.h"
#include "base/byte_step.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn {
namespace {

using testing::HasSubstr;

VectorStoragePolicy Policy(VectorMetric metric, VectorPrecision precision = VectorPrecision::kF32) {
  return {"embedding", 2, metric, precision, std::nullopt, true};
}

std::shared_ptr<arrow::Array> MakeList(const std::vector<std::optional<std::vector<float>>>& rows) {
  auto values = std::make_shared<arrow::FloatBuilder>();
  arrow::ListBuilder builder(arrow::default_memory_pool(), values);
  for (const auto& row : rows) {
    if (!row) {
      EXPECT_TRUE(builder.AppendNull().ok());
      continue;
    }
    EXPECT_TRUE(builder.Append().ok());
    EXPECT_TRUE(values->AppendValues(*row).ok());
  }
  return builder.Finish().ValueOrDie();
}

TEST(EmbeddingsView, SpanIsViewedWithoutCopy) {
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  auto view = EmbeddingsView::FromSpan(values, 3).ValueOrDie();
  EXPECT_EQ(view.rows(), 2);
  EXPECT_EQ(view.Row(1), values.data() + 3);
  EXPECT_EQ(view.ContiguousValues(), values.data());
}

TEST(EmbeddingsView, SpanOfBrokenRowsIsRefused) {
  const std::vector<float> values(7);
  EXPECT_THAT(EmbeddingsView::FromSpan(values, 3).status().message(), HasSubstr("7 floats"));
}

TEST(EmbeddingsView, ListWithNullsKeepsRowNumbers) {
  auto array = MakeList({{{1, 2}}, std::nullopt, {{3, 4}}});
  auto view = EmbeddingsView::FromArrow(array, 2).ValueOrDie();
  EXPECT_EQ(view.null_count(), 1);
  EXPECT_EQ(view.Row(1), nullptr);
  EXPECT_EQ(view.Row(2)[1], 4);
  EXPECT_EQ(view.ContiguousValues(), nullptr);
  EXPECT_EQ(view.Slice(1, 2).Row(1)[0], 3);
  EXPECT_EQ(view.Slice(1, 2).null_count(), 1);
}

TEST(EmbeddingsView, SlicedArraysStartAtTheirSlice) {
  auto list =
      EmbeddingsView::FromArrow(MakeList({{{1, 2}}, {{3, 4}}, {{5, 6}}})->Slice(1), 2).ValueOrDie();
  EXPECT_EQ(list.Row(0)[0], 3);
  EXPECT_NE(list.ContiguousValues(), nullptr);

  auto values = std::make_shared<arrow::FloatBuilder>();
  arrow::FixedSizeListBuilder builder(arrow::default_memory_pool(), values, 2);
  for (float v : {1.f, 3.f, 5.f}) {
    ASSERT_TRUE(builder.Append().ok());
    ASSERT_TRUE(values->AppendValues(std::vector<float>{v, v + 1}).ok());
  }
  auto fixed = EmbeddingsView::FromArrow(builder.Finish().ValueOrDie()->Slice(2), 2).ValueOrDie();
  EXPECT_EQ(fixed.Row(0)[1], 6);
}

TEST(EmbeddingsView, TakePicksRowsAndLeavesGapsNull) {
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  const std::vector<int64_t> rows{2, -1, 0};
  auto view = EmbeddingsView::FromSpan(values, 2).ValueOrDie().Take(rows);
  EXPECT_EQ(view.rows(), 3);
  EXPECT_EQ(view.Row(0)[0], 5);
  EXPECT_EQ(view.Row(1), nullptr);
  EXPECT_EQ(view.Row(2)[1], 2);
  EXPECT_EQ(view.null_count(), 1);
  EXPECT_EQ(EmbeddingsView::AllNull(4, 2).null_count(), 4);
}

TEST(EmbeddingsView, WrongLengthNamesTheRow) {
  auto view = EmbeddingsView::FromArrow(MakeList({{{1, 2}}, {{3}}}), 2);
  EXPECT_TRUE(IsKind(view.status(), ErrorKind::kBadInput));
  EXPECT_THAT(view.status().message(), HasSubstr("row 1"));
}

TEST(CheckEmbeddings, NamesTheRowThatCannotBeStored) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  struct Case {
    std::vector<float> values;
    VectorStoragePolicy policy;
    const char* says;
  };
  const std::vector<Case> cases{
      {{1, 1, nan, 1}, Policy(VectorMetric::kEuclidean), "row 1: element 0 is NaN"},
      {{1, INFINITY}, Policy(VectorMetric::kDotProduct), "row 0: element 1 is infinite"},
      {{1, 1, 0, 0}, Policy(VectorMetric::kCosine), "row 1: the vector is zero"},
      {{1e-9f, 1e-9f},
       Policy(VectorMetric::kCosine, VectorPrecision::kF16),
       "row 0: the vector is zero"},
      {{1, 7e4f},
       Policy(VectorMetric::kEuclidean, VectorPrecision::kF16),
       "row 0: element 1 overflows"},
      {{1, 1}, Policy(VectorMetric::kNormalizedCosine), "row 0: the vector has length 1.41"},
      {{1, 2e19f}, Policy(VectorMetric::kCosine), "overflows"},
  };
  for (const auto& c : cases) {
    auto view = EmbeddingsView::FromSpan(c.values, 2).ValueOrDie();
    const Status status = CheckEmbeddings(view, c.policy);
    EXPECT_TRUE(IsKind(status, ErrorKind::kBadInput)) << c.says;
    EXPECT_THAT(status.message(), HasSubstr(c.says));
  }
}

TEST(CheckEmbeddings, RowsThatRoundToZeroInBytesAreRefusedUnderCosine) {
  // The largest value asks for steps of 1: halves round to zero.
  const std::vector<float> values{100, 3, 0.5f, -0.5f, 0.6f, 0};
  const auto view = EmbeddingsView::FromSpan(values, 2).ValueOrDie();
  const auto cosine = Policy(VectorMetric::kCosine, VectorPrecision::kI8);
  EXPECT_EQ(RoundingStep(view, cosine), 1);
  const Status status = CheckEmbeddings(view, cosine);
  EXPECT_TRUE(IsKind(status, ErrorKind::kBadInput));
  EXPECT_THAT(status.message(), HasSubstr("row 1: in precision i8 the vector rounds to zero"));
  EXPECT_TRUE(CheckEmbeddings(view, Policy(VectorMetric::kEuclidean, VectorPrecision::kI8)).ok());
  EXPECT_TRUE(CheckEmbeddings(view.Slice(1, 2), cosine).ok());
}

TEST(CheckEmbeddings, RowsThatCannotBeStoredDoNotCoarsenTheStep) {
  const std::vector<float> values{INFINITY, 1, 1, 0.5f};
  const auto view = EmbeddingsView::FromSpan(values, 2).ValueOrDie();
  EXPECT_EQ(RoundingStep(view, Policy(VectorMetric::kCosine, VectorPrecision::kI8)), 0x1p-6f);
  EXPECT_EQ(RoundingStep(view, Policy(VectorMetric::kCosine)), 0);
}

TEST(ByteStep, IsTheLeastPowerOfTwoThatReachesTheLargestValue) {
  for (const float largest : {1e-30f, 0.003f, 0.25f, 1.0f, 126.9f, 127.0f, 127.1f, 254.0f, 3e38f}) {
    const float step = ByteStep(largest);
    EXPECT_GE(127 * double{step}, largest);
    EXPECT_LT(127 * double{step} / 2, largest);
    int exponent = 0;
    EXPECT_EQ(std::frexp(step, &exponent), 0.5f);
    EXPECT_LE(std::abs(RoundToSteps(-largest, step)), 127);
  }
  EXPECT_EQ(ByteStep(0), 1);
  EXPECT_TRUE(std::isfinite(1 / ByteStep(1e-45f)));
  EXPECT_EQ(RoundToSteps(2.5f, 1), 2);
  EXPECT_EQ(RoundToSteps(-3.5f, 1), -4);
}

TEST(ByteStep, ValuesRoundedOnceStayAsTheyAreUnderSmallerSteps) {
  const float step = ByteStep(40);
  for (int i = -60; i <= 60; ++i) {
    const float value = step * static_cast<float>(i);
    const float smaller = ByteStep(60 * step);
    EXPECT_EQ(smaller * static_cast<float>(RoundToSteps(value, smaller)), value);
  }
}

TEST(CheckEmbeddings, WrongDimensionIsRefused) {
  const std::vector<float> values(6, 1.f);
  auto view = EmbeddingsView::FromSpan(values, 3).ValueOrDie();
  EXPECT_THAT(CheckEmbeddings(view, Policy(VectorMetric::kCosine)).message(),
              HasSubstr("dimension 2"));
}

}  // namespace
}  // namespace tarn
