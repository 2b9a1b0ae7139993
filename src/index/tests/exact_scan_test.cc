// SPDX-License-Identifier: Apache-2.0
#include "index/tests/index_fixture.h"

namespace tarn::index {
namespace {

class Exact : public testing::TestWithParam<VectorMetric> {};
INSTANTIATE_TEST_SUITE_P(EveryMetric, Exact, AllMetrics(), MetricTestName);

TEST_P(Exact, ScanAgreesWithANaiveSearchOverSeveralUnalignedBlocks) {
  Data data = Clustered(1000, 33);
  if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(data);
  const Data queries = Clustered(5, 33, kSeed + 1);
  const Bitmap bitmap = RandomBitmap(1000, 0.3);
  const LiveRows live = bitmap.live();
  MemorySource source(data, VectorPrecision::kF32);
  const uint32_t first[] = {0};
  const std::byte* values = nullptr;
  ASSERT_TRUE(source.Fetch(first, &values).ok());
  for (const LiveRows* l : {static_cast<const LiveRows*>(nullptr), &live}) {
    for (size_t q = 0; q < queries.count(); ++q) {
      ExactScan scan(GetParam(), VectorPrecision::kF32, 33, queries.row(q), 20, l);
      scan.Add({values, 300, 0, nullptr});
      scan.Add({values + 300 * 33 * 4, 700, 300, nullptr});
      const auto found = scan.Finish();
      const auto truth = NaiveNearest(GetParam(), data, queries.row(q), 20, l);
      ASSERT_EQ(found.size(), truth.size());
      for (size_t i = 0; i < truth.size(); ++i) {
        EXPECT_NEAR(found[i].distance, truth[i], 1e-5 * (1 + std::abs(truth[i])));
      }
    }
  }
}

TEST_P(Exact, ScanUsesTheRowNumbersItIsGiven) {
  const float values[] = {1, 0, 0.8f, 0.6f, 0, 1};
  const uint32_t rows[] = {7, 40, 9};
  const float query[] = {0.8f, 0.6f};
  ExactScan scan(GetParam(), VectorPrecision::kF32, 2, query, 1, nullptr);
  scan.Add({reinterpret_cast<const std::byte*>(values), 3, 0, rows});
  EXPECT_EQ(scan.Finish().at(0).row, 40u);
}

TEST(ExactScan, RowsWithoutADistanceAreLeftOut) {
  const float values[] = {0, 0, std::nanf(""), 1, 1, 1};
  const float query[] = {1, 1};
  ExactScan scan(VectorMetric::kCosine, VectorPrecision::kF32, 2, query, 5, nullptr);
  scan.Add({reinterpret_cast<const std::byte*>(values), 3, 0, nullptr});
  const auto found = scan.Finish();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].row, 2u);
}

TEST(ExactScan, TiesGoByRow) {
  const std::vector<float> values(50, 1.0f);
  const float query = 2;
  ExactScan scan(VectorMetric::kEuclidean, VectorPrecision::kF32, 1, &query, 3, nullptr);
  for (uint32_t first : {20u, 0u, 10u}) {
    scan.Add({reinterpret_cast<const std::byte*>(values.data()), 10, first, nullptr});
  }
  EXPECT_EQ(scan.Finish(), (std::vector<Neighbor>{{1, 0}, {1, 1}, {1, 2}}));
}

TEST(ExactScan, LengthsWhoseSquaresOverflowHaveExactDistances) {
  const float values[] = {1e30f, 0, 2e-30f, 0};
  const float query[] = {0, 0};
  ExactScan scan(VectorMetric::kEuclidean, VectorPrecision::kF32, 2, query, 2, nullptr);
  scan.Add({reinterpret_cast<const std::byte*>(values), 2, 0, nullptr});
  EXPECT_EQ(scan.Finish(), (std::vector<Neighbor>{{2e-30f, 1}, {1e30f, 0}}));
}

}  // namespace
}  // namespace tarn::index
