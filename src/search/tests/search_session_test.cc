// SPDX-License-Identifier: Apache-2.0
#include "tarn/search_session.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <thread>

#include "arrow/api.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tarn/indexing.h"
#include "tarn/table_writer.h"

namespace tarn {
namespace {

using ::testing::HasSubstr;

constexpr uint32_t kSeed = 21;
constexpr int32_t kDim = 12;
const TableIdent kTable{{"db"}, "t"};

/// A table in memory whose rows are known.
class SearchSessionTest : public ::testing::Test {
 protected:
  SearchSessionTest() {
    TableProperties properties(VectorStoragePolicy{"v", kDim, VectorMetric::kEuclidean});
    writer_ = TableWriter::CreateOrOpen(catalog_, kTable, properties).ValueOrDie();
  }

  /// Appends rows as one more file, and commits.
  void Append(int64_t rows, std::optional<IndexType> index = IndexType::kHnsw) {
    if (!index) writer_ = TableWriter::Make(catalog_, kTable, {.index = std::nullopt}).ValueOrDie();
    std::normal_distribution<float> normal;
    arrow::Int64Builder ids;
    const size_t first = vectors_.size();
    for (int64_t i = 0; i < rows; ++i) {
      ASSERT_TRUE(ids.Append(static_cast<int64_t>(first / kDim) + i).ok());
      for (int32_t d = 0; d < kDim; ++d) vectors_.push_back(normal(random_));
    }
    auto batch = arrow::RecordBatch::Make(arrow::schema({arrow::field("id", arrow::int64())}), rows,
                                          {ids.Finish().ValueOrDie()});
    const auto view =
        EmbeddingsView::FromSpan(std::span(vectors_).subspan(first), kDim).ValueOrDie();
    ASSERT_TRUE(writer_->WriteBatch(*batch, view).ok());
    ASSERT_TRUE(writer_->Commit().ok());
  }

  std::vector<float> Query(uint32_t seed) const {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> query(kDim);
    for (auto& value : query) value = normal(random);
    return query;
  }

  /// Ids by distance, by comparing with every row.
  std::vector<int64_t> Nearest(const std::vector<float>& query, size_t k) const {
    std::vector<std::pair<double, int64_t>> scored;
    for (size_t row = 0; row < vectors_.size() / kDim; ++row) {
      double squares = 0;
      for (int32_t d = 0; d < kDim; ++d)
        squares += std::pow(query[d] - vectors_[row * kDim + d], 2);
      scored.emplace_back(squares, row);
    }
    std::sort(scored.begin(), scored.end());
    std::vector<int64_t> ids;
    for (size_t i = 0; i < std::min(k, scored.size()); ++i) ids.push_back(scored[i].second);
    return ids;
  }

  static std::vector<int64_t> Ids(const arrow::Table& table) {
    std::vector<int64_t> ids;
    for (const auto& chunk : table.GetColumnByName("id")->chunks()) {
      for (int64_t i = 0; i < chunk->length(); ++i) {
        ids.push_back(static_cast<const arrow::Int64Array&>(*chunk).Value(i));
      }
    }
    return ids;
  }

