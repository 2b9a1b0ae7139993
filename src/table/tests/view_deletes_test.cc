// SPDX-License-Identifier: Apache-2.0
//
// Tables with delete files, read through a view.
#include <numeric>
#include <thread>

#include "arrow/compute/expression.h"
#include "foreign_table.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tarn/row_filter.h"
#include "tarn/table_writer.h"

namespace tarn {
namespace {

using iceberg::Type;
using iceberg::TypeId;
using iceberg::Value;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

iceberg::Schema IdAndName() {
  return SchemaOf({Field(1, "id", TypeId::kLong), Field(2, "name", TypeId::kString)});
}

/// Ids from `first` on, each named "n<id>"; every fifth name is null.
std::shared_ptr<arrow::RecordBatch> Rows(int64_t first, int64_t count) {
  std::string ids, names;
  for (int64_t id = first; id < first + count; ++id) {
    ids += (ids.empty() ? "" : ",") + std::to_string(id);
    names += (names.empty() ? "" : ",") +
             (id % 5 == 0 ? std::string("null") : "\"n" + std::to_string(id) + "\"");
  }
  return RowsOf({Column("id", arrow::int64(), 1), Column("name", arrow::utf8(), 2)},
                {"[" + ids + "]", "[" + names + "]"});
}

std::vector<int64_t> Range(int64_t first, int64_t count, const std::set<int64_t>& without = {}) {
  std::vector<int64_t> ids;
  for (int64_t id = first; id < first + count; ++id) {
    if (!without.contains(id)) ids.push_back(id);
  }
  return ids;
}

class ViewDeletesTest : public ::testing::Test {
 protected:
  ForeignTable table_{IdAndName(), 3};
};

TEST_F(ViewDeletesTest, WithoutDeletesEveryRowIsLive) {
  table_.AddData(*Rows(0, 100), 1);
  const auto view = table_.View();
  EXPECT_EQ(view->LiveRows(0).ValueOrDie(), nullptr);
  EXPECT_EQ(view->CountLiveRows().ValueOrDie(), 100);
  EXPECT_THAT(view->delete_files(), IsEmpty());
}

TEST_F(ViewDeletesTest, OnePositionDeleteFileServesSeveralDataFiles) {
  const std::string a = table_.AddData(*Rows(0, 100), 1).file_path;
  const std::string b = table_.AddData(*Rows(100, 70), 1).file_path;
  table_.AddPositionDeletes({{a, 0}, {a, 63}, {a, 64}, {a, 99}, {b, 5}}, 2);
  const auto view = table_.View();
  EXPECT_EQ(ScanIds(*view), Range(0, 170, {0, 63, 64, 99, 105}));
  EXPECT_EQ(view->rows(), 170);
  EXPECT_EQ(view->CountLiveRows().ValueOrDie(), 165);
  ASSERT_EQ(view->delete_files().size(), 1u);
  EXPECT_EQ(view->delete_files()[0].kind, ViewDeleteFile::Kind::kPositions);
  EXPECT_EQ(view->delete_files()[0].records, 5);
  const auto live = view->LiveRows(0).ValueOrDie();
  EXPECT_EQ(live->count, 96u);
  EXPECT_FALSE(live->contains(64));
  EXPECT_TRUE(live->contains(65));
  EXPECT_FALSE(live->contains(100));
  EXPECT_EQ(live->Select(0), 1u);
  EXPECT_EQ(live->Select(62), 65u);
  EXPECT_EQ(live->Select(95), 98u);
}

TEST_F(ViewDeletesTest, DeletesOfRowsThatAreNotThereTwiceOrInFilesThatAreGoneAreHarmless) {
  const std::string a = table_.AddData(*Rows(0, 100), 1).file_path;
  table_.AddPositionDeletes({{a, -1},
                             {a, 7},
                             {a, 7},
                             {a, 100},
                             {a, 127},
                             {a, int64_t{1} << 40},
                             {"memory:///t/data/gone.parquet", 3},
                             {"s3://elsewhere/x", 4}},
                            2);
  table_.AddPositionDeletes({{a, 7}}, 2);
  table_.AddVector("memory:///t/data/gone.parquet", {1}, 3);
  EXPECT_EQ(ScanIds(*table_.View()), Range(0, 100, {7}));
}

TEST_F(ViewDeletesTest, AFileAllOfWhoseRowsAreDeletedGivesAnEmptyBatch) {
  const std::string a = table_.AddData(*Rows(0, 64), 1).file_path;
  table_.AddData(*Rows(64, 3), 1);
  ForeignTable::Positions all;
  for (int64_t row = 0; row < 64; ++row) all.emplace_back(a, row);
  table_.AddPositionDeletes(all, 2);
  const auto batches = ScanAll(*table_.View());
  ASSERT_EQ(batches.size(), 2u);
  EXPECT_EQ(batches[0]->num_rows(), 0);
  EXPECT_EQ(batches[1]->num_rows(), 3);
}

TEST_F(ViewDeletesTest, ADeletionVectorReplacesThePositionDeletesOfItsFile) {
  const std::string a = table_.AddData(*Rows(0, 100), 1).file_path;
  const std::string b = table_.AddData(*Rows(100, 10), 1).file_path;
  table_.AddPositionDeletes({{a, 1}, {b, 1}}, 2);
  table_.AddVector(a, {2, 3, 64, 500}, 3);
  const auto view = table_.View();
  EXPECT_EQ(ScanIds(*view), Range(0, 110, {2, 3, 64, 101}));
  EXPECT_EQ(view->delete_files().size(), 2u);
}

TEST_F(ViewDeletesTest, EqualityDeletesMatchOlderRowsByValue) {
  table_.AddData(*Rows(0, 50), 1);
  table_.AddData(*Rows(0, 50), 5);
  table_.AddEqualityDeletes(*RowsOf({Column("id", arrow::int64(), 1)}, {"[3, 4, 1000, null]"}), {1},
                            5);
  auto expected = Range(0, 50, {3, 4});
  const auto newer = Range(0, 50);
  expected.insert(expected.end(), newer.begin(), newer.end());
  EXPECT_EQ(ScanIds(*table_.View()), expected);
}

TEST_F(ViewDeletesTest, NullEqualsNullInEqualityDeletes) {
  table_.AddData(*Rows(0, 20), 1);
  table_.AddEqualityDeletes(*RowsOf({Column("name", arrow::utf8(), 2)}, {R"([null, "n7"])"}), {2},
                            2);
  EXPECT_EQ(ScanIds(*table_.View()), Range(0, 20, {0, 5, 7, 10, 15}));
}

TEST_F(ViewDeletesTest, SeveralColumnsMustAllBeEqualWhateverTheirOrderInTheDeleteFile) {
  table_.AddData(*Rows(0, 20), 1);
  table_.AddEqualityDeletes(
      *RowsOf({Column("nm", arrow::utf8(), 2), Column("key", arrow::int64(), 1)},
              {R"(["n7", "n8", null])", "[7, 9, 10]"}),
      {2, 1}, 2);
  table_.AddEqualityDeletes(*RowsOf({Column("id", arrow::int64(), 1)}, {"[1]"}), {1}, 2);
  EXPECT_EQ(ScanIds(*table_.View()), Range(0, 20, {1, 7, 10}));
}

TEST_F(ViewDeletesTest, EqualityDeletesOfOnePartitionLeaveOthersAlone) {
  table_.metadata.partition_specs.push_back({1, {{1, 1000, "id", "identity", {}}}});
  table_.AddData(*Rows(0, 10), 1, 1, {int64_t{1}});
  table_.AddData(*Rows(0, 10), 1, 1, {int64_t{2}});
  table_.AddEqualityDeletes(*RowsOf({Column("id", arrow::int64(), 1)}, {"[3]"}), {1}, 2, 1,
                            {int64_t{2}});
  table_.AddEqualityDeletes(*RowsOf({Column("id", arrow::int64(), 1)}, {"[4]"}), {1}, 2);
  auto expected = Range(0, 10, {4});
  const auto second = Range(0, 10, {3, 4});
  expected.insert(expected.end(), second.begin(), second.end());
  EXPECT_EQ(ScanIds(*table_.View()), expected);
}

TEST_F(ViewDeletesTest, ReadRowsRefusesADeletedRowAndGivesTheOthers) {
  const std::string a = table_.AddData(*Rows(0, 10), 1).file_path;
  table_.AddVector(a, {4}, 2);
  const auto view = table_.View();
  const std::vector<uint32_t> live = {9, 3, 3};
  const auto rows = view->ReadRows(0, live, {"id"}).ValueOrDie();
  EXPECT_TRUE(rows->column(0)->Equals(arrow::ChunkedArray(
      arrow::json::ArrayFromJSONString(arrow::int64(), "[9, 3, 3]").ValueOrDie())));
  const std::vector<uint32_t> deleted = {3, 4};
  const auto refused = view->ReadRows(0, deleted, {"id"});
  EXPECT_TRUE(IsKind(refused.status(), ErrorKind::kNotFound));
  EXPECT_THAT(refused.status().message(), HasSubstr("row 4 is deleted"));
}

TEST_F(ViewDeletesTest, RowFiltersKeepLiveRowsAtTheirPositions) {
  namespace cp = arrow::compute;
  const std::string a = table_.AddData(*Rows(0, 130), 1).file_path;
  table_.AddData(*Rows(130, 10), 1);
  table_.AddPositionDeletes({{a, 0}, {a, 66}, {a, 129}}, 2);
  const auto view = table_.View();
  const auto filter =
      RowFilter::Where(*view, cp::greater_equal(cp::field_ref("id"), cp::literal(int64_t{65})))
          .ValueOrDie();
  EXPECT_EQ(filter->row_count(0), 63u);
  EXPECT_EQ(filter->row_count(1), 10u);
  EXPECT_EQ(filter->words(0)[0], 0u);
  EXPECT_EQ(filter->words(0)[1], ~uint64_t{0} & ~uint64_t{1} & ~(uint64_t{1} << 2));
  EXPECT_EQ(filter->words(0)[2], 1u);
  const auto given = RowFilter::FromBitmaps(*view, {{3, uint64_t{1} << 2 | 1}, {2}}).ValueOrDie();
  EXPECT_EQ(given->row_count(0), 2u);
  EXPECT_THAT(std::vector(given->words(0).begin(), given->words(0).end()), ElementsAre(2, 1));
}

TEST_F(ViewDeletesTest, APredicateIsNotAskedAboutDeletedRows) {
  namespace cp = arrow::compute;
  const std::string a = table_.AddData(*Rows(0, 5), 1).file_path;
  table_.AddVector(a, {0}, 2);
  // The deleted row would divide by zero.
  const auto filter = RowFilter::Where(
      *table_.View(), cp::equal(cp::call("divide", {cp::literal(int64_t{4}), cp::field_ref("id")}),
                                cp::literal(int64_t{4})));
  ASSERT_TRUE(filter.ok()) << filter.status();
  EXPECT_EQ((*filter)->words(0)[0], 2u);
}

TEST_F(ViewDeletesTest, ManyThreadsMayAskAtOnce) {
  ForeignTable::Positions positions;
  for (int64_t file = 0; file < 6; ++file) {
    const std::string path = table_.AddData(*Rows(file * 100, 100), 1).file_path;
    positions.emplace_back(path, file);
  }
  table_.AddPositionDeletes(positions, 2);
  table_.AddEqualityDeletes(*RowsOf({Column("id", arrow::int64(), 1)}, {"[50, 150, 250]"}), {1}, 2);
  const auto view = table_.View();
  const std::set<int64_t> gone = {0, 101, 202, 303, 404, 505, 50, 150, 250};
  std::vector<std::thread> threads;
  std::vector<bool> right(8);
  std::vector<std::vector<int64_t>> found(8);
  for (size_t t = 0; t < found.size(); ++t) {
    threads.emplace_back([&, t] { found[t] = ScanIds(*view); });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& ids : found) EXPECT_EQ(ids, Range(0, 600, gone));
}

TEST_F(ViewDeletesTest, DamagedDeleteFilesAreErrorsNeverMoreRows) {
  const std::string a = table_.AddData(*Rows(0, 100), 1).file_path;
  auto& vector = table_.AddVector(a, {1, 2}, 2);
  const auto scan = [&]() -> Status {
    table_.Commit();
    ARROW_ASSIGN_OR_RAISE(const auto view, table_.Open());
    ARROW_ASSIGN_OR_RAISE(const auto reader, view->Scan({}));
    return reader->ToTable().status();
  };
  ASSERT_TRUE(scan().ok());
  vector.record_count = 3;
  EXPECT_THAT(scan().message(), HasSubstr("holds 2 rows, the manifest says 3"));
  vector.record_count = 2;
  vector.content_size_in_bytes = 1'000'000;
  EXPECT_TRUE(IsKind(scan(), ErrorKind::kCorrupt));
  vector.content_offset = 5;
  vector.content_size_in_bytes = 40;
  EXPECT_TRUE(IsKind(scan(), ErrorKind::kCorrupt));
  vector.file_path = "memory:///t/data/missing.puffin";
  EXPECT_TRUE(IsKind(scan(), ErrorKind::kNotFound));
  vector.file_format = "ORC";
  EXPECT_TRUE(IsKind(scan(), ErrorKind::kNotSupported));
  EXPECT_THAT(scan().message(), HasSubstr("format ORC"));
}

TEST_F(ViewDeletesTest, DeleteFilesWithoutTheirColumnsAreRefused) {
  const std::string a = table_.AddData(*Rows(0, 10), 1).file_path;
  auto& positions = table_.AddPositionDeletes({{a, 1}}, 2);
  auto& equality =
      table_.AddEqualityDeletes(*RowsOf({Column("id", arrow::int64(), 1)}, {"[3]"}), {1}, 2);
  const std::string path = table_.store->PathOf(positions.file_path).ValueOrDie();
  const auto problem = [&] {
    table_.Commit();
    const auto status = table_.Open().ValueOrDie()->LiveRows(0).status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kCorrupt)) << status;
    return status.message();
  };
  equality.equality_ids = {2};
  EXPECT_THAT(problem(), HasSubstr("lacks the column with field id 2"));
  equality.equality_ids = {77};
  EXPECT_THAT(problem(), HasSubstr("field id 77 is in no schema"));
  equality.equality_ids = {1};
  table_.WriteParquet(path, *RowsOf({Column("file_path", arrow::utf8(), 2147483546)}, {"[\"x\"]"}));
  EXPECT_THAT(problem(), HasSubstr("no column 'pos'"));
  table_.WriteParquet(path, *RowsOf({Column("file_path", arrow::utf8(), 2147483546),
                                     Column("pos", arrow::int64(), 2147483545)},
                                    {"[null]", "[1]"}));
  EXPECT_THAT(problem(), HasSubstr("is null"));
}

