// SPDX-License-Identifier: Apache-2.0
//
// Searches that see rows from the time that they are accepted, each once, whatever is flushed.
#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "arrow/api.h"
#include "arrow/compute/expression.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tarn/mem_table_writer.h"
#include "tarn/search_session.h"
#include "tarn/table_writer.h"

namespace tarn {
namespace {

namespace cp = arrow::compute;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int32_t kDim = 8;
const TableIdent kTable{{"db"}, "t"};

class FreshSearch : public testing::Test {
 protected:
  static VectorStoragePolicy Policy(VectorPrecision precision = VectorPrecision::kF32) {
    VectorStoragePolicy policy;
    policy.column_name = "embedding";
    policy.dim = kDim;
    policy.metric = VectorMetric::kEuclidean;
    policy.precision = precision;
    return policy;
  }
  std::unique_ptr<MemTableWriter> Open(VectorStoragePolicy policy = Policy()) {
    MemTableConfig config;
    config.index_in_background = false;
    config.log.sync = LogSync::kNone;
    config.log.segment_bytes = 1 << 20;
    return MemTableWriter::Open(catalog_, store_, policy, kTable, config).ValueOrDie();
  }
  std::shared_ptr<SearchSession> Session(const MemTableWriter& writer) {
    return SearchSession::Open(catalog_, kTable, {.fresh = {writer.fresh_rows()}}).ValueOrDie();
  }

  /// Row `id` has the vector {id, 0.1, 0.1...} and the text "row <id>".
  static std::vector<float> VectorOf(int64_t id) {
    std::vector<float> vector(kDim, 0.1f);
    vector[0] = static_cast<float>(id);
    return vector;
  }
  static std::shared_ptr<arrow::RecordBatch> Rows(int64_t first, int64_t count) {
    arrow::Int64Builder ids;
    arrow::StringBuilder texts;
    for (int64_t id = first; id < first + count; ++id) {
      EXPECT_TRUE(ids.Append(id).ok());
      EXPECT_TRUE(texts.Append("row " + std::to_string(id)).ok());
    }
    return arrow::RecordBatch::Make(
        arrow::schema({arrow::field("id", arrow::int64()), arrow::field("text", arrow::utf8())}),
        count, {ids.Finish().ValueOrDie(), texts.Finish().ValueOrDie()});
  }
  static void Insert(MemTableWriter& writer, int64_t first, int64_t count) {
    std::vector<float> values;
    for (int64_t id = first; id < first + count; ++id) {
      const auto vector = VectorOf(id);
      values.insert(values.end(), vector.begin(), vector.end());
    }
    const auto inserted =
        writer.Insert(*Rows(first, count), EmbeddingsView::FromSpan(values, kDim).ValueOrDie());
    ASSERT_TRUE(inserted.ok()) << inserted.status();
  }
  static std::vector<int64_t> IdsOf(const arrow::Table& table) {
    std::vector<int64_t> ids;
    const auto column = table.GetColumnByName("id");
    if (column == nullptr) return ids;  // the table has no columns yet
    for (const auto& chunk : column->chunks()) {
      for (int64_t row = 0; row < chunk->length(); ++row)
        ids.push_back(static_cast<const arrow::Int64Array&>(*chunk).Value(row));
    }
    return ids;
  }
  static std::vector<int64_t> Nearest(SearchSession& session, int64_t id, uint32_t k,
                                      std::shared_ptr<const RowFilter> filter = nullptr) {
    SearchRequest request;
    request.k = k;
    request.filter = std::move(filter);
    const auto found = session.Search(VectorOf(id), request);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? IdsOf(**found) : std::vector<int64_t>();
  }