  std::mt19937 random_{kSeed};
  std::vector<float> vectors_;
  std::shared_ptr<CatalogProvider> catalog_ =
      HadoopCatalog::Make(MemoryStore::Make(), "w").ValueOrDie();
  std::unique_ptr<TableWriter> writer_;
};

TEST_F(SearchSessionTest, MixesIndexedAndScannedFiles) {
  Append(400);
  Append(300, std::nullopt);
  Append(50);
  auto session = SearchSession::Open(catalog_, kTable).ValueOrDie();
  ASSERT_EQ(session->view()->files().size(), 3u);
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const auto query = Query(seed);
    auto found = session->Search(query, {.k = 10, .ef = 200}).ValueOrDie();
    EXPECT_EQ(Ids(*found), Nearest(query, 10)) << "seed " << seed;
    EXPECT_EQ(Ids(*session->Search(query, {.k = 10, .exact = true}).ValueOrDie()),
              Nearest(query, 10));
  }
}

TEST_F(SearchSessionTest, AnEmptyTableHasNoNeighbours) {
  auto session = SearchSession::Open(catalog_, kTable).ValueOrDie();
  EXPECT_TRUE(session->SearchHits(Query(1), {}).ValueOrDie().empty());
  EXPECT_EQ(session->Search(Query(1), {}).ValueOrDie()->num_rows(), 0);
}

TEST_F(SearchSessionTest, ColumnsAreThoseAskedForAndThePlaceOfTheRow) {
  Append(30);
  auto session = SearchSession::Open(catalog_, kTable).ValueOrDie();
  auto table = session->Search(Query(1), {.k = 3, .columns = {"v", "id"}}).ValueOrDie();
  EXPECT_THAT(table->ColumnNames(),
              ::testing::ElementsAre("v", "id", "_distance", "_file", "_pos"));
  table = session->Search(Query(1), {.k = 3}).ValueOrDie();
  EXPECT_THAT(table->ColumnNames(), ::testing::ElementsAre("id", "_distance", "_file", "_pos"));
  EXPECT_THAT(session->Search(Query(1), {.columns = {"x"}}).status().message(), HasSubstr("'x'"));
}

TEST_F(SearchSessionTest, ASessionStaysOnItsSnapshotUntilItIsRefreshed) {
  Append(20);
  auto session = SearchSession::Open(catalog_, kTable).ValueOrDie();
  Append(20);
  EXPECT_EQ(session->SearchHits(Query(1), {.k = 100}).ValueOrDie().size(), 20u);
  ASSERT_TRUE(session->Refresh().ok());
  EXPECT_EQ(session->SearchHits(Query(1), {.k = 100}).ValueOrDie().size(), 40u);
}

TEST_F(SearchSessionTest, ASessionMayRefreshItself) {
  Append(20, std::nullopt);
  SearchSession::Options options;
  options.refresh_every = std::chrono::milliseconds(0);
  auto fresh = SearchSession::Open(catalog_, kTable, options).ValueOrDie();
  options.refresh_every = std::chrono::hours(1);
  auto lazy = SearchSession::Open(catalog_, kTable, options).ValueOrDie();
  Append(20, std::nullopt);
  EXPECT_EQ(fresh->Search(Query(1), {.k = 100}).ValueOrDie()->num_rows(), 40);
  EXPECT_EQ(lazy->Search(Query(1), {.k = 100}).ValueOrDie()->num_rows(), 20);
  const auto view = fresh->view();
  EXPECT_EQ(fresh->Search(Query(1), {.k = 100}).ValueOrDie()->num_rows(), 40);
  EXPECT_EQ(fresh->view(), view) << "nothing happened: the view stays";
}

TEST_F(SearchSessionTest, SearchesMoveToAnIndexThatIsBuiltMeanwhile) {
  writer_ =
      TableWriter::Make(catalog_, kTable,
                        {.index = IndexType::kHnsw, .deferred = true, .index_in_background = false})
          .ValueOrDie();
  Append(800);
  SearchSession::Options options;
  options.refresh_every = std::chrono::milliseconds(0);
  auto session = SearchSession::Open(catalog_, kTable, options).ValueOrDie();
  EXPECT_EQ(Ids(**session->Search(Query(1), {.k = 10})), Nearest(Query(1), 10));
  const std::string before = session->view()->files()[0].path;
  ASSERT_EQ(BuildIndexes(catalog_, kTable)->files, 1);
  EXPECT_EQ(Ids(**session->Search(Query(1), {.k = 10})), Nearest(Query(1), 10));
  EXPECT_NE(session->view()->files()[0].path, before);
}

TEST_F(SearchSessionTest, BadRequestsAreRefusedWithTheirReason) {
  Append(5);
  auto session = SearchSession::Open(catalog_, kTable).ValueOrDie();
  EXPECT_THAT(session->SearchHits(Query(1), {.k = 0}).status().message(), HasSubstr("k is 0"));
  EXPECT_THAT(session->SearchHits(std::vector<float>(3), {}).status().message(),
              HasSubstr("3 elements"));
  auto query = Query(1);
  query[4] = NAN;
  EXPECT_THAT(session->SearchHits(query, {}).status().message(), HasSubstr("element 4"));
  EXPECT_THAT(session->SearchHits(Query(1), {.column = "w"}).status().message(), HasSubstr("'w'"));
}

TEST_F(SearchSessionTest, ABatchGivesWhatSingleSearchesGive) {
  Append(500);
  Append(100, std::nullopt);
  auto session = SearchSession::Open(catalog_, kTable, {.threads = 3}).ValueOrDie();
  std::vector<float> queries;
  for (uint32_t seed = 0; seed < 40; ++seed) {
    const auto query = Query(seed);
    queries.insert(queries.end(), query.begin(), query.end());
  }
  const auto view = EmbeddingsView::FromSpan(queries, kDim).ValueOrDie();
  const auto answers = session->SearchHitsBatch(view, {.k = 5}).ValueOrDie();
  ASSERT_EQ(answers.size(), 40u);
  for (uint32_t seed = 0; seed < 40; ++seed) {
    const auto single = session->SearchHits(Query(seed), {.k = 5}).ValueOrDie();
    ASSERT_EQ(answers[seed].size(), single.size());
    for (size_t i = 0; i < single.size(); ++i) {
      EXPECT_EQ(answers[seed][i].row, single[i].row);
      EXPECT_EQ(answers[seed][i].file, single[i].file);
    }
  }
}

TEST_F(SearchSessionTest, AnExactBatchGivesTheSameBitsAsSingleExactSearches) {
  Append(700);
  Append(300, std::nullopt);
  Append(3, std::nullopt);
  std::vector<float> queries;
  for (uint32_t seed = 0; seed < 40; ++seed) {
    const auto query = Query(seed);
    queries.insert(queries.end(), query.begin(), query.end());
  }
  const auto view = EmbeddingsView::FromSpan(queries, kDim).ValueOrDie();
  for (const int threads : {1, 2, 4}) {
    auto session = SearchSession::Open(catalog_, kTable, {.threads = threads}).ValueOrDie();
    for (const uint32_t k : {5u, 2000u}) {
      const auto answers = session->SearchHitsBatch(view, {.k = k, .exact = true}).ValueOrDie();
      for (uint32_t seed = 0; seed < 40; ++seed) {
        const auto single = session->SearchHits(Query(seed), {.k = k, .exact = true}).ValueOrDie();
        ASSERT_EQ(answers[seed].size(), single.size());
        for (size_t i = 0; i < single.size(); ++i) {
          EXPECT_EQ(answers[seed][i].distance, single[i].distance);
          EXPECT_EQ(answers[seed][i].row, single[i].row);
          EXPECT_EQ(answers[seed][i].file, single[i].file);
        }
      }
    }
  }
}

TEST_F(SearchSessionTest, AnExactBatchKeepsToTheFilter) {
  Append(200);
  Append(100, std::nullopt);
  auto session = SearchSession::Open(catalog_, kTable).ValueOrDie();
  std::vector<float> queries;
  for (uint32_t seed = 0; seed < 10; ++seed) {
    const auto query = Query(seed);
    queries.insert(queries.end(), query.begin(), query.end());
  }
  std::vector<std::vector<uint64_t>> words;
  for (const auto& file : session->view()->files()) {
    words.push_back({0b1010, file.rows > 100 ? 1ull : 0ull});
  }
  SearchRequest request{.k = 300, .exact = true};
  request.filter = RowFilter::FromBitmaps(*session->view(), words).ValueOrDie();
  const auto view = EmbeddingsView::FromSpan(queries, kDim).ValueOrDie();
  for (const auto& answer : session->SearchHitsBatch(view, request).ValueOrDie()) {
    EXPECT_EQ(answer.size(), 5u);
    for (const auto& hit : answer) {
      EXPECT_TRUE(words[hit.file][hit.row / 64] >> (hit.row % 64) & 1) << hit.row;
    }
  }
}

TEST_F(SearchSessionTest, ABatchNamesTheQueryThatCannotBeAsked) {
  Append(50, std::nullopt);
  auto session = SearchSession::Open(catalog_, kTable).ValueOrDie();
  std::vector<float> queries(20 * kDim, 1.0f);
  queries[7 * kDim + 2] = NAN;
  const auto view = EmbeddingsView::FromSpan(queries, kDim).ValueOrDie();
  const auto status = session->SearchHitsBatch(view, {.exact = true}).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kBadInput));
  EXPECT_THAT(status.message(), HasSubstr("query 7"));
}

