// SPDX-License-Identifier: Apache-2.0
//
// Tables whose schema changes: old files, open writers, vector columns, and what cannot be changed.
#include "tarn/alter_table.h"

#include "arrow/api.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/table_metadata.h"
#include "store/fault_store.h"
#include "table/file/file_reader.h"
#include "table/tests/file_fixture.h"
#include "tarn/read_view.h"
#include "tarn/table_info.h"
#include "tarn/table_writer.h"

namespace tarn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int32_t kDim = 8;
const TableIdent kTable{{"db"}, "t"};

std::shared_ptr<arrow::Array> Ints(const std::vector<int32_t>& values) {
  arrow::Int32Builder builder;
  (void)builder.AppendValues(values);
  return builder.Finish().ValueOrDie();
}

/// A batch of int columns.
std::shared_ptr<arrow::RecordBatch> Columns(
    const std::vector<std::pair<std::string, std::vector<int32_t>>>& columns) {
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (const auto& [name, values] : columns) {
    fields.push_back(arrow::field(name, arrow::int32()));
    arrays.push_back(Ints(values));
  }
  return arrow::RecordBatch::Make(arrow::schema(fields), arrays[0]->length(), arrays);
}

class AlterTableTest : public ::testing::Test {
 protected:
  std::unique_ptr<TableWriter> NewWriter(const TableProperties& properties = {}) {
    return TableWriter::CreateOrOpen(catalog_, kTable, properties, {.threads = 1}).ValueOrDie();
  }

  void Append(TableWriter& writer, const std::shared_ptr<arrow::RecordBatch>& batch) {
    const Status status = writer.WriteBatch(*batch);
    ASSERT_TRUE(status.ok()) << status;
    const auto committed = writer.Commit();
    ASSERT_TRUE(committed.ok()) << committed.status();
  }

  void Alter(const std::vector<TableChange>& changes) {
    const auto state = AlterTable(*catalog_, kTable, changes);
    ASSERT_TRUE(state.ok()) << state.status();
  }

  std::string Refusal(const std::vector<TableChange>& changes) {
    const auto before = catalog_->LoadTable(kTable).ValueOrDie().version;
    const auto state = AlterTable(*catalog_, kTable, changes);
    EXPECT_TRUE(IsKind(state.status(), ErrorKind::kBadInput)) << state.status();
    EXPECT_EQ(catalog_->LoadTable(kTable).ValueOrDie().version, before);
    return state.status().message();
  }

  /// One line a row: "a=1 b=null ...".
  std::vector<std::string> Rows() {
    const auto view = ReadView::Open(catalog_, kTable).ValueOrDie();
    std::vector<std::string> lines;
    const auto scan = view->Scan({}).ValueOrDie();
    for (;;) {
      const auto batch = scan->Next().ValueOrDie();
      if (batch == nullptr) return lines;
      for (int64_t row = 0; row < batch->num_rows(); ++row) {
        std::string line;
        for (int c = 0; c < batch->num_columns(); ++c) {
          line += (c > 0 ? " " : "") + batch->schema()->field(c)->name() + "=" +
                  batch->column(c)->GetScalar(row).ValueOrDie()->ToString();
        }
        lines.push_back(line);
      }
    }
  }

  void ExpectSound() {
    const auto report = VerifyTable(catalog_, kTable, 1).ValueOrDie();
    for (const auto& finding : report.findings) {
      ADD_FAILURE() << finding.path << ": " << finding.message;
    }
  }

  std::map<std::string, std::string> Properties() {
    return catalog_->LoadTable(kTable).ValueOrDie().metadata->properties;
  }

  std::shared_ptr<Store> memory_ = MemoryStore::Make();
  std::shared_ptr<FaultStore> store_ = FaultStore::Make(memory_);
  std::shared_ptr<HadoopCatalog> catalog_ = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
};

TEST_F(AlterTableTest, OldRowsAreReadUnderTheNewSchema) {
  auto writer = NewWriter();
  Append(*writer, Columns({{"a", {1, 2}}, {"b", {10, 20}}, {"c", {100, 200}}}));
  Alter({AddColumn{"d", arrow::int32(), "new", {ColumnPlace::Where::kAfter, "a"}},
         RenameColumn{"a", "first"}, DropColumn{"c"}, WidenColumn{"b", arrow::int64()}});
  Append(*NewWriter(), Columns({{"first", {3}}, {"d", {4}}, {"b", {30}}}));
  EXPECT_THAT(Rows(), testing::UnorderedElementsAre("first=1 d=null b=10", "first=2 d=null b=20",
                                                    "first=3 d=4 b=30"));
  const auto view = ReadView::Open(catalog_, kTable).ValueOrDie();
  EXPECT_TRUE(view->schema()->GetFieldByName("b")->type()->Equals(arrow::int64()));
  ExpectSound();
}

