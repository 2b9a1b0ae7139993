// SPDX-License-Identifier: Apache-2.0
//
// Searches of tables with deletes: never a deleted row, never fewer than k while live rows exist,
// over files with and without an index.
#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "arrow/compute/expression.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "table/tests/foreign_table.h"
#include "tarn/search_session.h"

namespace tarn {
namespace {

using iceberg::Type;
using iceberg::TypeId;

constexpr int32_t kDim = 8;

/// Three files, indexed as asked, of random vectors; ids count through them. Row r of a file is
/// deleted where `gone` says so, by position deletes, a deletion vector and equality deletes.
class DeletedRowsTest : public ::testing::TestWithParam<std::optional<IndexType>> {
 protected:
  DeletedRowsTest()
      : table_(SchemaOf({Field(1, "id", TypeId::kLong),
                         Field(2, "v", Type::List(3, Type::Of(TypeId::kFloat), true))}),
               3) {
    table_.metadata.properties =
        TableProperties(VectorStoragePolicy{"v", kDim, VectorMetric::kEuclidean})
            .ToIceberg()
            .ValueOrDie();
  }

  /// Appends a file of so many rows; its location.
  std::string AddFile(int64_t rows, int64_t sequence) {
    std::normal_distribution<float> normal;
    const size_t first = vectors_.size();
    arrow::Int64Builder ids;
    for (int64_t i = 0; i < rows; ++i) {
      EXPECT_TRUE(ids.Append(static_cast<int64_t>(first / kDim) + i).ok());
      for (int32_t d = 0; d < kDim; ++d) vectors_.push_back(normal(random_));
    }
    const auto batch = arrow::RecordBatch::Make(arrow::schema({Column("id", arrow::int64(), 1)}),
                                                rows, {ids.Finish().ValueOrDie()});
    const auto view = EmbeddingsView::FromSpan(std::span(vectors_).subspan(first), kDim);
    AilakeFileWriter writer(table_.store, {"v", kDim, VectorMetric::kEuclidean});
    writer.WithVectorFieldId("v", 2, 3).WithIndexType(GetParam().value_or(IndexType::kHnsw));
    const std::string path = "t/data/" + std::to_string(++files_) + ".parquet";
    const auto written = GetParam() ? writer.Write(path, *batch, *view)
                                    : writer.WriteParquetOnly(path, *batch, *view);
    EXPECT_TRUE(written.ok()) << written.status();
    return table_.AddFile(path, rows, sequence).file_path;
  }

  std::shared_ptr<SearchSession> Session() {
    table_.Commit();
    return SearchSession::Open(table_.Catalog(), FixedCatalog::Ident(), {.threads = 1})
        .ValueOrDie();
  }

  std::vector<float> Query(uint32_t seed) const {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> query(kDim);
    for (float& value : query) value = normal(random);
    return query;
  }

  std::vector<int64_t> Nearest(const std::vector<float>& query, size_t k,
                               const std::set<int64_t>& gone) const {
    std::vector<std::pair<double, int64_t>> scored;
    for (size_t row = 0; row < vectors_.size() / kDim; ++row) {
      if (gone.contains(static_cast<int64_t>(row))) continue;
      double squares = 0;
      for (size_t d = 0; d < kDim; ++d) {
        squares += std::pow(query[d] - vectors_[row * kDim + d], 2);
      }
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
      const auto& array = static_cast<const arrow::Int64Array&>(*chunk);
      for (int64_t i = 0; i < array.length(); ++i) ids.push_back(array.Value(i));
    }
    return ids;
  }

  /// Deletes the ids of three files that hold 700, 300 and 40 rows: by position, by vector, and by
  /// value.
  void DeleteAll(const std::set<int64_t>& gone) {
    ForeignTable::Positions positions;
    std::set<uint64_t> vector;
    std::string keys;
    for (const int64_t id : gone) {
      if (id < 700)
        positions.emplace_back(locations_[0], id);
      else if (id < 1000)
        vector.insert(static_cast<uint64_t>(id - 700));
      else
        keys += (keys.empty() ? "" : ",") + std::to_string(id);
    }
    if (!positions.empty()) table_.AddPositionDeletes(positions, 5);
    if (!vector.empty()) table_.AddVector(locations_[1], vector, 5);
    if (!keys.empty()) {
      table_.AddEqualityDeletes(*RowsOf({Column("id", arrow::int64(), 1)}, {"[" + keys + "]"}), {1},
                                5);
    }
  }
  void AddThreeFiles() {
    for (const int64_t rows : {700, 300, 40}) locations_.push_back(AddFile(rows, 1));
  }
  std::set<int64_t> RandomIds(size_t count) {
    std::set<int64_t> ids;
    while (ids.size() < count) ids.insert(static_cast<int64_t>(random_() % 1040));
    return ids;
  }