TEST_F(ViewDeletesTest, PositionDeleteFilesMayLackFieldIdsAndHaveColumnsInAnyOrder) {
  const std::string a = table_.AddData(*Rows(0, 10), 1).file_path;
  auto& positions = table_.AddPositionDeletes({{a, 1}}, 2);
  table_.WriteParquet(
      table_.store->PathOf(positions.file_path).ValueOrDie(),
      *RowsOf({Column("pos", arrow::int64(), -1), Column("file_path", arrow::utf8(), -1)},
              {"[1, 8]", "[\"" + a + "\", \"" + a + "\"]"}));
  EXPECT_EQ(ScanIds(*table_.View()), Range(0, 10, {1, 8}));
}

TEST_F(ViewDeletesTest, AFailedReadIsTriedAgain) {
  const std::string a = table_.AddData(*Rows(0, 10), 1).file_path;
  auto& positions = table_.AddPositionDeletes({{a, 1}}, 2);
  const std::string path = table_.store->PathOf(positions.file_path).ValueOrDie();
  const std::string bytes(table_.store->Read(path).ValueOrDie()->text());
  const auto view = table_.View();
  ASSERT_TRUE(table_.store->Delete(path).ok());
  EXPECT_FALSE(view->LiveRows(0).ok());
  ASSERT_TRUE(table_.store->Put(path, bytes).ok());
  EXPECT_EQ(ScanIds(*view), Range(0, 10, {1}));
}

