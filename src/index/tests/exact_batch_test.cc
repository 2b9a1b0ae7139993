// SPDX-License-Identifier: Apache-2.0
#include "index/exact_batch.h"

#include "index/tests/index_fixture.h"

namespace tarn::index {
namespace {

/// One block of stored rows, one byte off any alignment.
struct Stored {
  Stored(const Data& data, VectorPrecision precision) : source(data, precision) {
    const uint32_t first[] = {0};
    EXPECT_TRUE(source.Fetch(first, &values).ok());
  }
  MemorySource source;
  const std::byte* values = nullptr;
};

struct Case {
  VectorMetric metric = VectorMetric::kCosine;
  VectorPrecision precision = VectorPrecision::kF32;
  uint32_t k = 10;
  const LiveRows* live = nullptr;
  int threads = 1;
};

ExactBatchQuery Ask(const Case& c, const Data& queries) {
  ExactBatchQuery ask;
  ask.metric = c.metric;
  ask.precision = c.precision;
  ask.dim = queries.dim;
  ask.queries = queries.values.data();
  ask.count = queries.count();
  ask.k = c.k;
  ask.live = c.live;
  ask.threads = c.threads;
  return ask;
}

std::vector<std::vector<Neighbor>> OneByOne(const Case& c, const Data& queries,
                                            std::span<const ExactBlock> blocks) {
  std::vector<std::vector<Neighbor>> answers;
  for (size_t q = 0; q < queries.count(); ++q) {
    ExactScan scan(c.metric, c.precision, queries.dim, queries.row(q), c.k, c.live);
    for (const auto& block : blocks) scan.Add(block);
    answers.push_back(scan.Finish());
  }
  return answers;
}

class Batch : public testing::TestWithParam<VectorMetric> {};
INSTANTIATE_TEST_SUITE_P(EveryMetric, Batch, AllMetrics(), MetricTestName);

TEST_P(Batch, FindsTheNearestRowsAsBruteForceInDoubleDoes) {
  for (const uint32_t dim : {1u, 33u}) {
    Data data = Clustered(1500, dim);
    if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(data);
    Data queries = Clustered(7, dim, kSeed + 1);
    const Stored stored(data, VectorPrecision::kF32);
    const ExactBlock blocks[] = {{stored.values, 1500, 0, nullptr}};
    const auto found =
        SearchExactBatch(Ask({GetParam(), VectorPrecision::kF32, 20}, queries), blocks);
    for (size_t q = 0; q < queries.count(); ++q) {
      const auto truth = NaiveNearest(GetParam(), data, queries.row(q), 20);
      ASSERT_EQ(found[q].size(), truth.size());
      for (size_t i = 0; i < truth.size(); ++i) {
        EXPECT_NEAR(found[q][i].distance, truth[i], 1e-5 * (1 + std::abs(truth[i])));
      }
    }
  }
}

TEST_P(Batch, AnswersAreThoseOfSingleScansToTheBitForAnyThreadsAndCuts) {
  constexpr size_t kRows = 3001;
  const Bitmap bitmap = RandomBitmap(kRows, 0.3);
  const LiveRows live = bitmap.live();
  for (const auto precision :
       {VectorPrecision::kF32, VectorPrecision::kF16, VectorPrecision::kI8}) {
    Data data = Clustered(kRows, 29);
    if (GetParam() == VectorMetric::kNormalizedCosine) {
      Normalise(data);
    } else {
      VaryLengths(data);
    }
    const Data queries = Clustered(300, 29, kSeed + 1);
    const Stored stored(data, precision);
    const size_t stride = 29 * ElementBytes(precision);
    const float step = stored.source.step();
    const ExactBlock blocks[] = {{stored.values, 700, 0, nullptr, step},
                                 {stored.values + 700 * stride, 1, 700, nullptr, step},
                                 {stored.values + 701 * stride, 2300, 701, nullptr, step}};
    for (const LiveRows* l : {static_cast<const LiveRows*>(nullptr), &live}) {
      const auto wanted = OneByOne({GetParam(), precision, 10, l}, queries, blocks);
      for (const int threads : {1, 2, 4}) {
        EXPECT_EQ(SearchExactBatch(Ask({GetParam(), precision, 10, l, threads}, queries), blocks),
                  wanted)
            << "threads " << threads;
      }
    }
  }
}

TEST_P(Batch, BlocksOfSeveralStepsHaveTheDistancesOfTheirValues) {
  const Data small = Clustered(800, 11), queries = Clustered(20, 11, kSeed + 1);
  Data large = Clustered(700, 11, kSeed + 2);
  for (float& v : large.values) v *= 1.9f;
  const Stored first(small, VectorPrecision::kI8), second(large, VectorPrecision::kI8);
  ASSERT_NE(first.source.step(), second.source.step());
  const ExactBlock blocks[] = {{first.values, 800, 0, nullptr, first.source.step()},
                               {second.values, 700, 800, nullptr, second.source.step()}};
  Data all{11, {}};
  for (const auto& [data, step] :
       {std::pair{&small, first.source.step()}, {&large, second.source.step()}}) {
    for (float v : data->values) {
      all.values.push_back(step * static_cast<float>(RoundToSteps(v, step)));
    }
  }
  const Stored floats(all, VectorPrecision::kF32);
  const ExactBlock whole[] = {{floats.values, 1500, 0, nullptr}};
  const Case bytes{GetParam(), VectorPrecision::kI8, 10};
  const auto wanted = OneByOne({GetParam(), VectorPrecision::kF32, 10}, queries, whole);
  // To the bit: a step is a power of two.
  EXPECT_EQ(OneByOne(bytes, queries, blocks), wanted);
  EXPECT_EQ(SearchExactBatch(Ask(bytes, queries), blocks), wanted);
}

TEST_P(Batch, RowsFarFromTheOriginLoseNoNeighbourToCancellation) {
  Data data = Clustered(2000, 16);
  for (float& v : data.values) v = 3000 + 0.01f * v;
  if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(data);
  Data queries = Clustered(20, 16, kSeed + 1);
  for (float& v : queries.values) v = 3000 + 0.01f * v;
  const Stored stored(data, VectorPrecision::kF32);
  const ExactBlock blocks[] = {{stored.values, 2000, 0, nullptr}};
  const Case c{GetParam(), VectorPrecision::kF32, 10};
  EXPECT_EQ(SearchExactBatch(Ask(c, queries), blocks), OneByOne(c, queries, blocks));
}

TEST_P(Batch, AnyLengthsGiveTheAnswersOfSingleScans) {
  Data data = Clustered(900, 8);
  const float factors[] = {1e-38f, 1e-25f, 1e-15f, 1, 1e15f, 1e19f, 1e30f, 1e37f};
  for (size_t i = 0; i < data.count(); ++i) {
    for (uint32_t d = 0; d < 8; ++d) data.row(i)[d] *= factors[i % 8];
  }
  Data queries = Clustered(8, 8, kSeed + 1);
  for (size_t q = 0; q < 8; ++q) {
    for (uint32_t d = 0; d < 8; ++d) queries.row(q)[d] *= factors[q];
  }
  const Stored stored(data, VectorPrecision::kF32);
  const ExactBlock blocks[] = {{stored.values, 900, 0, nullptr}};
  for (const uint32_t k : {1u, 40u}) {
    const Case c{GetParam(), VectorPrecision::kF32, k};
    EXPECT_EQ(SearchExactBatch(Ask(c, queries), blocks), OneByOne(c, queries, blocks));
  }
}

TEST_P(Batch, AskingForMoreRowsThanThereAreGivesThemAll) {
  const Data data = Clustered(600, 5);
  const Data queries = Clustered(3, 5, kSeed + 1);
  const Stored stored(data, VectorPrecision::kF32);
  const ExactBlock blocks[] = {{stored.values, 600, 0, nullptr}};
  const Case c{GetParam(), VectorPrecision::kF32, 1000};
  const auto found = SearchExactBatch(Ask(c, queries), blocks);
  EXPECT_EQ(found[2].size(), 600u);
  EXPECT_EQ(found, OneByOne(c, queries, blocks));
}

TEST_P(Batch, RowsWithoutADistanceAreLeftOut) {
  Data data = Clustered(1200, 6);
  for (size_t i = 0; i < data.count(); i += 3) {
    for (uint32_t d = 0; d < 6; ++d) data.row(i)[d] = i % 2 ? 0 : std::nanf("");
  }
  const Data queries = Clustered(5, 6, kSeed + 1);
  const Stored stored(data, VectorPrecision::kF32);
  const ExactBlock blocks[] = {{stored.values, 1200, 0, nullptr}};
  for (const uint32_t k : {10u, 1200u}) {
    const Case c{GetParam(), VectorPrecision::kF32, k};
    EXPECT_EQ(SearchExactBatch(Ask(c, queries), blocks), OneByOne(c, queries, blocks));
  }
}

TEST(ExactBatch, TiesGoByRowInWhateverOrderBlocksCome) {
  const std::vector<float> values(4000, 1.0f);
  const Data queries{1, {2, 3}};
  std::vector<ExactBlock> blocks;
  for (uint32_t first : {2000u, 0u, 1000u}) {
    blocks.push_back({reinterpret_cast<const std::byte*>(values.data()), 1000, first, nullptr});
  }
  const auto found =
      SearchExactBatch(Ask({VectorMetric::kEuclidean, VectorPrecision::kF32, 3}, queries), blocks);
  EXPECT_EQ(found[0], (std::vector<Neighbor>{{1, 0}, {1, 1}, {1, 2}}));
  EXPECT_EQ(found[1], (std::vector<Neighbor>{{2, 0}, {2, 1}, {2, 2}}));
}

TEST(ExactBatch, RowsAtTheBoundStayAndFartherOnesMayGo) {
  const Data data = Clustered(1000, 12);
  const Data queries = Clustered(9, 12, kSeed + 1);
  const Stored stored(data, VectorPrecision::kF32);
  const ExactBlock blocks[] = {{stored.values, 1000, 0, nullptr}};
  auto ask = Ask({VectorMetric::kEuclidean, VectorPrecision::kF32, 10}, queries);
  const auto wanted = SearchExactBatch(ask, blocks);
  std::vector<float> bounds;
  for (const auto& nearest : wanted) bounds.push_back(nearest[4].distance);
  ask.bounds = bounds.data();
  const auto found = SearchExactBatch(ask, blocks);
  for (size_t q = 0; q < wanted.size(); ++q) {
    ASSERT_GE(found[q].size(), 5u);
    EXPECT_TRUE(std::equal(wanted[q].begin(), wanted[q].begin() + 5, found[q].begin()));
  }
}

TEST(ExactBatch, NoQueriesAndNoRowsAreNoError) {
  const Data none{3, {}};
  const Data one{3, {1, 2, 3}};
  EXPECT_TRUE(SearchExactBatch(Ask({}, none), {}).empty());
  EXPECT_EQ(SearchExactBatch(Ask({}, one), {}), std::vector<std::vector<Neighbor>>(1));
}

}  // namespace
}  // namespace tarn::index