  std::shared_ptr<MemoryStore> store_ = MemoryStore::Make();
  std::shared_ptr<CatalogProvider> catalog_ = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
};

TEST_F(FreshSearch, ARowIsFoundFromTheTimeThatItIsAccepted) {
  auto writer = Open();
  const auto session = Session(*writer);
  EXPECT_THAT(Nearest(*session, 3, 2), ElementsAre());
  Insert(*writer, 0, 5);
  EXPECT_THAT(Nearest(*session, 3, 1), ElementsAre(3));
  Insert(*writer, 5, 5);
  EXPECT_THAT(Nearest(*session, 6, 1), ElementsAre(6));
  EXPECT_EQ(Nearest(*session, 6, 100).size(), 10u);
}

TEST_F(FreshSearch, ARowIsFoundOnceBeforeAndAfterItsFlush) {
  auto writer = Open();
  const auto session = Session(*writer);
  Insert(*writer, 0, 5);
  ASSERT_TRUE(writer->Flush().ok());
  Insert(*writer, 5, 5);
  const std::vector<int64_t> all = Nearest(*session, 0, 100);
  EXPECT_THAT(all, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  ASSERT_TRUE(writer->Flush().ok());
  EXPECT_EQ(Nearest(*session, 0, 100), all);
  EXPECT_EQ(session->view()->rows(), 10);
  EXPECT_EQ(session->view()->CountLiveRows().ValueOrDie(), 10);
}

TEST_F(FreshSearch, AViewShowsFilesThenBuffers) {
  auto writer = Open();
  Insert(*writer, 0, 5);
  ASSERT_TRUE(writer->Flush().ok());
  Insert(*writer, 5, 3);
  const auto session = Session(*writer);
  const auto view = session->view();
  ASSERT_EQ(view->files().size(), 2u);
  EXPECT_EQ(view->files()[1].rows, 3);
  EXPECT_TRUE(IsKind(view->OpenFile(1).status(), ErrorKind::kNotSupported));
  EXPECT_EQ(view->LiveRows(1).ValueOrDie(), nullptr);
  const auto scanned = view->Scan({"text"}).ValueOrDie()->ToTable().ValueOrDie();
  EXPECT_EQ(scanned->num_rows(), 8);
  const std::vector<uint32_t> rows = {2, 0};
  const auto read = view->ReadRows(1, rows, {"id"}).ValueOrDie();
  EXPECT_THAT(IdsOf(*read), ElementsAre(7, 5));
  const std::vector<uint32_t> none = {3};
  EXPECT_TRUE(IsKind(view->ReadRows(1, none, {"id"}).status(), ErrorKind::kNotFound));
  // The view stays what it is.
  Insert(*writer, 8, 2);
  EXPECT_EQ(view->rows(), 8);
}

TEST_F(FreshSearch, FiltersAndChosenColumnsWorkOnFreshRows) {
  auto writer = Open();
  Insert(*writer, 0, 5);
  ASSERT_TRUE(writer->Flush().ok());
  Insert(*writer, 5, 5);
  const auto session = Session(*writer);
  const auto even =
      cp::equal(cp::call("bit_wise_and", {cp::field_ref("id"), cp::literal(int64_t{1})}),
                cp::literal(int64_t{0}));
  const auto filter = RowFilter::Where(*session->view(), even).ValueOrDie();
  EXPECT_THAT(Nearest(*session, 7, 3, filter), ElementsAre(6, 8, 4));
  SearchRequest request;
  request.k = 1;
  request.columns = {"text"};
  const auto found = session->Search(VectorOf(9), request).ValueOrDie();
  EXPECT_EQ(found->schema()->field_names(),
            (std::vector<std::string>{"text", "_distance", "_file", "_pos"}));
  EXPECT_EQ(found->column(0)->GetScalar(0).ValueOrDie()->ToString(), "row 9");
  // A filter knows nothing of rows that came after it.
  Insert(*writer, 10, 1);
  EXPECT_THAT(Nearest(*session, 10, 1), ElementsAre(10));
  request.filter = filter;
  const Status late = session->Search(VectorOf(9), request).status();
  EXPECT_TRUE(IsKind(late, ErrorKind::kBadInput)) << late;
  EXPECT_THAT(late.message(), HasSubstr("filter"));
}

TEST_F(FreshSearch, DistancesAreThoseThatTheFileWillGive) {
  for (const VectorPrecision precision :
       {VectorPrecision::kF32, VectorPrecision::kF16, VectorPrecision::kI8}) {
    SCOPED_TRACE(PrecisionName(precision));
    (void)catalog_->DropTable(kTable);
    auto writer = Open(Policy(precision));
    std::mt19937 random(9);
    std::normal_distribution<float> normal;
    std::vector<float> values(50 * kDim), query(kDim);
    for (float& value : values) value = normal(random);
    for (float& value : query) value = normal(random);
    ASSERT_TRUE(
        writer->Insert(*Rows(0, 50), EmbeddingsView::FromSpan(values, kDim).ValueOrDie()).ok());
    const auto session = Session(*writer);
    SearchRequest request;
    request.k = 50;
    request.exact = true;
    const auto fresh = session->Search(query, request).ValueOrDie();
    ASSERT_TRUE(writer->Flush().ok());
    const auto stored = session->Search(query, request).ValueOrDie();
    EXPECT_EQ(IdsOf(*fresh), IdsOf(*stored));
    EXPECT_TRUE(fresh->GetColumnByName("_distance")->Equals(*stored->GetColumnByName("_distance")));
  }
}

TEST_F(FreshSearch, RowsWithoutAVectorAreNoNeighbours) {
  auto writer = Open();
  auto values = std::make_shared<arrow::FloatBuilder>();
  arrow::ListBuilder lists(arrow::default_memory_pool(), values);
  for (int64_t id = 0; id < 4; ++id) {
    ASSERT_TRUE((id % 2 == 0 ? lists.AppendNull() : lists.Append()).ok());
    if (id % 2 == 1) {
      ASSERT_TRUE(values->AppendValues(VectorOf(id)).ok());
    }
  }
  const auto rows = Rows(0, 4)->AddColumn(2, "embedding", lists.Finish().ValueOrDie()).ValueOrDie();
  ASSERT_TRUE(writer->Insert(*rows).ok());
  Insert(*writer, 4, 2);
  const auto session = Session(*writer);
  EXPECT_THAT(Nearest(*session, 0, 10), ElementsAre(1, 3, 4, 5));
}

TEST_F(FreshSearch, ManyQueriesAtOnceSeeFreshRows) {
  auto writer = Open();
  Insert(*writer, 0, 40);
  ASSERT_TRUE(writer->Flush().ok());
  Insert(*writer, 40, 40);
  const auto session = Session(*writer);
  std::vector<float> queries;
  for (int64_t id = 0; id < 80; id += 4) {
    const auto vector = VectorOf(id);
    queries.insert(queries.end(), vector.begin(), vector.end());
  }
  SearchRequest request;
  request.k = 1;
  const auto found =
      session->SearchBatch(EmbeddingsView::FromSpan(queries, kDim).ValueOrDie(), request)
          .ValueOrDie();
  const auto ids = IdsOf(*found);
  ASSERT_EQ(ids.size(), 20u);
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(ids[i], static_cast<int64_t>(4 * i));
}

TEST_F(FreshSearch, SeveralWritersShowTheirRowsInOneSession) {
  auto first = Open(), second = Open();
  const auto session =
      SearchSession::Open(catalog_, kTable, {.fresh = {first->fresh_rows(), second->fresh_rows()}})
          .ValueOrDie();
  Insert(*first, 0, 2);
  Insert(*second, 2, 2);
  EXPECT_THAT(Nearest(*session, 0, 10), ElementsAre(0, 1, 2, 3));
  ASSERT_TRUE(second->Flush().ok());
  EXPECT_THAT(Nearest(*session, 0, 10), ElementsAre(0, 1, 2, 3));
  ASSERT_TRUE(first->Close().ok());
  first.reset();
  EXPECT_THAT(Nearest(*session, 0, 10), ElementsAre(0, 1, 2, 3));
}

TEST_F(FreshSearch, FreshRowsDoNotBelongToThePast) {
  auto writer = Open();
  Insert(*writer, 0, 2);
  const SnapshotId snapshot = writer->Flush().ValueOrDie();
  const auto opened = SearchSession::Open(
      catalog_, kTable, {.as_of = AsOf{snapshot}, .fresh = {writer->fresh_rows()}});
  EXPECT_TRUE(IsKind(opened.status(), ErrorKind::kBadInput)) << opened.status();
}

TEST_F(FreshSearch, EverySearchDuringFlushesSeesEachAcceptedRowOnce) {
  auto writer = Open();
  Insert(*writer, 0, 1);
  const auto session = Session(*writer);
  constexpr int64_t kRows = 400;
  std::atomic<int64_t> accepted{1};
  std::atomic<bool> done{false};
  std::thread inserting([&] {
    for (int64_t id = 1; id < kRows; ++id) {
      Insert(*writer, id, 1);
      accepted = id + 1;
      if (id % 40 == 0) {
        EXPECT_TRUE(writer->Flush().ok());
      }
    }
    done = true;
  });
  std::vector<std::thread> searching;
  for (int thread = 0; thread < 2; ++thread) {
    searching.emplace_back([&] {
      while (!done) {
        const int64_t before = accepted;
        const auto ids = Nearest(*session, 0, 2 * kRows);
        const std::set<int64_t> distinct(ids.begin(), ids.end());
        EXPECT_EQ(distinct.size(), ids.size());
        EXPECT_GE(static_cast<int64_t>(ids.size()), before);
        // Without gaps: what came earlier is there.
        EXPECT_EQ(*distinct.rbegin() + 1, static_cast<int64_t>(distinct.size()));
      }
    });
  }
  inserting.join();
  for (auto& thread : searching) thread.join();
  EXPECT_EQ(Nearest(*session, 0, 2 * kRows).size(), static_cast<size_t>(kRows));
}

}  // namespace
}  // namespace tarn
