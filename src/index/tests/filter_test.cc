// SPDX-License-Identifier: Apache-2.0
//
// Filtered search against comparing every live row: filters that have nothing to do with the query,
// and filters whose rows all lie elsewhere.
#include <numeric>

#include "index/search_plan.h"
#include "index/tests/index_fixture.h"

namespace tarn::index {
namespace {

constexpr size_t kRows = 12000;
constexpr uint32_t kDim = 32;

Bitmap BitmapOf(size_t rows, std::span<const uint32_t> live) {
  Bitmap bitmap{std::vector<uint64_t>((rows + 63) / 64)};
  for (const uint32_t row : live) bitmap.words[row / 64] |= uint64_t{1} << (row % 64);
  bitmap.count = live.size();
  return bitmap;
}

// The `count` rows that come first (or last) by their distance from `point`.
Bitmap ByDistance(VectorMetric metric, const Data& data, const float* point, size_t count,
                  bool farthest) {
  std::vector<std::pair<double, uint32_t>> order;
  for (uint32_t i = 0; i < data.count(); ++i) {
    const double distance = NaiveDistance(metric, point, data.row(i), data.dim);
    order.emplace_back(farthest ? -distance : distance, i);
  }
  std::sort(order.begin(), order.end());
  std::vector<uint32_t> rows;
  for (size_t i = 0; i < count; ++i) rows.push_back(order[i].second);
  return BitmapOf(data.count(), rows);
}

class Filter : public testing::TestWithParam<VectorMetric> {
 protected:
  Filter() : data_(Clustered(kRows, kDim)), queries_(Clustered(20, kDim, kSeed + 1)) {
    if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(data_);
    if (GetParam() == VectorMetric::kDotProduct) VaryLengths(data_);
    // Copies, so that rows are not nodes.
    for (size_t i = 0; i < 200; ++i) std::copy_n(data_.row(i * 7), kDim, data_.row(kRows - 1 - i));
    options_.metric = GetParam();
    options_.threads = 2;
  }

  /// Recall of every query under a filter of its own.
  template <class MakeBitmap>
  double RecallUnder(const VectorIndex& index, MakeBitmap make) {
    double sum = 0;
    for (size_t q = 0; q < queries_.count(); ++q) {
      const Bitmap bitmap = make(q);
      const LiveRows live{bitmap.words, bitmap.count};
      Data one{kDim, {queries_.row(q), queries_.row(q) + kDim}};
      sum += MeasureRecall(index, data_, one, {.live = &live});
    }
    return sum / static_cast<double>(queries_.count());
  }