TEST_F(AlterTableTest, ADroppedNameComesBackWithoutTheOldValues) {
  Append(*NewWriter(), Columns({{"a", {1}}, {"b", {10}}}));
  Alter({DropColumn{"b"}, AddColumn{"b", arrow::utf8()}});
  EXPECT_THAT(Rows(), ElementsAre("a=1 b=null"));
  ExpectSound();
}

TEST_F(AlterTableTest, NestedFieldsEvolve) {
  auto writer = NewWriter();
  ASSERT_TRUE(writer->WriteBatch(*MakeRows(20)).ok());
  ASSERT_TRUE(writer->Commit().ok());
  const auto before = Rows();
  Alter({AddColumn{"pair.c", arrow::list(arrow::int32())}, RenameColumn{"pair.b", "text"},
         WidenColumn{"pair.a", arrow::int64()}});
  const auto after = Rows();
  ASSERT_EQ(after.size(), before.size());
  EXPECT_THAT(after[1],
              HasSubstr("{a:int64 = 1, text:string = b1, c:list<element: int32> = null}"));
  Alter({DropColumn{"pair.text"}, DropColumn{"pair.c"}});
  EXPECT_THAT(Rows()[1], HasSubstr("{a:int64 = 1}"));
  ExpectSound();
}

TEST_F(AlterTableTest, ChangesAreAllMadeOrNone) {
  Append(*NewWriter(), Columns({{"a", {1}}}));
  EXPECT_THAT(Refusal({AddColumn{"b", arrow::int32()}, DropColumn{"nothing"}}),
              HasSubstr("no column 'nothing'"));
  EXPECT_THAT(Refusal({AddColumn{"b", nullptr}}), HasSubstr("needs a type"));
  EXPECT_THAT(Refusal({AddColumn{"b", arrow::dense_union(arrow::FieldVector{})}}),
              HasSubstr("'b'"));
  EXPECT_THAT(Refusal({WidenColumn{"a", arrow::utf8()}}), HasSubstr("cannot become"));
  EXPECT_THAT(Refusal({DropColumn{"a"}}), HasSubstr("no column left"));
  EXPECT_THAT(Rows(), ElementsAre("a=1"));
  EXPECT_TRUE(IsKind(AlterTable(*catalog_, {{"db"}, "none"}, {DropColumn{"a"}}).status(),
                     ErrorKind::kNotFound));
}

TEST_F(AlterTableTest, ATableWithoutColumnsHasNothingToChange) {
  (void)NewWriter();
  EXPECT_THAT(Refusal({AddColumn{"a", arrow::int32()}}), HasSubstr("no columns yet"));
}

TEST_F(AlterTableTest, NothingIsCommittedWhereNothingChanges) {
  Append(*NewWriter(), Columns({{"a", {1}}}));
  const auto before = catalog_->LoadTable(kTable).ValueOrDie().version;
  Alter({});
  Alter({WidenColumn{"a", arrow::int32()}, MoveColumn{"a", {ColumnPlace::Where::kFirst, ""}}});
  EXPECT_EQ(catalog_->LoadTable(kTable).ValueOrDie().version, before);
}

TEST_F(AlterTableTest, AFileStagedBeforeTheChangeIsReadRightAfterIt) {
  Append(*NewWriter(), Columns({{"a", {1}}, {"b", {10}}, {"c", {100}}}));
  auto writer = NewWriter();
  ASSERT_TRUE(writer->WriteBatch(*Columns({{"a", {2}}, {"b", {20}}, {"c", {200}}})).ok());
  Alter({RenameColumn{"a", "first"}, WidenColumn{"b", arrow::int64()}, DropColumn{"c"},
         AddColumn{"c", arrow::utf8()}});
  // Still staged: more batches of the old shape join them.
  ASSERT_TRUE(writer->WriteBatch(*Columns({{"a", {3}}, {"b", {30}}, {"c", {300}}})).ok());
  ASSERT_TRUE(writer->Commit().ok());
  EXPECT_THAT(Rows(), testing::UnorderedElementsAre("first=1 b=10 c=null", "first=2 b=20 c=null",
                                                    "first=3 b=30 c=null"));
  ExpectSound();
  // From the next batch on the writer writes what the table has now.
  EXPECT_TRUE(IsKind(writer->WriteBatch(*Columns({{"a", {4}}})), ErrorKind::kBadInput));
  Append(*writer, Columns({{"first", {4}}, {"b", {40}}}));
  EXPECT_EQ(Rows().size(), 4u);
  const auto view = ReadView::Open(catalog_, kTable).ValueOrDie();
  bool widened = false;
  for (size_t i = 0; i < view->files().size(); ++i) {
    const auto schema = view->OpenFile(i).ValueOrDie()->schema();
    if (const auto field = schema->GetFieldByName("first")) {
      widened = schema->GetFieldByName("b")->type()->Equals(arrow::int64());
    }
  }
  EXPECT_TRUE(widened) << "the new file has the new type";
  ExpectSound();
}