/// Files of many sizes, with and without an index.
class ManyFiles : public SearchSessionTest {
 protected:
  ManyFiles() {
    for (int i = 0; i < 6; ++i) Append(i < 2 ? 3000 : 700);
    Append(3);
    Append(400, std::nullopt);
    Append(1, std::nullopt);
  }

  /// The share of the true nearest among what is found, over 30 queries.
  double Recall(SearchSession& session, const SearchRequest& request,
                const std::function<bool(int64_t)>& live = nullptr) {
    double right = 0, wanted = 0;
    for (uint32_t seed = 0; seed < 30; ++seed) {
      const auto query = Query(seed);
      std::vector<int64_t> truth;
      for (const int64_t id : Nearest(query, vectors_.size() / kDim)) {
        if (truth.size() < request.k && (!live || live(id))) truth.push_back(id);
      }
      const auto found = Ids(*session.Search(query, request).ValueOrDie());
      EXPECT_EQ(found.size(), truth.size());
      for (const int64_t id : found) {
        EXPECT_TRUE(!live || live(id)) << id;
        right += std::count(truth.begin(), truth.end(), id);
      }
      wanted += static_cast<double>(truth.size());
    }
    return right / wanted;
  }

  /// Bitmaps of the rows whose id passes.
  std::shared_ptr<const RowFilter> Filter(const ReadView& view,
                                          const std::function<bool(int64_t)>& live) {
    std::vector<std::vector<uint64_t>> words;
    for (const auto& file : view.files()) {
      auto& bits = words.emplace_back((static_cast<size_t>(file.rows) + 63) / 64);
      int64_t first = 0;  // id: the rows of earlier commits
      for (const auto& other : view.files()) {
        if (other.data_sequence_number < file.data_sequence_number) first += other.rows;
      }
      for (int64_t i = 0; i < file.rows; ++i) {
        if (live(first + i)) bits[static_cast<size_t>(i) / 64] |= uint64_t{1} << (i % 64);
      }
    }
    return RowFilter::FromBitmaps(view, std::move(words)).ValueOrDie();
  }
};