  ForeignTable table_;
  std::mt19937 random_{11};
  std::vector<float> vectors_;
  std::vector<std::string> locations_;
  int files_ = 0;
};

TEST_P(DeletedRowsTest, ExactSearchesAgreeWithAComparisonOfEveryLiveRow) {
  AddThreeFiles();
  const auto gone = RandomIds(400);
  DeleteAll(gone);
  const auto session = Session();
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const auto found =
        session->Search(Query(seed), {.k = 25, .exact = true, .columns = {"id"}}).ValueOrDie();
    ASSERT_EQ(Ids(*found), Nearest(Query(seed), 25, gone)) << seed;
  }
}

TEST_P(DeletedRowsTest, ManyQueriesAtOnceAgreeToo) {
  AddThreeFiles();
  const auto gone = RandomIds(600);
  DeleteAll(gone);
  const auto session = Session();
  std::vector<float> queries;
  for (uint32_t seed = 0; seed < 30; ++seed) {
    const auto query = Query(seed);
    queries.insert(queries.end(), query.begin(), query.end());
  }
  const auto view = EmbeddingsView::FromSpan(queries, kDim).ValueOrDie();
  const auto answers = session->SearchHitsBatch(view, {.k = 15, .exact = true}).ValueOrDie();
  const std::vector<int64_t> first = {0, 700, 1000};
  for (uint32_t seed = 0; seed < 30; ++seed) {
    std::vector<int64_t> ids;
    for (const auto& hit : answers[seed]) ids.push_back(first[hit.file] + hit.row);
    ASSERT_EQ(ids, Nearest(Query(seed), 15, gone)) << seed;
  }
}

TEST_P(DeletedRowsTest, IndexesFindNearlyAllAndNeverADeletedRow) {
  AddThreeFiles();
  const auto gone = RandomIds(700);
  DeleteAll(gone);
  const auto session = Session();
  size_t right = 0;
  for (uint32_t seed = 0; seed < 30; ++seed) {
    const auto found =
        session->Search(Query(seed), {.k = 10, .ef = 100, .nprobe = 1000, .columns = {"id"}})
            .ValueOrDie();
    const auto ids = Ids(*found);
    ASSERT_EQ(ids.size(), 10u);
    const auto nearest = Nearest(Query(seed), 10, gone);
    for (const int64_t id : ids) {
      ASSERT_FALSE(gone.contains(id)) << id;
      right += static_cast<size_t>(std::count(nearest.begin(), nearest.end(), id));
    }
  }
  EXPECT_GE(right, 285u);
}

TEST_P(DeletedRowsTest, FewLiveRowsAreAllFound) {
  AddThreeFiles();
  std::set<int64_t> gone;
  for (int64_t id = 0; id < 1040; ++id) {
    if (id != 3 && id != 650 && id != 777 && id != 1039) gone.insert(id);
  }
  DeleteAll(gone);
  const auto session = Session();
  for (const bool exact : {false, true}) {
    const auto found =
        session->Search(Query(1), {.k = 10, .exact = exact, .columns = {"id"}}).ValueOrDie();
    auto ids = Ids(*found);
    EXPECT_EQ(ids, Nearest(Query(1), 10, gone));
  }
}

TEST_P(DeletedRowsTest, NothingIsFoundWhereEveryRowIsDeleted) {
  AddThreeFiles();
  std::set<int64_t> gone;
  for (int64_t id = 0; id < 1040; ++id) gone.insert(id);
  DeleteAll(gone);
  const auto session = Session();
  for (const bool exact : {false, true}) {
    EXPECT_EQ(session->Search(Query(1), {.k = 10, .exact = exact}).ValueOrDie()->num_rows(), 0);
  }
}

TEST_P(DeletedRowsTest, AFilterAndDeletesHoldTogether) {
  namespace cp = arrow::compute;
  AddThreeFiles();
  auto gone = RandomIds(300);
  DeleteAll(gone);
  const auto session = Session();
  const auto filter =
      RowFilter::Where(*session->view(),
                       cp::greater_equal(cp::field_ref("id"), cp::literal(int64_t{600})))
          .ValueOrDie();
  const auto everything =
      RowFilter::FromBitmaps(*session->view(), {std::vector<uint64_t>(10, ~uint64_t{0}),
                                                std::vector<uint64_t>(4, ~uint64_t{0}),
                                                {(uint64_t{1} << 40) - 1}})
          .ValueOrDie();
  for (uint32_t seed = 0; seed < 10; ++seed) {
    const auto all =
        session
            ->Search(Query(seed),
                     {.k = 1000, .exact = true, .filter = everything, .columns = {"id"}})
            .ValueOrDie();
    for (const int64_t id : Ids(*all)) ASSERT_FALSE(gone.contains(id));
  }
  for (int64_t id = 0; id < 600; ++id) gone.insert(id);
  for (uint32_t seed = 0; seed < 10; ++seed) {
    const auto found =
        session->Search(Query(seed), {.k = 9, .exact = true, .filter = filter, .columns = {"id"}})
            .ValueOrDie();
    ASSERT_EQ(Ids(*found), Nearest(Query(seed), 9, gone));
  }
}

INSTANTIATE_TEST_SUITE_P(Indexes, DeletedRowsTest,
                         ::testing::Values(std::nullopt, IndexType::kHnsw, IndexType::kIvfPq,
                                           IndexType::kFlat),
                         [](const auto& info) {
                           return info.param ? std::string(IndexTypeName(*info.param)) : "none";
                         });

/// What Spark may have left in a vector column is no neighbour, and harms neither scans nor
/// searches.
TEST(ForeignVectors, NullsOtherLengthsAndNaNAreScannedButNoNeighbours) {
  ForeignTable table(SchemaOf({Field(1, "id", TypeId::kLong),
                               Field(2, "v", Type::List(3, Type::Of(TypeId::kFloat), false))}));
  table.metadata.properties =
      TableProperties(VectorStoragePolicy{"v", 2, VectorMetric::kCosine}).ToIceberg().ValueOrDie();
  const auto list = arrow::list(Column("element", arrow::float32(), 3));
  table.AddData(*RowsOf({Column("id", arrow::int64(), 1), Column("v", list, 2)},
                        {"[0, 1, 2, 3, 4, 5, 6, 7]",
                         "[[1, 0], null, [1], [1, 2, 3], [null, 1], [NaN, 1], [0, 0], [0, 1]]"}),
                1);
  const auto view = table.View();
  EXPECT_EQ(ScanAll(*view)[0]->column(1)->null_count(), 1);
  const auto session =
      SearchSession::Open(table.Catalog(), FixedCatalog::Ident(), {.threads = 1}).ValueOrDie();
  const std::vector<float> query = {1, 0};
  for (const bool exact : {false, true}) {
    const auto hits = session->SearchHits(query, {.k = 8, .exact = exact}).ValueOrDie();
    ASSERT_EQ(hits.size(), 2u);
    EXPECT_EQ(hits[0].row, 0u);
    EXPECT_EQ(hits[1].row, 7u);
  }
}

TEST(ForeignVectors, ARenamedVectorColumnIsFoundInOlderFilesAndANewOneOfItsNameIsNot) {
  ForeignTable table(SchemaOf({Field(1, "id", TypeId::kLong),
                               Field(2, "v", Type::List(3, Type::Of(TypeId::kFloat), false))}));
  table.metadata.properties = TableProperties(VectorStoragePolicy{"v", 2, VectorMetric::kEuclidean})
                                  .ToIceberg()
                                  .ValueOrDie();
  const auto list = [](int element) {
    return arrow::list(Column("element", arrow::float32(), element));
  };
  const auto id = Column("id", arrow::int64(), 1);
  table.AddData(*RowsOf({id, Column("old", list(3), 2)}, {"[10]", "[[1, 0]]"}), 1);
  table.AddData(*RowsOf({id, Column("v", list(8), 7)}, {"[20]", "[[1, 0]]"}), 1);
  table.AddData(*RowsOf({id}, {"[30]"}), 1);
  table.AddData(*RowsOf({id, Column("v", list(3), 2)}, {"[40]", "[[0, 0]]"}), 1);
  table.Commit();
  const auto session =
      SearchSession::Open(table.Catalog(), FixedCatalog::Ident(), {.threads = 1}).ValueOrDie();
  const std::vector<float> query = {1, 0};
  const auto hits = session->SearchHits(query, {.k = 8}).ValueOrDie();
  ASSERT_EQ(hits.size(), 2u);
  EXPECT_EQ(hits[0].file, 0u);
  EXPECT_EQ(hits[1].file, 3u);
}

TEST(ForeignVectors, AMissingDataFileIsAnErrorNotAnEmptyOne) {
  ForeignTable table(SchemaOf({Field(1, "id", TypeId::kLong),
                               Field(2, "v", Type::List(3, Type::Of(TypeId::kFloat), false))}));
  table.metadata.properties = TableProperties(VectorStoragePolicy{"v", 2, VectorMetric::kEuclidean})
                                  .ToIceberg()
                                  .ValueOrDie();
  table.AddData(*RowsOf({Column("id", arrow::int64(), 1)}, {"[10]"}), 1).file_path =
      "memory:///t/data/gone.parquet";
  table.Commit();
  const auto session = SearchSession::Open(table.Catalog(), FixedCatalog::Ident()).ValueOrDie();
  const std::vector<float> query = {1, 0};
  EXPECT_TRUE(IsKind(session->SearchHits(query, {.k = 8}).status(), ErrorKind::kNotFound));
}

}  // namespace
}  // namespace tarn
