// SPDX-License-Identifier: Apache-2.0
//
// The bytes of an index depend on the vectors and options alone.
#include "base/crc32c.h"
#include "index/tests/index_fixture.h"
#include "kernels/simd.h"

namespace tarn::index {
namespace {

class Bytes : public testing::TestWithParam<VectorMetric> {};
INSTANTIATE_TEST_SUITE_P(EveryMetric, Bytes, AllMetrics(), MetricTestName);

std::vector<uint32_t> Digest(const Data& data, VectorMetric metric, int threads) {
  BuildOptions options;
  options.metric = metric;
  options.threads = threads;
  options.eight_bit_codes = true;
  std::vector<uint32_t> digest;
  const auto chunks = *BuildIndex(data.set(), options);
  for (const auto& chunk : chunks)
    digest.push_back(chunk.kind), digest.push_back(Crc32c(chunk.bytes));
  return digest;
}

TEST_P(Bytes, AreTheSameForAnyNumberOfThreads) {
  Data data = Clustered(6000, 24);
  if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(data);
  const auto one = Digest(data, GetParam(), 1);
  EXPECT_EQ(one, Digest(data, GetParam(), 2));
  EXPECT_EQ(one, Digest(data, GetParam(), 4));
}

TEST_P(Bytes, AreTheSameAtEverySimdLevel) {
  Data data = Clustered(1500, 100);
  if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(data);
  const auto before = kernels::ActiveSimdLevel();
  std::vector<std::vector<uint32_t>> digests;
  for (const auto level : kernels::SupportedSimdLevels()) {
    kernels::UseSimdLevel(level);
    digests.push_back(Digest(data, GetParam(), 1));
  }
  kernels::UseSimdLevel(before);
  EXPECT_THAT(digests, testing::Each(digests[0]));
}

TEST(Search, GivesTheSameRowsAtEverySimdLevel) {
  const Data data = Clustered(2000, 40);
  const auto index = BuildAndOpen(data.set(), {}, 2000);
  MemorySource source(data, VectorPrecision::kF32);
  const auto before = kernels::ActiveSimdLevel();
  std::vector<std::vector<uint32_t>> rows;
  for (const auto level : kernels::SupportedSimdLevels()) {
    kernels::UseSimdLevel(level);
    SearchScratch scratch;
    rows.emplace_back();
    for (uint32_t q = 0; q < 50; ++q) {
      for (const auto& n :
           *index->Search(data.row(q * 7), {.k = 10, .ef = 64, .source = &source}, scratch)) {
        rows.back().push_back(n.row);
      }
    }
  }
  kernels::UseSimdLevel(before);
  EXPECT_THAT(rows, testing::Each(rows[0]));
}

}  // namespace
}  // namespace tarn::index