TEST_F(AlterTableTest, AnIdleWriterTakesABatchWithAColumnThatWasAddedSince) {
  Append(*NewWriter(), Columns({{"a", {1}}}));
  auto writer = NewWriter();
  Alter({AddColumn{"b", arrow::int32()}});
  Append(*writer, Columns({{"a", {2}}, {"b", {20}}}));
  EXPECT_THAT(Rows(), testing::UnorderedElementsAre("a=1 b=null", "a=2 b=20"));
}

TEST_F(AlterTableTest, TheFirstBatchOfTwoWritersSurvivesAChangeInBetween) {
  auto first = NewWriter();
  auto second = NewWriter();
  ASSERT_TRUE(first->WriteBatch(*Columns({{"a", {1}}})).ok());
  ASSERT_TRUE(second->WriteBatch(*Columns({{"a", {2}}})).ok());
  ASSERT_TRUE(first->Commit().ok());
  Alter({RenameColumn{"a", "z"}});
  const auto committed = second->Commit();
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_THAT(Rows(), testing::UnorderedElementsAre("z=1", "z=2"));
}

TEST_F(AlterTableTest, EveryStepOfTheCommitMayFail) {
  Append(*NewWriter(), Columns({{"a", {1}}}));
  int64_t column = 0;
  for (const FaultKind kind : {FaultKind::kFail, FaultKind::kLoseReply, FaultKind::kTear}) {
    for (int64_t step = 1; step <= 14; ++step) {
      SCOPED_TRACE("fault at operation " + std::to_string(step));
      const std::string name = "c" + std::to_string(column++);
      store_->Add({kind, StoreOp::kAny, "", step});
      const auto altered = AlterTable(*catalog_, kTable, {AddColumn{name, arrow::int32()}});
      store_->Heal();
      const auto fresh = HadoopCatalog::Make(memory_, "warehouse").ValueOrDie();
      const auto metadata = fresh->LoadTable(kTable).ValueOrDie().metadata;
      const bool there = metadata->CurrentSchema().FindColumn(name) != nullptr;
      if (altered.ok()) {
        ASSERT_TRUE(there) << "an acknowledged change is lost";
      } else if (!IsKind(altered.status(), ErrorKind::kCommitStateUnknown)) {
        ASSERT_FALSE(there) << altered.status();
      }
      ASSERT_TRUE(metadata->CurrentSchema().Validate(2).ok());
    }
  }
  EXPECT_EQ(Rows().size(), 1u);
  ExpectSound();
}

class VectorEvolutionTest : public AlterTableTest {
 protected:
  static TableProperties Vectors(const std::string& name = "embedding") {
    auto policy = PolicyOf(kDim);
    policy.column_name = name;
    return TableProperties(policy);
  }

  void AppendVectors(int64_t rows, uint32_t seed, bool lists = false) {
    auto writer = TableWriter::Make(catalog_, kTable, {.threads = 1}).ValueOrDie();
    const auto vectors = RandomVectors(rows, kDim, 0, seed);
    const auto batch = MakeRows(rows);
    const Status status =
        lists ? writer->WriteBatchIvfPq(*batch, vectors) : writer->WriteBatch(*batch, vectors);
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_TRUE(writer->Commit().ok());
  }

  /// Per file: "<column of the file>:<has index>" as the table's policy opens it; "-" without.
  std::vector<std::string> Opened(size_t policy = 0) {
    const auto view = ReadView::Open(catalog_, kTable).ValueOrDie();
    std::vector<std::string> found;
    for (size_t i = 0; i < view->files().size(); ++i) {
      auto in_file = view->vector_policies()[policy];
      const auto name = view->ColumnInFile(i, in_file.column_name).ValueOrDie();
      if (!name) {
        found.push_back("-");
        continue;
      }
      in_file.column_name = *name;
      const auto reader = view->OpenFile(i).ValueOrDie();
      const auto column = FileReader::Of(*reader).OpenVectorColumn(in_file).ValueOrDie();
      found.push_back(*name + (column->has_index() ? ":1" : ":0"));
    }
    return found;
  }
};