TEST_F(ManyFiles, TheDefaultKnobsFindTheNearestOverAllFiles) {
  for (const int threads : {1, 3}) {
    auto session = SearchSession::Open(catalog_, kTable, {.threads = threads}).ValueOrDie();
    EXPECT_GE(Recall(*session, {.k = 10}), 0.95) << threads;
    EXPECT_GE(Recall(*session, {.k = 100}), 0.95) << threads;
    EXPECT_EQ(Recall(*session, {.k = 10, .exact = true}), 1.0) << threads;
  }
}

TEST_F(ManyFiles, FilteredSearchesReturnLiveRowsAlone) {
  auto session = SearchSession::Open(catalog_, kTable, {.threads = 1}).ValueOrDie();
  for (const int64_t one_in : {2, 10, 100, 1000}) {
    const auto live = [&](int64_t id) { return id % one_in == 1; };
    const auto filter = Filter(*session->view(), live);
    EXPECT_GE(Recall(*session, {.k = 10, .filter = filter}, live), 0.95) << one_in;
    EXPECT_EQ(Recall(*session, {.k = 10, .exact = true, .filter = filter}, live), 1.0) << one_in;
  }
  const auto one_file = [](int64_t id) { return id >= 3000 && id < 3020; };
  EXPECT_EQ(Recall(*session, {.k = 10, .filter = Filter(*session->view(), one_file)}, one_file), 1);
  const auto none = [](int64_t) { return false; };
  EXPECT_TRUE(session->SearchHits(Query(1), {.filter = Filter(*session->view(), none)})
                  .ValueOrDie()
                  .empty());
}

TEST_F(ManyFiles, AFilterOfAnotherSnapshotIsRefused) {
  auto session = SearchSession::Open(catalog_, kTable).ValueOrDie();
  const auto filter = Filter(*session->view(), [](int64_t) { return true; });
  Append(5);
  ASSERT_TRUE(session->Refresh().ok());
  const auto status = session->SearchHits(Query(1), {.filter = filter}).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kBadInput));
  EXPECT_THAT(status.message(), HasSubstr("snapshot"));
}

