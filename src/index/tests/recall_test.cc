// SPDX-License-Identifier: Apache-2.0
//
// Recall floors on clustered data (fixed seed kSeed): every metric, both rerank precisions,
// filters, and no source.
#include "index/tests/index_fixture.h"

namespace tarn::index {
namespace {

constexpr size_t kRows = 5000;
constexpr uint32_t kDim = 48;

class Recall : public testing::TestWithParam<VectorMetric> {
 protected:
  Recall() : data_(Clustered(kRows, kDim)), queries_(Clustered(40, kDim, kSeed + 1)) {
    if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(data_);
    if (GetParam() == VectorMetric::kDotProduct) VaryLengths(data_);
    options_.metric = GetParam();
    options_.threads = 2;
  }
  // The nearest by product of rows of very different lengths are harder to reach.
  double Floor(double recall) const {
    return GetParam() == VectorMetric::kDotProduct ? recall - 0.05 : recall;
  }
  Opened Open() const { return BuildAndOpen(data_.set(), options_, kRows); }

  Data data_;
  Data queries_;
  BuildOptions options_;
};
INSTANTIATE_TEST_SUITE_P(EveryMetric, Recall, AllMetrics(), MetricTestName);

TEST_P(Recall, GraphFindsTheTrueNeighbours) {
  const auto index = Open();
  EXPECT_EQ(index->row_count(), kRows);
  EXPECT_GE(MeasureRecall(*index.index, data_, queries_, {}), Floor(0.95)) << "seed " << kSeed;
  EXPECT_GE(MeasureRecall(*index.index, data_, queries_, {.ef = 200}), 0.97) << "seed " << kSeed;
}

TEST_P(Recall, GraphRerankedFromHalvesIsAsGood) {
  const auto index = Open();
  EXPECT_GE(MeasureRecall(*index.index, data_, queries_, {.precision = VectorPrecision::kF16}),
            Floor(0.93));
}

TEST_P(Recall, FlatScanFindsNearlyAll) {
  options_.type = IndexType::kFlat;
  const auto index = Open();
  EXPECT_EQ(index->type(), IndexType::kFlat);
  EXPECT_GE(MeasureRecall(*index.index, data_, queries_, {.ef = 40}), 0.99) << "seed " << kSeed;
}

TEST_P(Recall, FiltersOfAnyStrengthKeepRecallAndCount) {
  const auto index = Open();
  for (const double share : {0.5, 0.1, 0.01, 0.001}) {
    const Bitmap bitmap = RandomBitmap(kRows, share);
    const LiveRows live = bitmap.live();
    EXPECT_GE(MeasureRecall(*index.index, data_, queries_, {.live = &live}), 0.95) << share;
  }
}

TEST_P(Recall, FilteredTraversalKeepsRecall) {
  // Few enough candidates that the plan traverses instead of scanning.
  const auto index = Open();
  const Bitmap bitmap = RandomBitmap(kRows, 0.7);
  const LiveRows live = bitmap.live();
  SearchScratch scratch;
  SearchStats stats;
  ASSERT_TRUE(
      index->Search(queries_.row(0), {.k = 10, .ef = 40, .live = &live}, scratch, &stats).ok());
  EXPECT_GT(stats.expanded_nodes, 0u);
  EXPECT_GE(MeasureRecall(*index.index, data_, queries_, {.ef = 40, .live = &live}), Floor(0.9));
}

TEST_P(Recall, WithoutASourceCodesAloneGiveAnApproximateOrder) {
  const auto coarse = Open();
  options_.eight_bit_codes = true;
  const auto fine = Open();
  const double four =
      MeasureRecall(*coarse.index, data_, queries_, {.ef = 100, .with_source = false});
  const double eight =
      MeasureRecall(*fine.index, data_, queries_, {.ef = 100, .with_source = false});
  EXPECT_GE(four, 0.75) << "seed " << kSeed;
  EXPECT_GE(eight, 0.93) << "seed " << kSeed;
}

TEST_P(Recall, FinerCodesFetchFewerExactVectors) {
  const auto measure = [&](bool fine, double* recall) {
    options_.eight_bit_codes = fine;
    const auto index = Open();
    MemorySource source(data_, VectorPrecision::kF32);
    SearchScratch scratch;
    SearchStats stats;
    for (size_t q = 0; q < queries_.count(); ++q) {
      EXPECT_TRUE(
          index->Search(queries_.row(q), {.k = 10, .ef = 64, .source = &source}, scratch, &stats)
              .ok());
    }
    *recall = MeasureRecall(*index.index, data_, queries_, {.ef = 64});
    return stats.exact_distances;
  };
  double coarse_recall = 0, fine_recall = 0;
  const uint64_t coarse = measure(false, &coarse_recall);
  const uint64_t fine = measure(true, &fine_recall);
  EXPECT_LT(fine, coarse * 4 / 5);
  EXPECT_GE(fine_recall, coarse_recall - 0.005);
}

TEST_P(Recall, CodeDistancesAreNearTheExactOnes) {
  options_.eight_bit_codes = true;
  const auto index = Open();
  SearchScratch scratch;
  for (size_t q = 0; q < queries_.count(); ++q) {
    const auto found = *index->Search(queries_.row(q), {.k = 10, .ef = 64}, scratch);
    for (const auto& n : found) {
      const double exact = NaiveDistance(GetParam(), queries_.row(q), data_.row(n.row), kDim);
      EXPECT_NEAR(n.distance, exact, 0.05 * (1 + std::abs(exact))) << "row " << n.row;
    }
  }
}

TEST_P(Recall, AnIndexedRowIsItsOwnNearestNeighbour) {
  if (GetParam() == VectorMetric::kDotProduct) return;  // a longer row may score higher
  const auto index = Open();
  MemorySource source(data_, VectorPrecision::kF32);
  SearchScratch scratch;
  size_t found_self = 0;
  for (uint32_t row = 0; row < kRows; row += 50) {
    const auto found =
        *index->Search(data_.row(row), {.k = 1, .ef = 32, .source = &source}, scratch);
    found_self += found.at(0).row == row;
  }
  EXPECT_GE(found_self, 99u) << "of 100, seed " << kSeed;
}

}  // namespace
}  // namespace tarn::index