TEST_F(VectorEvolutionTest, ARenamedVectorColumnKeepsItsIndexes) {
  (void)NewWriter(Vectors());
  AppendVectors(50, 1);
  Alter({RenameColumn{"embedding", "meaning"}});
  EXPECT_EQ(Properties()["ailake.vector-column"], "meaning");
  EXPECT_EQ(Properties().count("tarn.vector.embedding.keep-raw"), 0u);
  EXPECT_THAT(Opened(), ElementsAre("embedding:1"));
  AppendVectors(40, 2);
  EXPECT_THAT(Opened(), testing::UnorderedElementsAre("embedding:1", "meaning:1"));
  ExpectSound();
}

TEST_F(VectorEvolutionTest, ARenamedVectorColumnKeepsItsCodebook) {
  (void)NewWriter(Vectors());
  AppendVectors(300, 1, /*lists=*/true);
  const auto before = DescribeTable(*catalog_, kTable).ValueOrDie().codebooks;
  ASSERT_EQ(before.size(), 1u);
  Alter({RenameColumn{"embedding", "meaning"}});
  AppendVectors(300, 2, /*lists=*/true);
  const auto after = DescribeTable(*catalog_, kTable).ValueOrDie().codebooks;
  ASSERT_EQ(after.size(), 1u);
  EXPECT_EQ(after[0].column, "meaning");
  EXPECT_EQ(after[0].fingerprint, before[0].fingerprint);
  const auto view = ReadView::Open(catalog_, kTable).ValueOrDie();
  for (size_t i = 0; i < view->files().size(); ++i) {
    EXPECT_EQ(view->OpenFile(i).ValueOrDie()->vector_columns()[0].codebook, before[0].fingerprint);
  }
  ExpectSound();
}

TEST_F(VectorEvolutionTest, AWriterThatStagedUnderTheOldNameCommits) {
  (void)NewWriter(Vectors());
  AppendVectors(300, 1, /*lists=*/true);
  auto writer = TableWriter::Make(catalog_, kTable, {.threads = 1}).ValueOrDie();
  ASSERT_TRUE(writer->WriteBatchIvfPq(*MakeRows(300), RandomVectors(300, kDim, 0, 2)).ok());
  Alter({RenameColumn{"embedding", "meaning"}});
  ASSERT_TRUE(writer->Commit().ok());
  ASSERT_TRUE(writer->WriteBatch(*MakeRows(30), RandomVectors(30, kDim, 0, 3)).ok());
  ASSERT_TRUE(writer->Commit().ok());
  EXPECT_THAT(Opened(), testing::UnorderedElementsAre("embedding:1", "embedding:1", "meaning:1"));
  ExpectSound();
}

TEST_F(VectorEvolutionTest, AVectorColumnIsAddedWithItsPolicyAndOldRowsHaveNone) {
  Append(*NewWriter(), Columns({{"a", {1, 2}}}));
  auto policy = PolicyOf(kDim, VectorPrecision::kF16, VectorMetric::kCosine);
  Alter({AddVectorColumn{policy, "what it means"}});
  const auto view = ReadView::Open(catalog_, kTable).ValueOrDie();
  ASSERT_EQ(view->vector_policies().size(), 1u);
  EXPECT_EQ(view->vector_policies()[0], policy);
  const auto schema = catalog_->LoadTable(kTable).ValueOrDie().metadata->CurrentSchema();
  const auto* field = schema.FindColumn("embedding");
  EXPECT_FALSE(field->required);
  EXPECT_EQ(field->type.ToString(), "list<float>");
  EXPECT_TRUE(field->type.fields[0].required);
  auto writer = TableWriter::Make(catalog_, kTable).ValueOrDie();
  ASSERT_TRUE(writer->WriteBatch(*Columns({{"a", {3}}}), RandomVectors(1, kDim, 0, 1)).ok());
  ASSERT_TRUE(writer->Commit().ok());
  EXPECT_THAT(Opened(), testing::UnorderedElementsAre("-", "embedding:1"));
  EXPECT_EQ(Rows().size(), 3u);
  ExpectSound();
}