TEST(Writers, MayAppendToATableWithDeletes) {
  ForeignTable table(IdAndName());
  const std::string a = table.AddData(*Rows(0, 10), 1).file_path;
  table.AddPositionDeletes({{a, 2}}, 2);
  table.AddEqualityDeletes(*RowsOf({Column("id", arrow::int64(), 1)}, {"[5]"}), {1}, 3);
  table.Commit();
  const auto catalog = table.WritableCatalog();
  const auto writer = TableWriter::Make(catalog, FixedCatalog::Ident()).ValueOrDie();
  // Rows of the deleted keys come back.
  ASSERT_TRUE(writer->WriteBatch(*Rows(2, 4)).ok());
  ASSERT_TRUE(writer->Commit().ok());
  const auto view = ReadView::Open(catalog, FixedCatalog::Ident()).ValueOrDie();
  EXPECT_EQ(view->CountLiveRows().ValueOrDie(), 12);
  EXPECT_EQ(view->delete_files().size(), 2u);
  auto ids = ScanIds(*view);
  std::sort(ids.begin(), ids.end());
  EXPECT_THAT(ids, ElementsAre(0, 1, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9));
  EXPECT_EQ(ReadView::Open(catalog, FixedCatalog::Ident(), nullptr, SnapshotId(1))
                .ValueOrDie()
                ->CountLiveRows()
                .ValueOrDie(),
            8);
}