TEST_F(ManyFiles, OneThreadGivesTheSameAnswerEveryTime) {
  auto session = SearchSession::Open(catalog_, kTable, {.threads = 1}).ValueOrDie();
  const auto first = session->SearchHits(Query(4), {.k = 20}).ValueOrDie();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(session->SearchHits(Query(static_cast<uint32_t>(i)), {}).ok());
    const auto again = session->SearchHits(Query(4), {.k = 20}).ValueOrDie();
    ASSERT_EQ(again.size(), first.size());
    for (size_t h = 0; h < first.size(); ++h) {
      EXPECT_EQ(again[h].row, first[h].row);
      EXPECT_EQ(again[h].distance, first[h].distance);
    }
  }
}

TEST_F(ManyFiles, ABatchIsOneTableWithTheNumberOfTheQuery) {
  auto session = SearchSession::Open(catalog_, kTable, {.threads = 2}).ValueOrDie();
  std::vector<float> queries;
  for (const uint32_t seed : {1, 2, 1}) {
    const auto query = Query(seed);
    queries.insert(queries.end(), query.begin(), query.end());
  }
  const auto view = EmbeddingsView::FromSpan(queries, kDim).ValueOrDie();
  const auto table = session->SearchBatch(view, {.k = 4}).ValueOrDie();
  EXPECT_THAT(table->ColumnNames(),
              ::testing::ElementsAre("_query", "id", "_distance", "_file", "_pos"));
  ASSERT_TRUE(table->ValidateFull().ok());
  ASSERT_EQ(table->num_rows(), 12);
  const auto ids = Ids(*table);
  for (int64_t i = 0; i < 12; ++i) {
    const auto number = table->column(0)->GetScalar(i).ValueOrDie();
    EXPECT_EQ(number->ToString(), std::to_string(i / 4));
    const auto single = session->Search(Query(i / 4 == 1 ? 2 : 1), {.k = 4}).ValueOrDie();
    EXPECT_EQ(ids[static_cast<size_t>(i)], Ids(*single)[static_cast<size_t>(i % 4)]);
  }
}

TEST_F(SearchSessionTest, ThreadsShareOneSessionAndOneFilterOverManyFiles) {
  for (int i = 0; i < 14; ++i) Append(300);
  for (int i = 0; i < 2; ++i) Append(100, std::nullopt);
  const auto session = SearchSession::Open(catalog_, kTable, {.threads = 3}).ValueOrDie();
  std::vector<std::vector<uint64_t>> words;
  for (const auto& file : session->view()->files()) {
    auto& even = words.emplace_back((static_cast<size_t>(file.rows) + 63) / 64);
    for (int64_t row = 0; row < file.rows; row += 2) {
      even[static_cast<size_t>(row / 64)] |= uint64_t{1} << (row % 64);
    }
  }
  const auto filter = RowFilter::FromBitmaps(*session->view(), words).ValueOrDie();
  const auto query = Query(3);
  const auto truth = Nearest(query, 20);
  std::atomic<int> wrong{0};
  std::vector<std::thread> searchers;
  for (int t = 0; t < 4; ++t) {
    searchers.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        const auto exact = session->Search(query, {.k = 20, .exact = true});
        wrong += !exact.ok() || Ids(**exact) != truth;
        const auto all = session->SearchHits(query, {.k = 20});
        wrong += !all.ok() || all->size() != 20;
        const auto some = session->SearchHits(query, {.k = 20, .filter = filter});
        wrong += !some.ok() || some->size() != 20;
        for (const auto& hit : some.ValueOr({})) wrong += hit.row % 2 != 0;
      }
    });
  }
  for (auto& thread : searchers) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(SearchSessionTest, ThreadsMaySearchWhileOthersRefreshAndCommit) {
  Append(100);
  auto session = SearchSession::Open(catalog_, kTable, {.threads = 2}).ValueOrDie();
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> searchers;
  for (int t = 0; t < 3; ++t) {
    searchers.emplace_back([&, t] {
      const auto query = Query(static_cast<uint32_t>(t));
      while (!stop) {
        auto found = session->Search(query, {.k = 7});
        wrong += !found.ok() || (*found)->num_rows() != 7;
      }
    });
  }
  for (int i = 0; i < 12; ++i) {
    Append(20);
    ASSERT_TRUE(session->Refresh().ok());
  }
  stop = true;
  for (auto& thread : searchers) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(session->view()->rows(), 340);
}

}  // namespace
}  // namespace tarn