TEST_F(VectorEvolutionTest, ASecondVectorColumnComesBehindThePrimaryOne) {
  (void)NewWriter(Vectors());
  AppendVectors(30, 1);
  auto policy = PolicyOf(4, VectorPrecision::kI8);
  policy.column_name = "image";
  Alter({AddVectorColumn{policy}});
  const auto view = ReadView::Open(catalog_, kTable).ValueOrDie();
  ASSERT_EQ(view->vector_policies().size(), 2u);
  EXPECT_EQ(view->vector_policies()[1], policy);
  EXPECT_THAT(Opened(1), ElementsAre("-"));
  EXPECT_THAT(Refusal({AddVectorColumn{policy}}), HasSubstr("'image' already"));
  ExpectSound();
}

TEST_F(VectorEvolutionTest, ADroppedVectorColumnTakesItsPolicyAndCodebookAlong) {
  (void)NewWriter(Vectors());
  AppendVectors(300, 1, /*lists=*/true);
  Alter({DropColumn{"embedding"}});
  for (const auto& [key, value] : Properties()) {
    EXPECT_FALSE(key.starts_with("ailake.") || key.starts_with("tarn.codebook.") ||
                 key.starts_with("tarn.vector."))
        << key;
  }
  EXPECT_TRUE(ReadView::Open(catalog_, kTable).ValueOrDie()->vector_policies().empty());
  EXPECT_EQ(Rows().size(), 300u);
  ExpectSound();
}

TEST_F(VectorEvolutionTest, AVectorColumnOfAnOldNameIsNotMistakenForTheNewOne) {
  (void)NewWriter(Vectors());
  AppendVectors(30, 1);
  auto policy = PolicyOf(kDim, VectorPrecision::kF32, VectorMetric::kCosine);
  Alter({DropColumn{"embedding"}, AddVectorColumn{policy}});
  EXPECT_THAT(Opened(), ElementsAre("-"));
  AppendVectors(30, 2);
  EXPECT_THAT(Opened(), testing::UnorderedElementsAre("-", "embedding:1"));
  ExpectSound();
}

TEST_F(VectorEvolutionTest, WhenThePrimaryColumnGoesTheNextOneTakesItsPlace) {
  (void)NewWriter(Vectors());
  AppendVectors(30, 1);
  auto policy = PolicyOf(4);
  policy.column_name = "image";
  Alter({AddVectorColumn{policy}});
  Alter({DropColumn{"embedding"}});
  const auto view = ReadView::Open(catalog_, kTable).ValueOrDie();
  ASSERT_EQ(view->vector_policies().size(), 1u);
  EXPECT_EQ(view->vector_policies()[0], policy);
  EXPECT_EQ(Properties()["ailake.vector-column"], "image");
  ExpectSound();
}

TEST_F(VectorEvolutionTest, WhatAVectorColumnHoldsNeverChanges) {
  (void)NewWriter(Vectors());
  AppendVectors(10, 1);
  EXPECT_THAT(Refusal({WidenColumn{"embedding.element", arrow::float64()}}),
              HasSubstr("vector column"));
  EXPECT_THAT(Refusal({MakeOptional{"embedding.element"}}), HasSubstr("vector column"));
  EXPECT_THAT(Refusal({AddVectorColumn{VectorStoragePolicy{}}}), HasSubstr("column"));
}

TEST(ColumnTypes, AreReadAsIcebergWritesThem) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"int", "int32"},
      {"long", "int64"},
      {" decimal( 9 , 2 ) ", "decimal128(9, 2)"},
      {"fixed[16]", "fixed_size_binary[16]"},
      {"timestamptz", "timestamp[us, tz=UTC]"},
      {"list<list<double>>", "list<item: list<item: double>>"},
      {"map<string, struct<a: int, b: date>>", "map<string, struct<a: int32, b: date32[day]>>"},
  };
  for (const auto& [text, expected] : cases) {
    const auto type = ParseColumnType(text);
    ASSERT_TRUE(type.ok()) << type.status();
    EXPECT_EQ((*type)->ToString(), expected);
  }
}

TEST(ColumnTypes, WhatIsNoneIsRefused) {
  std::string deep = "int";
  for (int i = 0; i < 200; ++i) deep = "list<" + deep + ">";
  for (const std::string& text :
       {std::string(), std::string("integer"), std::string("decimal(39, 1)"),
        std::string("decimal(3, 4)"), std::string("decimal(3"), std::string("fixed[0]"),
        std::string("fixed[-1]"), std::string("list<int"), std::string("list<int>>"),
        std::string("map<int>"), std::string("struct<>"), std::string("struct<a int>"),
        std::string("fixed[99999999999]"), deep}) {
    const auto type = ParseColumnType(text);
    EXPECT_TRUE(IsKind(type.status(), ErrorKind::kBadInput)) << text << ": " << type.status();
  }
}

}  // namespace
}  // namespace tarn