  Data data_;
  Data queries_;
  BuildOptions options_;
};
INSTANTIATE_TEST_SUITE_P(EveryMetric, Filter, AllMetrics(), MetricTestName);

TEST_P(Filter, FindsTheNearestLiveRowsWhereverTheyLie) {
  const auto index = BuildAndOpen(data_.set(), options_, kRows);
  for (const double share : {0.9, 0.5, 0.1, 0.01, 0.001}) {
    const auto count = static_cast<size_t>(kRows * share);
    const Bitmap random = RandomBitmap(kRows, share);
    EXPECT_GE(RecallUnder(*index.index, [&](size_t) { return random; }), 0.95) << share;
    EXPECT_GE(RecallUnder(*index.index,
                          [&](size_t q) {
                            return ByDistance(GetParam(), data_, queries_.row(q), count, true);
                          }),
              0.95)
        << "the farthest " << share;
    EXPECT_GE(RecallUnder(*index.index,
                          [&](size_t q) {
                            return ByDistance(VectorMetric::kEuclidean, data_, data_.row(q * 501),
                                              count, false);
                          }),
              0.95)
        << "around another row " << share;
  }
}

TEST_P(Filter, DeletesCostLittleEffortAndRecall) {
  const auto index = BuildAndOpen(data_.set(), options_, kRows);
  const Bitmap bitmap = RandomBitmap(kRows, 0.9);
  const LiveRows live{bitmap.words, bitmap.count};
  const double before = MeasureRecall(*index.index, data_, queries_, {});
  EXPECT_GE(MeasureRecall(*index.index, data_, queries_, {.live = &live}), before - 0.005);
  MemorySource source(data_, VectorPrecision::kF32);
  SearchScratch scratch;
  SearchStats all, some;
  for (size_t q = 0; q < queries_.count(); ++q) {
    SearchOptions options;
    options.ef = 64;
    options.source = &source;
    ASSERT_TRUE(index->Search(queries_.row(q), options, scratch, &all).ok());
    options.live = &live;
    ASSERT_TRUE(index->Search(queries_.row(q), options, scratch, &some).ok());
  }
  EXPECT_LE(static_cast<double>(some.code_distances), 1.15 * all.code_distances);
}

TEST_P(Filter, FewLiveRowsAreScannedWithoutLookingAtOthers) {
  const auto index = BuildAndOpen(data_.set(), options_, kRows);
  const Bitmap bitmap = RandomBitmap(kRows, 0.01);
  const LiveRows live{bitmap.words, bitmap.count};
  SearchScratch scratch;
  SearchStats stats;
  SearchOptions options;
  options.live = &live;
  ASSERT_TRUE(index->Search(queries_.row(0), options, scratch, &stats).ok());
  EXPECT_LE(stats.code_distances, bitmap.count);
  EXPECT_EQ(stats.expanded_nodes, 0u);
}

TEST_P(Filter, ABoundLosesNoRowThatLiesWithinIt) {
  const auto index = BuildAndOpen(data_.set(), options_, kRows);
  MemorySource source(data_, VectorPrecision::kF32);
  SearchScratch scratch;
  for (size_t q = 0; q < queries_.count(); ++q) {
    SearchOptions options;
    options.ef = 64;
    options.source = &source;
    const auto all = *index->Search(queries_.row(q), options, scratch);
    ASSERT_EQ(all.size(), 10u);
    std::atomic<float> bound{all[4].distance};
    options.bound = &bound;
    options.beam = 64;
    const auto near = *index->Search(queries_.row(q), options, scratch);
    ASSERT_GE(near.size(), 5u);
    for (size_t i = 0; i < 5; ++i) EXPECT_EQ(near[i], all[i]);
    EXPECT_LE(bound.load(), all[4].distance);
  }
}

TEST_P(Filter, NoRowIsNearerThanTheIndexSays) {
  // Far from each other, so that there is something to say.
  Data data = data_;
  for (size_t i = 0; i < kRows; ++i) data.row(i)[0] += 40;
  if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(data);
  const auto index = BuildAndOpen(data.set(), options_, kRows);
  bool says = false;
  for (size_t q = 0; q < queries_.count(); ++q) {
    const auto reach = index->Reach(queries_.row(q));
    const double nearest = NaiveNearest(GetParam(), data, queries_.row(q), 1)[0];
    EXPECT_LE(reach.least, nearest);
    says |= reach.least > 0;
  }
  EXPECT_EQ(says, GetParam() == VectorMetric::kEuclidean || GetParam() == VectorMetric::kCosine);
}

TEST(DotProduct, LongRowsOfOtherDirectionsAreFound) {
  // One row in a hundred is so long that it wins most products.
  Data data = Clustered(6000, 48);
  Normalise(data);
  for (size_t i = 0; i < 6000; i += 100) {
    for (uint32_t d = 0; d < 48; ++d) data.row(i)[d] *= 8;
  }
  BuildOptions options;
  options.metric = VectorMetric::kDotProduct;
  const auto index = BuildAndOpen(data.set(), options, 6000);
  EXPECT_GE(MeasureRecall(*index.index, data, Clustered(40, 48, kSeed + 1), {}), 0.97);
}

TEST(SearchPlan, ScansFewTraversesManyAndKeepsLiveNodesApartInBetween) {
  Params params;
  params.node_count = params.row_count = 1000000;
  params.degree = 32;
  const LiveRows any;
  SearchOptions options;
  options.ef = 64;
  EXPECT_EQ(PlanSearch(params, options, 1000000).way, SearchPlan::Way::kTraverse);
  options.live = &any;
  EXPECT_EQ(PlanSearch(params, options, 900000).way, SearchPlan::Way::kTraverse);
  EXPECT_EQ(PlanSearch(params, options, 200000).way, SearchPlan::Way::kFiltered);
  EXPECT_EQ(PlanSearch(params, options, 5000).way, SearchPlan::Way::kScan);
}

}  // namespace
}  // namespace tarn::index
