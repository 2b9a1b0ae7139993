// SPDX-License-Identifier: Apache-2.0
//
// Rows that are missing, moved or filtered.
#include <thread>

#include "index/tests/index_fixture.h"

namespace tarn::index {
namespace {

bool HasChunk(const std::vector<IndexChunk>& chunks, uint32_t kind) {
  return std::ranges::any_of(chunks, [&](const auto& c) { return c.kind == kind; });
}

TEST(IndexRows, TheRowMapIsLeftOutWhenEveryRowIsANode) {
  const Data data = Clustered(300, 8);
  EXPECT_FALSE(HasChunk(*BuildIndex(data.set(), {}), kNodeRowsChunk));
}

// Every third row has no vector.
struct Sparse {
  Data data = Clustered(2000, 24);
  std::vector<uint32_t> rows;
  std::vector<uint32_t> positions;
  VectorSet set;
  Sparse() {
    for (uint32_t i = 0; i < 2000; ++i) {
      if (i % 3 != 0) rows.push_back(i), positions.push_back(i);
    }
    set = data.set();
    set.rows = rows.data();
    set.positions = positions.data();
    set.count = rows.size();
  }
};

TEST(IndexRows, RowsWithoutVectorsAreNeverFoundAndOthersKeepTheirNumbers) {
  const Sparse sparse;
  const auto index = BuildAndOpen(sparse.set, {}, 2000);
  MemorySource source(sparse.data, VectorPrecision::kF32);
  SearchScratch scratch;
  for (uint32_t row = 1; row < 2000; row += 33) {
    const auto found =
        *index->Search(sparse.data.row(row), {.k = 5, .ef = 64, .source = &source}, scratch);
    for (const auto& n : found) EXPECT_NE(n.row % 3, 0u);
    EXPECT_EQ(found.at(0).row == row, row % 3 != 0);
  }
}

TEST(IndexRows, AllLiveIndexedRowsComeBackThoughTheFilterNamesOthersToo) {
  const Sparse sparse;
  const auto index = BuildAndOpen(sparse.set, {}, 2000);
  MemorySource source(sparse.data, VectorPrecision::kF32);
  SearchScratch scratch;
  const std::vector<uint64_t> words{~uint64_t{0}};  // rows 0 to 63, of which 42 are indexed
  const LiveRows live{words};
  const auto found = *index->Search(sparse.data.row(1000),
                                    {.k = 60, .ef = 10, .live = &live, .source = &source}, scratch);
  EXPECT_EQ(found.size(), 42u);
}

TEST(IndexRows, ADuplicateIsReturnedThoughItsFirstRowIsNotLive) {
  Data data = Clustered(1000, 8);
  for (size_t i : {400, 500, 600}) std::copy_n(data.row(300), 8, data.row(i));
  const auto index = BuildAndOpen(data.set(), {}, 1000);
  Bitmap bitmap = RandomBitmap(1000, 1.0);
  for (size_t dead : {300, 400}) bitmap.words[dead / 64] &= ~(uint64_t{1} << (dead % 64));
  const LiveRows live = bitmap.live();
  MemorySource source(data, VectorPrecision::kF32);
  SearchScratch scratch;
  const auto found =
      *index->Search(data.row(300), {.k = 2, .ef = 64, .live = &live, .source = &source}, scratch);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].row, 500u);
  EXPECT_EQ(found[1].row, 600u);
}

TEST(IndexRows, AFilterWithoutLiveRowsFindsNothing) {
  const Data data = Clustered(1000, 8);
  const auto index = BuildAndOpen(data.set(), {}, 1000);
  SearchScratch scratch;
  const LiveRows none{};
  EXPECT_TRUE(index->Search(data.row(0), {.k = 10, .ef = 64, .live = &none}, scratch)->empty());
}

TEST(IndexRows, LiveRowsFarFromTheQueryAreStillReturned) {
  // Half of the rows are live, and all of them lie far away from the query.
  Data data = Clustered(4000, 16);
  Bitmap bitmap{std::vector<uint64_t>((4000 + 63) / 64)};
  for (size_t i = 0; i < 4000; i += 2) {
    for (uint32_t d = 0; d < 16; ++d) data.row(i)[d] += 30;
    bitmap.words[i / 64] |= uint64_t{1} << (i % 64);
  }
  BuildOptions options;
  options.metric = VectorMetric::kEuclidean;
  const auto index = BuildAndOpen(data.set(), options, 4000);
  const LiveRows live = bitmap.live();
  Data queries = Clustered(20, 16, kSeed + 1);
  EXPECT_GE(MeasureRecall(*index.index, data, queries, {.ef = 20, .live = &live}), 0.9);
}

TEST(IndexRows, AScratchMayMoveBetweenIndexesOfDifferentSizes) {
  const Data small = Clustered(600, 8), large = Clustered(3000, 100);
  const auto a = BuildAndOpen(small.set(), {}, 600);
  const auto b = BuildAndOpen(large.set(), {}, 3000);
  SearchScratch scratch, fresh_a, fresh_b;
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(*a->Search(small.row(i), {}, scratch), *a->Search(small.row(i), {}, fresh_a));
    EXPECT_EQ(*b->Search(large.row(i), {}, scratch), *b->Search(large.row(i), {}, fresh_b));
  }
}

class OneIndex : public testing::TestWithParam<IndexType> {
 protected:
  /// Answers of several threads that start on a fresh index at once, with one filter or none.
  static std::vector<std::vector<Neighbor>> Answers(const VectorIndex& index, const Data& data,
                                                    const LiveRows* live) {
    std::vector<std::vector<Neighbor>> found(4);
    std::vector<std::jthread> threads;
    for (auto& answers : found) {
      threads.emplace_back([&] {
        MemorySource source(data, VectorPrecision::kF32);
        SearchScratch scratch;
        for (size_t q = 0; q < 50; ++q) {
          const auto some = *index.Search(
              data.row(q), {.k = 10, .ef = 64, .live = live, .source = &source}, scratch);
          answers.insert(answers.end(), some.begin(), some.end());
        }
      });
    }
    threads.clear();
    return found;
  }
};
INSTANTIATE_TEST_SUITE_P(EveryType, OneIndex,
                         testing::Values(IndexType::kHnsw, IndexType::kFlat, IndexType::kIvfPq));

TEST_P(OneIndex, IsSearchedByManyThreads) {
  const Data data = Clustered(3000, 32);
  const auto index = BuildAndOpen(data.set(), {.type = GetParam()}, 3000);
  const auto found = Answers(*index.index, data, nullptr);
  EXPECT_EQ(found[0].size(), 500u);
  EXPECT_THAT(found, testing::Each(found[0]));
}

TEST_P(OneIndex, IsSearchedByManyThreadsWithOneFilter) {
  // Missing rows, so that the first filtered search of all threads makes the map of the rows.
  const Sparse sparse;
  const Bitmap bitmap = RandomBitmap(2000, 0.2);
  const LiveRows live = bitmap.live();
  const Opened index(*BuildIndex(sparse.set, {.type = GetParam()}), 2000);
  ASSERT_TRUE(index.status.ok()) << index.status.ToString();
  const auto found = Answers(*index.index, sparse.data, &live);
  EXPECT_EQ(found[0].size(), 500u);
  for (const Neighbor& n : found[0]) EXPECT_TRUE(live.contains(n.row) && n.row % 3 != 0) << n.row;
  EXPECT_THAT(found, testing::Each(found[0]));
}

}  // namespace
}  // namespace tarn::index
