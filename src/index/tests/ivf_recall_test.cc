// SPDX-License-Identifier: Apache-2.0
//
// Recall floors of inverted-file indexes on clustered data (fixed seed kSeed).
#include "index/codebook.h"
#include "index/tests/index_fixture.h"

namespace tarn::index {
namespace {

constexpr size_t kRows = 5000;
constexpr uint32_t kDim = 48;

class IvfRecall : public testing::TestWithParam<VectorMetric> {
 protected:
  IvfRecall() : data_(Clustered(kRows, kDim)), queries_(Clustered(40, kDim, kSeed + 1)) {
    if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(data_);
    if (GetParam() == VectorMetric::kDotProduct) VaryLengths(data_);
    options_.type = IndexType::kIvfPq;
    options_.metric = GetParam();
    options_.threads = 2;
  }
  Opened Open() const { return BuildAndOpen(data_.set(), options_, kRows); }
  double Recall(const Opened& index, RecallCase c = {}) const {
    c.ef = 0;
    return MeasureRecall(*index.index, data_, queries_, c);
  }

  Data data_;
  Data queries_;
  BuildOptions options_;
};
INSTANTIATE_TEST_SUITE_P(EveryMetric, IvfRecall, AllMetrics(), MetricTestName);

TEST_P(IvfRecall, DefaultsFindTheTrueNeighbours) {
  const auto index = Open();
  EXPECT_EQ(index->type(), IndexType::kIvfPq);
  EXPECT_EQ(index->row_count(), kRows);
  EXPECT_GE(Recall(index), 0.95) << "seed " << kSeed;
  EXPECT_GE(Recall(index, {.k = 1}), 0.95) << "seed " << kSeed;
  EXPECT_GE(Recall(index, {.k = 100}), 0.9) << "seed " << kSeed;
}

TEST_P(IvfRecall, EveryListTogetherFindNearlyAll) {
  const auto index = Open();
  MemorySource source(data_, VectorPrecision::kF32);
  SearchScratch scratch;
  size_t right = 0;
  for (size_t q = 0; q < queries_.count(); ++q) {
    const auto truth = NaiveNearest(GetParam(), data_, queries_.row(q), 10);
    for (const auto& n : *index->Search(
             queries_.row(q), {.k = 10, .nprobe = 100000, .source = &source}, scratch)) {
      right += NaiveDistance(GetParam(), queries_.row(q), data_.row(n.row), kDim) <=
               truth.back() + 1e-5 * (1 + std::abs(truth.back()));
    }
  }
  EXPECT_GE(right, 397u) << "of 400, seed " << kSeed;
}

TEST_P(IvfRecall, RerankingFromHalvesIsAsGood) {
  EXPECT_GE(Recall(Open(), {.precision = VectorPrecision::kF16}), 0.94);
}

TEST_P(IvfRecall, EightBitsWorkToo) {
  options_.ivf_pq.bits = 8;
  const auto index = Open();
  EXPECT_GE(Recall(index), 0.93) << "seed " << kSeed;
  options_.ivf_pq.m = kDim / 2;
  EXPECT_GE(Recall(Open(), {.with_source = false}), 0.85) << "seed " << kSeed;
}

TEST_P(IvfRecall, WithoutResidualsRowsAreStillFound) {
  options_.ivf_pq.residual = false;
  EXPECT_GE(Recall(Open()), 0.93) << "seed " << kSeed;
  options_.ivf_pq.bits = 8;
  EXPECT_GE(Recall(Open()), 0.85) << "seed " << kSeed;
}

TEST_P(IvfRecall, SubVectorsNeedNotDivideTheDimension) {
  for (const int m : {1, 17, 31, 48}) {
    options_.ivf_pq.m = m;
    const auto index = Open();
    EXPECT_GE(Recall(index), m > 16 ? 0.9 : 0.3) << "m " << m << " seed " << kSeed;
  }
}

TEST_P(IvfRecall, FiltersOfAnyStrengthKeepRecallAndCount) {
  const auto index = Open();
  for (const double share : {0.5, 0.1, 0.01, 0.001}) {
    const Bitmap bitmap = RandomBitmap(kRows, share);
    LiveRows live = bitmap.live();
    EXPECT_GE(Recall(index, {.live = &live}), 0.95) << share;
    live.count = bitmap.count;
    EXPECT_GE(Recall(index, {.live = &live}), 0.95) << share;
    EXPECT_GE(Recall(index, {.live = &live, .with_source = false}), 0.5) << share;
  }
}

TEST_P(IvfRecall, CodesAloneGiveAnApproximateOrderAndDistances) {
  const auto index = Open();
  EXPECT_GE(Recall(index, {.with_source = false}), 0.7) << "seed " << kSeed;
  SearchScratch scratch;
  for (size_t q = 0; q < queries_.count(); ++q) {
    for (const auto& n : *index->Search(queries_.row(q), {.k = 10}, scratch)) {
      const double exact = NaiveDistance(GetParam(), queries_.row(q), data_.row(n.row), kDim);
      // The error of a product grows with the length of the row, not with the product.
      const double slack = GetParam() == VectorMetric::kDotProduct ? 0.35 : 0.12;
      EXPECT_NEAR(n.distance, exact, slack * (1 + std::abs(exact))) << "row " << n.row;
    }
  }
}

TEST_P(IvfRecall, ASecondFileWithTheFirstsCodebookFindsEverything) {
  const auto book = *Codebook::Train(data_.set(), GetParam(), options_.ivf_pq, 2);
  Data second = Clustered(3000, kDim, kSeed + 7);
  if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(second);
  if (GetParam() == VectorMetric::kDotProduct) VaryLengths(second);
  options_.codebook = book;
  const auto first = Open();
  const auto index = BuildAndOpen(second.set(), options_, 3000);
  ASSERT_TRUE(index->codebook_use());
  EXPECT_EQ(index->codebook_use()->fingerprint, book->fingerprint());
  EXPECT_EQ(first->codebook_use()->fingerprint, book->fingerprint());
  EXPECT_LT(index->codebook_use()->drift, 1.25);
  EXPECT_GT(index->codebook_use()->drift, 0.8);
  EXPECT_GE(MeasureRecall(*index.index, second, queries_, {.ef = 0}), 0.95);
  // One scratch serves both in turn.
  SearchScratch scratch, fresh;
  for (size_t q = 0; q < 5; ++q) {
    EXPECT_EQ(*first->Search(queries_.row(q), {}, scratch),
              *first->Search(queries_.row(q), {}, fresh));
    EXPECT_EQ(*index->Search(queries_.row(q), {}, scratch),
              *index->Search(queries_.row(q), {}, fresh));
  }
}

TEST_P(IvfRecall, RowsThatTheCodebookDoesNotFitShowAsDrift) {
  if (GetParam() == VectorMetric::kDotProduct) return;  // lengths differ too much to say
  const auto book = *Codebook::Train(data_.set(), GetParam(), options_.ivf_pq, 1);
  Data other = Clustered(2000, kDim, kSeed + 3);
  for (float& v : other.values) v = -v;
  if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(other);
  options_.codebook = book;
  EXPECT_GT(BuildAndOpen(other.set(), options_, 2000)->codebook_use()->drift, 1.3);
}

TEST_P(IvfRecall, ABoundLeavesNothingOutThatItShouldNot) {
  const auto index = Open();
  MemorySource source(data_, VectorPrecision::kF32);
  SearchScratch scratch;
  size_t kept = 0;
  for (size_t q = 0; q < 40; ++q) {
    const auto all = *index->Search(queries_.row(q), {.k = 10, .source = &source}, scratch);
    std::atomic<float> bound = all[4].distance;
    const auto some =
        *index->Search(queries_.row(q), {.k = 10, .source = &source, .bound = &bound}, scratch);
    for (size_t i = 0; i < 5; ++i) {
      kept += std::find(some.begin(), some.end(), all[i]) != some.end();
    }
    std::atomic<float> open = std::numeric_limits<float>::infinity();
    EXPECT_EQ(*index->Search(queries_.row(q), {.k = 10, .source = &source, .bound = &open}, scratch),
              all);
    EXPECT_EQ(open.load(), all[9].distance) << "the search lowers the bound";
  }
  EXPECT_GE(kept, 198u) << "of 200, seed " << kSeed;
}

}  // namespace
}  // namespace tarn::index