/// A table of one column of a type, its rows as JSON, and which of these rows a delete file
/// deletes.
struct OfType {
  const char* name;
  Type type;
  std::shared_ptr<arrow::DataType> stored;
  const char* rows;
  const char* deleted;
  std::vector<int64_t> left;
};

class EqualityDeleteTypes : public ::testing::TestWithParam<OfType> {};

TEST_P(EqualityDeleteTypes, CompareByValue) {
  const OfType& test = GetParam();
  ForeignTable table(SchemaOf({Field(1, "id", TypeId::kLong), Field(2, "value", test.type)}));
  const auto values = Column("value", test.stored, 2);
  const auto rows = RowsOf({values}, {test.rows});
  arrow::Int64Builder ids;
  for (int64_t i = 0; i < rows->num_rows(); ++i) ASSERT_TRUE(ids.Append(i).ok());
  table.AddData(
      *rows->AddColumn(0, Column("id", arrow::int64(), 1), ids.Finish().ValueOrDie()).ValueOrDie(),
      1);
  table.AddEqualityDeletes(*RowsOf({values}, {test.deleted}), {2}, 2);
  EXPECT_EQ(ScanIds(*table.View()), test.left);
}

INSTANTIATE_TEST_SUITE_P(
    AllTypes, EqualityDeleteTypes,
    ::testing::Values(
        OfType{"Boolean",
               Type::Of(TypeId::kBoolean),
               arrow::boolean(),
               "[true, false, null]",
               "[false]",
               {0, 2}},
        OfType{"Int", Type::Of(TypeId::kInt), arrow::int32(), "[1, -1, null]", "[-1, 7]", {0, 2}},
        OfType{"IntToLong",
               Type::Of(TypeId::kLong),
               arrow::int32(),
               "[1, -1, null]",
               "[-1, null]",
               {0}},
        OfType{
            "Float", Type::Of(TypeId::kFloat), arrow::float32(), "[0.5, NaN, 1]", "[NaN]", {0, 2}},
        OfType{"FloatToDouble",
               Type::Of(TypeId::kDouble),
               arrow::float32(),
               "[0.5, NaN, 1]",
               "[NaN, 0.5]",
               {2}},
        OfType{"Date", Type::Of(TypeId::kDate), arrow::date32(), "[1, 2, null]", "[2]", {0, 2}},
        OfType{"Time",
               Type::Of(TypeId::kTime),
               arrow::time64(arrow::TimeUnit::MICRO),
               "[1, 2]",
               "[2]",
               {0}},
        OfType{"Timestamp",
               Type::Of(TypeId::kTimestamp),
               arrow::timestamp(arrow::TimeUnit::MICRO),
               "[1, 2]",
               "[2]",
               {0}},
        OfType{"TimestampTz",
               Type::Of(TypeId::kTimestampTz),
               arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
               "[1, 2]",
               "[2]",
               {0}},
        OfType{"String",
               Type::Of(TypeId::kString),
               arrow::utf8(),
               R"(["", "a", "ab", null])",
               R"(["a", ""])",
               {2, 3}},
        OfType{
            "Binary", Type::Of(TypeId::kBinary), arrow::binary(), R"(["", "a"])", R"(["a"])", {0}},
        OfType{"Fixed",
               Type::Fixed(2),
               arrow::fixed_size_binary(2),
               R"(["ab", "cd"])",
               R"(["ab"])",
               {1}},
        OfType{"Uuid",
               Type::Of(TypeId::kUuid),
               arrow::fixed_size_binary(16),
               R"(["0123456789abcdef", "0123456789abcdeg"])",
               R"(["0123456789abcdef"])",
               {1}},
        OfType{"Decimal",
               Type::Decimal(9, 2),
               arrow::decimal128(9, 2),
               R"(["1.50", "-1.50"])",
               R"(["-1.50"])",
               {0}},
        OfType{"WiderDecimal",
               Type::Decimal(20, 2),
               arrow::decimal128(9, 2),
               R"(["1.50", "-1.50"])",
               R"(["-1.50"])",
               {0}}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(EqualityDeletes, AColumnThatTheDataFileLacksIsNullOrItsDefault) {
  ForeignTable table(SchemaOf({Field(1, "id", TypeId::kLong)}), 3);
  table.AddData(*RowsOf({Column("id", arrow::int64(), 1)}, {"[1, 2]"}), 1);
  auto added = Field(2, "added", TypeId::kInt);
  auto filled = Field(3, "filled", TypeId::kInt);
  filled.extra = R"({"initial-default": 7})";
  table.metadata.schemas.push_back(SchemaOf({Field(1, "id", TypeId::kLong), added, filled}));
  table.metadata.schemas.back().schema_id = table.metadata.current_schema_id = 1;
  table.AddEqualityDeletes(*RowsOf({Column("added", arrow::int32(), 2)}, {"[7]"}), {2}, 2);
  EXPECT_EQ(ScanIds(*table.View()), Range(1, 2));
  auto& deletes = table.AddEqualityDeletes(
      *RowsOf({Column("filled", arrow::int32(), 3), Column("id", arrow::int64(), 1)},
              {"[7]", "[1]"}),
      {1, 3}, 2);
  EXPECT_THAT(ScanIds(*table.View()), ElementsAre(2));
  deletes.equality_ids = {3};
  EXPECT_THAT(ScanIds(*table.View()), IsEmpty());
}

TEST(EqualityDeletes, ADroppedColumnStillDeletes) {
  ForeignTable table(IdAndName());
  table.AddData(*Rows(0, 10), 1);
  table.AddEqualityDeletes(*RowsOf({Column("name", arrow::utf8(), 2)}, {R"(["n3"])"}), {2}, 2);
  table.metadata.schemas.push_back(SchemaOf({Field(1, "id", TypeId::kLong)}));
  table.metadata.schemas.back().schema_id = table.metadata.current_schema_id = 1;
  EXPECT_EQ(ScanIds(*table.View()), Range(0, 10, {3}));
}

TEST(EqualityDeletes, AFieldOfAStructCompares) {
  const auto place =
      Field(2, "place",
            Type::Struct({Field(3, "city", TypeId::kString), Field(4, "code", TypeId::kInt)}));
  ForeignTable table(SchemaOf({Field(1, "id", TypeId::kLong), place}));
  const auto city = Column("city", arrow::utf8(), 3);
  table.AddData(
      *RowsOf({Column("id", arrow::int64(), 1),
               Column("place", arrow::struct_({city, Column("code", arrow::int32(), 4)}), 2)},
              {"[1, 2, 3, 4]",
               R"([{"city": "a", "code": 1}, null, {"city": null, "code": 2},
                             {"city": "b", "code": 1}])"}),
      1);
  auto& deletes = table.AddEqualityDeletes(
      *RowsOf({Column("place", arrow::struct_({city}), 2)}, {R"([{"city": "a"}])"}), {3}, 2);
  EXPECT_THAT(ScanIds(*table.View()), ElementsAre(2, 3, 4));
  table.WriteParquet(
      table.store->PathOf(deletes.file_path).ValueOrDie(),
      *RowsOf({Column("place", arrow::struct_({city}), 2)}, {R"([{"city": null}])"}));
  EXPECT_THAT(ScanIds(*table.View()), ElementsAre(1, 4));
}

TEST(EqualityDeletes, AColumnInAListIsNotSupported) {
  ForeignTable table(SchemaOf({Field(1, "id", TypeId::kLong),
                               Field(2, "tags", Type::List(3, Type::Of(TypeId::kInt), false))}));
  table.AddData(*RowsOf({Column("id", arrow::int64(), 1)}, {"[1]"}), 1);
  table.AddEqualityDeletes(*RowsOf({Column("id", arrow::int64(), 1)}, {"[1]"}), {3}, 2);
  const auto status = table.View()->LiveRows(0).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kNotSupported)) << status;
}

}  // namespace
}  // namespace tarn
