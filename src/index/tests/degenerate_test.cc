// SPDX-License-Identifier: Apache-2.0
//
// Data that break indexes: none, few, equal, far apart, huge, tiny, flat in some dimensions.
#include "index/tests/index_fixture.h"

namespace tarn::index {
namespace {

class Degenerate : public testing::TestWithParam<VectorMetric> {
 protected:
  BuildOptions Options(IndexType type = IndexType::kHnsw) const {
    BuildOptions options;
    options.type = type;
    options.metric = GetParam();
    return options;
  }
  // All rows of the data, as k and as ef smaller than k, must come back.
  void ExpectEveryRowComesBack(const VectorIndex& index, const Data& data, const float* query) {
    MemorySource source(data, VectorPrecision::kF32);
    SearchScratch scratch;
    const auto n = static_cast<uint32_t>(data.count());
    for (RowSource* s : {static_cast<RowSource*>(&source), static_cast<RowSource*>(nullptr)}) {
      const auto found = *index.Search(query, {.k = n + 5, .ef = 1, .source = s}, scratch);
      std::set<uint32_t> rows;
      for (const auto& neighbor : found) rows.insert(neighbor.row);
      EXPECT_EQ(rows.size(), n);
      EXPECT_EQ(found.size(), n);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(EveryMetric, Degenerate, AllMetrics(), MetricTestName);

TEST_P(Degenerate, AnEmptySetGivesAnIndexThatFindsNothing) {
  VectorSet empty;
  empty.dim = 8;
  for (auto type : {IndexType::kHnsw, IndexType::kFlat}) {
    const auto index = BuildAndOpen(empty, Options(type), 0);
    SearchScratch scratch;
    const float query[8] = {1};
    EXPECT_TRUE(index->Search(query, {}, scratch)->empty());
    EXPECT_EQ(index->row_count(), 0u);
  }
}

TEST_P(Degenerate, OneAndThreeRowsComeBackWhateverKAndEf) {
  for (const size_t n : {1, 3}) {
    Data data = Clustered(n, 5);
    if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(data);
    const auto index = BuildAndOpen(data.set(), Options(), n);
    ExpectEveryRowComesBack(*index.index, data, data.row(0));
  }
}

TEST_P(Degenerate, KZeroFindsNothing) {
  const Data data = Clustered(10, 5);
  const auto index = BuildAndOpen(data.set(), Options(), 10);
  SearchScratch scratch;
  EXPECT_TRUE(index->Search(data.row(0), {.k = 0}, scratch)->empty());
}

TEST_P(Degenerate, OneDimensionWorks) {
  Data data{1, {}};
  for (int i = 1; i <= 2000; ++i) data.values.push_back(0.01f * static_cast<float>(i));
  if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(data);
  const auto index = BuildAndOpen(data.set(), Options(), 2000);
  const Data queries{1, {0.5f, 7.77f, 19.0f}};
  EXPECT_GE(MeasureRecall(*index.index, data, queries, {}), 0.95);
  ExpectEveryRowComesBack(*index.index, data, queries.row(0));
}

TEST_P(Degenerate, TenThousandEqualRowsAreOneNodeAndAllComeBack) {
  Data data{16, {}};
  Data one = Clustered(1, 16);
  if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(one);
  for (int i = 0; i < 10000; ++i)
    data.values.insert(data.values.end(), one.values.begin(), one.values.end());
  const auto index = BuildAndOpen(data.set(), Options(), 10000);
  EXPECT_EQ(index->distinct_count(), 1u);
  EXPECT_EQ(index->row_count(), 10000u);
  MemorySource source(data, VectorPrecision::kF32);
  SearchScratch scratch;
  const auto ten = *index->Search(one.row(0), {.k = 10, .ef = 64, .source = &source}, scratch);
  ASSERT_EQ(ten.size(), 10u);
  for (uint32_t i = 0; i < 10; ++i) EXPECT_EQ(ten[i].row, i) << "ties go by row";
  ExpectEveryRowComesBack(*index.index, data, one.row(0));
}

TEST_P(Degenerate, RowsWithoutSpreadFarFromTheOriginMakeASoundIndex) {
  for (const size_t n : {1, 2, 700}) {
    for (const float length : {1e-20f, 100.0f, 1e6f, 1e18f}) {
      Data data{16, {}};
      Data one = Clustered(1, 16);
      if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(one);
      for (float& v : one.values) {
        if (GetParam() != VectorMetric::kNormalizedCosine) v *= length;
      }
      for (size_t i = 0; i < n; ++i) {
        data.values.insert(data.values.end(), one.values.begin(), one.values.end());
      }
      const auto index = BuildAndOpen(data.set(), Options(), n);
      EXPECT_TRUE(index->Verify().ok()) << n << " rows of " << length << ": " << index->Verify();
      ExpectEveryRowComesBack(*index.index, data, one.row(0));
    }
  }
}

TEST_P(Degenerate, AllButOneEqual) {
  Data data{16, {}};
  Data two = Clustered(2, 16);
  if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(two);
  for (int i = 0; i < 3000; ++i) {
    const float* row = two.row(i == 1234 ? 1 : 0);
    data.values.insert(data.values.end(), row, row + 16);
  }
  const auto index = BuildAndOpen(data.set(), Options(), 3000);
  EXPECT_EQ(index->distinct_count(), 2u);
  const Data queries{16, std::vector<float>(two.values)};
  EXPECT_EQ(MeasureRecall(*index.index, data, queries, {}), 1.0);
  ExpectEveryRowComesBack(*index.index, data, two.row(1));
}

TEST_P(Degenerate, FivePercentDuplicatesAreMergedAndRecallHolds) {
  Data data = Clustered(4000, 32);
  if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(data);
  for (size_t i = 20; i < 4000; i += 20) std::copy_n(data.row(i / 2), 32, data.row(i));
  const auto index = BuildAndOpen(data.set(), Options(), 4000);
  EXPECT_LT(index->distinct_count(), 3850u);
  EXPECT_GE(MeasureRecall(*index.index, data, Clustered(40, 32, kSeed + 1), {}), 0.95) << kSeed;
}

TEST_P(Degenerate, AGroupOfAThousandEqualRowsDoesNotHideTheOthers) {
  Data data = Clustered(4000, 32);
  if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(data);
  for (size_t i = 1000; i < 2000; ++i) std::copy_n(data.row(1000), 32, data.row(i));
  const auto index = BuildAndOpen(data.set(), Options(), 4000);
  Data queries{32, std::vector<float>(data.row(1000), data.row(1000) + 32)};
  EXPECT_EQ(MeasureRecall(*index.index, data, queries, {.k = 10}), 1.0);
  EXPECT_GE(MeasureRecall(*index.index, data, queries, {.k = 1100}), 0.98);
}

TEST_P(Degenerate, DeadAndOutlyingDimensionsDoNotHarm) {
  Data data = Clustered(4000, 40);
  for (size_t i = 0; i < data.count(); ++i) {
    data.row(i)[3] = data.row(i)[39] = 0;
    data.row(i)[7] *= 30;
    data.row(i)[11] += 100;
  }
  Data queries = Clustered(40, 40, kSeed + 1);
  for (size_t i = 0; i < queries.count(); ++i) {
    queries.row(i)[7] *= 30;
    queries.row(i)[11] += 100;
  }
  if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(data);
  const auto index = BuildAndOpen(data.set(), Options(), 4000);
  EXPECT_GE(MeasureRecall(*index.index, data, queries, {.ef = 100}), 0.9) << kSeed;
}

TEST_P(Degenerate, TwoFarClustersAreBothFound) {
  Data data = Clustered(4000, 32);
  for (size_t i = 0; i < data.count(); ++i) {
    for (uint32_t d = 0; d < 32; ++d) data.row(i)[d] += i % 2 ? 20.0f : -20.0f;
  }
  if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(data);
  const auto index = BuildAndOpen(data.set(), Options(), 4000);
  Data queries = Clustered(20, 32, kSeed + 1);
  for (size_t i = 0; i < queries.count(); ++i) {
    for (uint32_t d = 0; d < 32; ++d) queries.row(i)[d] += i % 2 ? 20.0f : -20.0f;
  }
  EXPECT_GE(MeasureRecall(*index.index, data, queries, {.ef = 200}), 0.9) << kSeed;
}

TEST_P(Degenerate, ClustersFartherApartThanCodesResolveAreStillFound) {
  Data data = Clustered(1500, 8);
  for (size_t i = 0; i < data.count(); ++i) {
    for (uint32_t d = 0; d < 8; ++d)
      data.row(i)[d] = data.row(i)[d] * 1e-4f + (i % 2 ? 100.f : -100.f);
  }
  const auto index = BuildAndOpen(data.set(), Options(), 1500);
  ExpectEveryRowComesBack(*index.index, data, data.row(3));
}

TEST_P(Degenerate, HugeAndSubnormalLengthsSurvive) {
  for (const float factor : {1e18f, 1e-18f, 1e-39f}) {
    Data data = Clustered(1500, 24);
    Data queries = Clustered(10, 24, kSeed + 1);
    if (GetParam() == VectorMetric::kNormalizedCosine) continue;  // its rows have length 1
    for (float& v : data.values) v *= factor;
    for (float& v : queries.values) v *= factor;
    const auto index = BuildAndOpen(data.set(), Options(), 1500);
    MemorySource source(data, VectorPrecision::kF32);
    SearchScratch scratch;
    double right = 0;
    for (size_t q = 0; q < queries.count(); ++q) {
      const auto truth = NaiveNearest(GetParam(), data, queries.row(q), 10);
      const auto found =
          *index->Search(queries.row(q), {.k = 10, .ef = 64, .source = &source}, scratch);
      ASSERT_EQ(found.size(), 10u);
      for (const auto& n : found) {
        EXPECT_TRUE(std::isfinite(n.distance));
        const double exact = NaiveDistance(GetParam(), queries.row(q), data.row(n.row), 24);
        // As floats: products of the smallest numbers are all zero.
        right += static_cast<float>(exact) <=
                 static_cast<float>(truth.back() + 1e-5 * std::abs(truth.back()));
      }
    }
    EXPECT_GE(right, factor > 1e-30f ? 90 : 70) << "of 100 at " << factor << ", seed " << kSeed;
  }
}

TEST_P(Degenerate, OneRowFarLongerThanAllOthersLeavesThemSearchable) {
  Data data = Clustered(2000, 24);
  if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(data);
  if (GetParam() != VectorMetric::kNormalizedCosine) {
    for (uint32_t d = 0; d < 24; ++d) data.row(77)[d] *= 1e12f;
  }
  const auto index = BuildAndOpen(data.set(), Options(), 2000);
  EXPECT_GE(MeasureRecall(*index.index, data, Clustered(20, 24, kSeed + 1), {}), 0.9) << kSeed;
}

TEST_P(Degenerate, AQueryThatIsNotFiniteIsRefused) {
  const Data data = Clustered(10, 4);
  const auto index = BuildAndOpen(data.set(), Options(), 10);
  SearchScratch scratch;
  for (const float bad : {std::nanf(""), INFINITY}) {
    const float query[4] = {1, bad, 0, 0};
    EXPECT_TRUE(IsKind(index->Search(query, {}, scratch).status(), ErrorKind::kBadInput));
  }
}

}  // namespace
}  // namespace tarn::index
