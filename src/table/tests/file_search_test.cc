// SPDX-License-Identifier: Apache-2.0
//
// The index of a written file, searched through the vector column as the search room does.
#include <algorithm>

#include "file_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "table/file/file_reader.h"

namespace tarn {
namespace {

using index::Neighbor;

constexpr uint32_t kSeed = 41;

std::vector<Neighbor> Exact(const StoredVectorColumn& column, const float* query, uint32_t k) {
  const VectorStoragePolicy& policy = column.policy();
  index::ExactScan scan(policy.metric, column.block_precision(), static_cast<uint32_t>(policy.dim),
                        query, k, nullptr);
  const Status status = column.ForEachBlock([&](const index::ExactBlock& block) {
    scan.Add(block);
    return Status::OK();
  });
  EXPECT_TRUE(status.ok()) << status;
  return scan.Finish();
}

std::vector<Neighbor> Indexed(const StoredVectorColumn& column, const float* query, uint32_t k) {
  const auto source = column.NewRowSource().ValueOrDie();
  index::SearchScratch scratch;
  index::SearchOptions options;
  options.k = k;
  options.ef = 100;
  options.source = source.get();
  return (*column.index().ValueOrDie()).Search(query, options, scratch).ValueOrDie();
}

struct SearchCase {
  const char* name;
  VectorPrecision precision;
  VectorMetric metric;
  IndexType type;
  int64_t null_every;
  bool keep_raw;
};

class FileSearch : public testing::TestWithParam<SearchCase> {};

TEST_P(FileSearch, FindsTheNeighboursThatAScanFinds) {
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  const SearchCase& c = GetParam();
  VectorStoragePolicy policy = PolicyOf(24, c.precision, c.metric);
  policy.keep_raw_for_reranking = c.keep_raw;
  const auto vectors = RandomVectors(3000, 24, c.null_every, kSeed);
  const std::shared_ptr<Store> store = MemoryStore::Make();
  AilakeFileWriter writer(store, policy);
  const Status written = writer.WithIndexType(c.type)
                             .WithRowGroupRows(1100)
                             .Write("f", *MakeRows(3000), vectors)
                             .status();
  ASSERT_TRUE(written.ok()) << written;
  const auto reader = AilakeFileReader::Open(store, "f").ValueOrDie();
  EXPECT_EQ(reader->vector_columns()[0].index_type, c.type);
  const auto column = FileReader::Of(*reader).OpenVectorColumn(policy).ValueOrDie();
  const auto queries = RandomVectors(50, 24, 0, kSeed + 1);
  size_t found = 0;
  for (int64_t q = 0; q < queries.rows(); ++q) {
    const auto exact = Exact(*column, queries.Row(q), 10);
    const auto indexed = Indexed(*column, queries.Row(q), 10);
    ASSERT_EQ(exact.size(), 10u);
    ASSERT_EQ(indexed.size(), 10u);
    for (const Neighbor& neighbor : indexed) {
      ASSERT_FALSE(vectors.IsNull(neighbor.row));
      const auto same = [&](const Neighbor& other) { return other.row == neighbor.row; };
      const auto match = std::find_if(exact.begin(), exact.end(), same);
      if (match == exact.end()) continue;
      ++found;
      if (c.keep_raw) {
        ASSERT_FLOAT_EQ(match->distance, neighbor.distance);
      }
    }
  }
  EXPECT_GE(found, c.keep_raw ? 490u : 450u) << "of 500 neighbours";
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, FileSearch,
    testing::Values(SearchCase{"graph_f32", VectorPrecision::kF32, VectorMetric::kEuclidean,
                               IndexType::kHnsw, 0, true},
                    SearchCase{"graph_f32_nulls_cosine", VectorPrecision::kF32,
                               VectorMetric::kCosine, IndexType::kHnsw, 5, true},
                    SearchCase{"graph_f16_nulls_dot", VectorPrecision::kF16,
                               VectorMetric::kDotProduct, IndexType::kHnsw, 4, true},
                    SearchCase{"flat_f32_normalized", VectorPrecision::kF32,
                               VectorMetric::kNormalizedCosine, IndexType::kFlat, 0, true},
                    SearchCase{"flat_f16_nulls", VectorPrecision::kF16, VectorMetric::kEuclidean,
                               IndexType::kFlat, 3, true},
                    SearchCase{"graph_i8_nulls_cosine", VectorPrecision::kI8, VectorMetric::kCosine,
                               IndexType::kHnsw, 5, true},
                    SearchCase{"flat_i8_dot", VectorPrecision::kI8, VectorMetric::kDotProduct,
                               IndexType::kFlat, 0, true},
                    SearchCase{"graph_i8_codes_only", VectorPrecision::kI8,
                               VectorMetric::kEuclidean, IndexType::kHnsw, 4, false},
                    SearchCase{"graph_f32_codes_only", VectorPrecision::kF32, VectorMetric::kCosine,
                               IndexType::kHnsw, 6, false},
                    SearchCase{"graph_f16_codes_only", VectorPrecision::kF16, VectorMetric::kCosine,
                               IndexType::kHnsw, 0, false}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(FileSearchWithoutIndex, UnindexedFilesOfEveryPrecisionAreScanned) {
  for (const auto precision :
       {VectorPrecision::kF32, VectorPrecision::kF16, VectorPrecision::kI8}) {
    const auto policy = PolicyOf(24, precision);
    const auto vectors = RandomVectors(500, 24, 6, kSeed);
    const std::shared_ptr<Store> store = MemoryStore::Make();
    ASSERT_TRUE(
        AilakeFileWriter(store, policy).WriteParquetOnly("f", *MakeRows(500), vectors).ok());
    const auto reader = AilakeFileReader::Open(store, "f").ValueOrDie();
    const auto column = FileReader::Of(*reader).OpenVectorColumn(policy).ValueOrDie();
    EXPECT_EQ(column->index().ValueOrDie(), nullptr);
    for (uint32_t row = 0; row < 500; ++row) {
      if (vectors.IsNull(row)) continue;
      const auto nearest = Exact(*column, vectors.Row(row), 1);
      ASSERT_EQ(nearest.size(), 1u);
      EXPECT_EQ(nearest[0].row, row);
    }
  }
}

}  // namespace
}  // namespace tarn
