// SPDX-License-Identifier: Apache-2.0
//
// Files of other engines and of older schemas, read as the table's schema has them.
#include "arrow/extension/uuid.h"
#include "foreign_table.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn {
namespace {

using iceberg::Type;
using iceberg::TypeId;
using iceberg::Value;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// The rows of a view as JSON-like text, one line a row.
std::vector<std::string> Lines(const ReadView& view, const std::vector<std::string>& columns = {}) {
  std::vector<std::string> lines;
  for (const auto& batch : ScanAll(view, columns)) {
    EXPECT_TRUE(batch->ValidateFull().ok()) << batch->ValidateFull();
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      std::string line;
      for (const auto& column : batch->columns()) {
        line += (line.empty() ? "" : " ") + column->GetScalar(row).ValueOrDie()->ToString();
      }
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

std::shared_ptr<arrow::Field> Id() { return Column("id", arrow::int64(), 1); }

TEST(SchemaEvolution, RenamedDroppedAddedReorderedAndWidenedColumns) {
  ForeignTable table(
      SchemaOf({Field(5, "added", TypeId::kString), Field(2, "wide", TypeId::kLong),
                Field(3, "real", TypeId::kDouble), Field(4, "amount", Type::Decimal(18, 2)),
                Field(1, "renamed", TypeId::kLong)}));
  table.AddData(
      *RowsOf({Column("id", arrow::int64(), 1), Column("narrow", arrow::int32(), 2),
               Column("real", arrow::float32(), 3), Column("amount", arrow::decimal128(9, 2), 4),
               Column("dropped", arrow::utf8(), 6)},
              {"[7, 8]", "[-1, null]", "[0.5, NaN]", R"(["1.25", "-3.00"])", R"(["x", "y"])"}),
      1);
  EXPECT_THAT(Lines(*table.View()), ElementsAre("null -1 0.5 1.25 7", "null null nan -3.00 8"));
}

TEST(SchemaEvolution, InStructsListsAndMaps) {
  const auto entry = [](int32_t id) {
    return Type::Struct({Field(id + 2, "added", TypeId::kInt), Field(id, "new", TypeId::kLong)});
  };
  ForeignTable table(
      SchemaOf({Field(2, "s", entry(10)), Field(3, "l", Type::List(4, entry(20), false)),
                Field(5, "m", Type::Map(6, Type::Of(TypeId::kString), 7, entry(30), false))}));
  const auto old = [](int32_t id) {
    return arrow::struct_(
        {Column("dropped", arrow::utf8(), id + 1), Column("old", arrow::int32(), id)});
  };
  table.AddData(
      *RowsOf({Column("l", arrow::list(Column("element", old(20), 4)), 3), Column("s", old(10), 2),
               Column("m",
                      std::make_shared<arrow::MapType>(Column("key", arrow::utf8(), 6, false),
                                                       Column("value", old(30), 7)),
                      5)},
              {R"([[{"dropped": "x", "old": 1}, null], null, []])",
               R"([{"dropped": "x", "old": 2}, null, {"dropped": null, "old": null}])",
               R"([[["k", {"dropped": "x", "old": 3}]], [], null])"}),
      1);
  const auto batch = ScanAll(*table.View())[0];
  ASSERT_TRUE(batch->ValidateFull().ok());
  const auto json = [](const std::shared_ptr<arrow::DataType>& type, const char* text) {
    return arrow::json::ArrayFromJSONString(type, text).ValueOrDie();
  };
  EXPECT_TRUE(batch->column(0)->Equals(
      json(batch->column(0)->type(),
           R"([{"added": null, "new": 2}, null, {"added": null, "new": null}])")))
      << batch->column(0)->ToString();
  EXPECT_TRUE(batch->column(1)->Equals(
      json(batch->column(1)->type(), R"([[{"added": null, "new": 1}, null], null, []])")))
      << batch->column(1)->ToString();
  EXPECT_TRUE(batch->column(2)->Equals(
      json(batch->column(2)->type(), R"([[["k", {"added": null, "new": 3}]], [], null])")))
      << batch->column(2)->ToString();
}

TEST(SchemaEvolution, ReadRowsSeesTheSameAsAScan) {
  ForeignTable table(SchemaOf({Field(2, "wide", TypeId::kLong), Field(5, "added", TypeId::kInt)}));
  table.AddData(*RowsOf({Id(), Column("narrow", arrow::int32(), 2)}, {"[1, 2, 3]", "[4, 5, 6]"}),
                1);
  const auto view = table.View();
  const std::vector<uint32_t> rows = {2, 0};
  const auto read = view->ReadRows(0, rows, {}).ValueOrDie();
  EXPECT_EQ(read->column(0)->GetScalar(0).ValueOrDie()->ToString(), "6");
  EXPECT_EQ(read->column(1)->null_count(), 2);
  const auto only_missing = view->ReadRows(0, rows, {"added"}).ValueOrDie();
  EXPECT_EQ(only_missing->num_rows(), 2);
}

TEST(SchemaEvolution, DefaultsStandInRowsOfFilesFromBeforeTheColumn) {
  auto text = Field(2, "text", TypeId::kString);
  text.extra = R"({"initial-default": "none"})";
  auto required = Field(3, "count", Type::Of(TypeId::kLong), /*required=*/true);
  required.extra = R"({"initial-default": 5, "write-default": 6})";
  auto uuid = Field(4, "uuid", TypeId::kUuid);
  uuid.extra = R"({"initial-default": "00000000-0000-0000-0000-000000000001"})";
  auto x = Field(6, "x", TypeId::kInt);
  x.extra = R"({"initial-default": 9})";
  auto filled = Field(5, "filled", Type::Struct({x, Field(7, "y", TypeId::kInt)}));
  filled.extra = R"({"initial-default": {}})";
  auto empty = Field(8, "empty", Type::Struct({x}));
  empty.type.fields[0].id = 9;
  auto amount = Field(10, "amount", Type::Decimal(9, 2));
  amount.extra = R"({"initial-default": "-1.50"})";
  ForeignTable table(
      SchemaOf({Field(1, "id", TypeId::kLong), text, required, uuid, filled, empty, amount}), 3);
  table.AddData(*RowsOf({Id()}, {"[1]"}), 1);
  table.AddData(*RowsOf({Id(), Column("text", arrow::utf8(), 2), Column("count", arrow::int64(), 3),
                         Column("filled", arrow::struct_({Column("y", arrow::int32(), 7)}), 5)},
                        {"[2, 3]", R"(["a", null])", "[1, 2]", R"([{"y": 4}, null])"}),
                1);
  const auto view = table.View();
  const auto lines = Lines(*view, {"id", "text", "count", "filled", "empty", "amount"});
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_THAT(lines[0], HasSubstr("1 none 5 "));
  EXPECT_THAT(lines[0], HasSubstr("9"));
  EXPECT_THAT(lines[0], HasSubstr("null -1.50"));
  EXPECT_THAT(lines[1], HasSubstr("2 a 1 "));
  EXPECT_THAT(lines[1], HasSubstr("9"));
  EXPECT_THAT(lines[2], HasSubstr("3 null 2 null null -1.50"));
  const auto uuids = ScanAll(*view, {"uuid"})[0]->column(0);
  EXPECT_TRUE(uuids->type()->Equals(*arrow::extension::uuid()));
  const auto storage = static_cast<const arrow::ExtensionArray&>(*uuids).storage();
  EXPECT_EQ(static_cast<const arrow::FixedSizeBinaryArray&>(*storage).GetView(0)[15], '\1');
}

TEST(SchemaEvolution, ARequiredColumnThatIsMissingIsCorrupt) {
  ForeignTable table(
      SchemaOf({Field(1, "id", TypeId::kLong), Field(2, "n", Type::Of(TypeId::kInt), true)}));
  table.AddData(*RowsOf({Id()}, {"[1]"}), 1);
  const auto status = table.View()->Scan({}).ValueOrDie()->ToTable().status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kCorrupt)) << status;
  EXPECT_THAT(status.message(), HasSubstr("required column 'n' is missing"));
}

TEST(ForeignTypes, FormsThatOtherEnginesWriteAreRead) {
  ForeignTable table(
      SchemaOf({Field(1, "ns", TypeId::kTimestamp), Field(2, "ms", TypeId::kTimestampTz),
                Field(3, "text", TypeId::kString), Field(4, "uuid", TypeId::kUuid),
                Field(5, "day", TypeId::kTimestamp), Field(6, "time", TypeId::kTime)}));
  table.AddData(
      *RowsOf({Column("ns", arrow::timestamp(arrow::TimeUnit::NANO), 1),
               Column("ms", arrow::timestamp(arrow::TimeUnit::MILLI), 2),
               Column("text", arrow::binary(), 3), Column("uuid", arrow::fixed_size_binary(16), 4),
               Column("day", arrow::date32(), 5),
               Column("time", arrow::time32(arrow::TimeUnit::MILLI), 6)},
              {"[1999]", "[2]", R"(["a"])", R"(["0123456789abcdef"])", "[1]", "[3]"}),
      1);
  const auto batch = ScanAll(*table.View())[0];
  ASSERT_TRUE(batch->ValidateFull().ok());
  const auto micros = [&](int column) {
    return static_cast<const arrow::TimestampArray&>(*batch->column(column)).Value(0);
  };
  EXPECT_EQ(micros(0), 1);
  EXPECT_EQ(micros(1), 2000);
  EXPECT_EQ(micros(4), int64_t{86400} * 1000000);
  EXPECT_EQ(batch->column(1)->type()->ToString(), "timestamp[us, tz=UTC]");
  EXPECT_EQ(batch->column(2)->GetScalar(0).ValueOrDie()->ToString(), "a");
  EXPECT_TRUE(batch->column(3)->type()->Equals(*arrow::extension::uuid()));
  EXPECT_EQ(static_cast<const arrow::Time64Array&>(*batch->column(5)).Value(0), 3000);
}

TEST(ForeignTypes, TimestampsOfTwelveBytesAreReadFarBeyondTheRangeOfNanoseconds) {
  ForeignTable table(SchemaOf({Field(1, "when", TypeId::kTimestampTz)}));
  const auto rows = RowsOf({Column("when", arrow::timestamp(arrow::TimeUnit::MICRO), 1)},
                           {"[32503680000000001, -1]"});
  const std::string path = table.store->PathOf(table.AddData(*rows, 1).file_path).ValueOrDie();
  auto out = arrow::io::BufferOutputStream::Create().ValueOrDie();
  ASSERT_TRUE(
      parquet::arrow::WriteTable(
          *arrow::Table::FromRecordBatches({rows}).ValueOrDie(), arrow::default_memory_pool(), out,
          100, parquet::default_writer_properties(),
          parquet::ArrowWriterProperties::Builder().enable_deprecated_int96_timestamps()->build())
          .ok());
  ASSERT_TRUE(table.store->Put(path, out->Finish().ValueOrDie()->ToString()).ok());
  const auto batch = ScanAll(*table.View())[0];
  EXPECT_TRUE(batch->column(0)->Equals(
      arrow::json::ArrayFromJSONString(batch->column(0)->type(), "[32503680000000001, -1]")
          .ValueOrDie()))
      << batch->column(0)->ToString();
}

TEST(ForeignTypes, ATypeThatDoesNotFitIsCorruptAndNamesTheFile) {
  ForeignTable table(SchemaOf({Field(1, "id", TypeId::kLong)}));
  table.AddData(*RowsOf({Column("id", arrow::utf8(), 1)}, {R"(["1"])"}), 1);
  const auto view = table.View();
  const auto status = view->Scan({}).ValueOrDie()->ToTable().status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kCorrupt));
  EXPECT_THAT(status.message(), HasSubstr(view->files()[0].path));
}

std::shared_ptr<arrow::RecordBatch> WithoutIds() {
  return RowsOf(
      {Column("record_id", arrow::int64(), -1), Column("other", arrow::utf8(), -1),
       Column("place",
              arrow::struct_(
                  {Column("latitude", arrow::float32(), -1), Column("junk", arrow::int32(), -1)}),
              -1),
       Column("tags", arrow::list(Column("array", arrow::utf8(), -1)), -1)},
      {"[1, 2]", R"(["x", "y"])", R"([{"latitude": 1.5, "junk": 1}, {"latitude": 2.5, "junk": 2}])",
       R"([["a"], []])"});
}

iceberg::Schema MappedSchema() {
  return SchemaOf({Field(1, "id", TypeId::kLong),
                   Field(2, "place", Type::Struct({Field(3, "lat", TypeId::kDouble)})),
                   Field(4, "tags", Type::List(5, Type::Of(TypeId::kString), false))});
}

TEST(NameMapping, FilesWithoutFieldIdsAreReadByTheTablesMapping) {
  ForeignTable table(MappedSchema());
  table.metadata.properties[iceberg::kNameMappingProperty] = R"([
      {"field-id": 1, "names": ["id", "record_id"]},
      {"field-id": 2, "names": ["place"], "fields": [{"field-id": 3, "names": ["lat", "latitude"]}]},
      {"field-id": 4, "names": ["tags"], "fields": [{"field-id": 5, "names": ["element"]}]},
      {"names": ["other"]}])";
  table.AddData(*WithoutIds(), 1);
  const auto view = table.View();
  EXPECT_EQ(ScanIds(*view), std::vector<int64_t>({1, 2}));
  const auto batch = ScanAll(*view)[0];
  ASSERT_TRUE(batch->ValidateFull().ok());
  const auto& place = static_cast<const arrow::StructArray&>(*batch->column(1));
  EXPECT_EQ(static_cast<const arrow::DoubleArray&>(*place.field(0)).Value(1), 2.5);
  EXPECT_EQ(batch->column(2)->GetScalar(0).ValueOrDie()->ToString(),
            arrow::json::ArrayFromJSONString(batch->column(2)->type(), R"([["a"]])")
                .ValueOrDie()
                ->GetScalar(0)
                .ValueOrDie()
                ->ToString());
  EXPECT_EQ(view->ColumnInFile(0, "id").ValueOrDie(), "record_id");
}

TEST(NameMapping, IsLeftAloneWhereTheFileHasIds) {
  ForeignTable table(SchemaOf({Field(1, "id", TypeId::kLong), Field(2, "other", TypeId::kString)}));
  table.metadata.properties[iceberg::kNameMappingProperty] =
      R"([{"field-id": 2, "names": ["other"]}, {"field-id": 1, "names": ["id"]}])";
  table.AddData(*RowsOf({Id(), Column("other", arrow::utf8(), -1)}, {"[1]", R"(["x"])"}), 1);
  EXPECT_THAT(Lines(*table.View()), ElementsAre("1 null"));
}

TEST(NameMapping, WithoutOneFilesWithoutIdsAreRefused) {
  ForeignTable table(MappedSchema());
  table.AddData(*WithoutIds(), 1);
  const auto view = table.View();
  for (const Status& status :
       {view->Scan({}).ValueOrDie()->ToTable().status(), view->ColumnInFile(0, "id").status(),
        view->ReadRows(0, std::vector<uint32_t>{0}, {"id"}).status()}) {
    EXPECT_TRUE(IsKind(status, ErrorKind::kNotSupported)) << status;
    EXPECT_THAT(status.message(), HasSubstr("schema.name-mapping.default"));
    EXPECT_THAT(status.message(), HasSubstr(view->files()[0].path));
  }
}

TEST(NameMapping, ABrokenOneIsSaidWhenTheTableIsOpened) {
  ForeignTable table(MappedSchema());
  table.metadata.properties[iceberg::kNameMappingProperty] = "{";
  table.Commit();
  EXPECT_TRUE(IsKind(table.Open().status(), ErrorKind::kCorrupt));
}

TEST(Partitions, IdentityColumnsThatFilesLackComeFromThePartition) {
  auto filled = Field(4, "filled", TypeId::kInt);
  filled.extra = R"({"initial-default": 1})";
  ForeignTable table(
      SchemaOf({Field(1, "id", TypeId::kLong), Field(2, "region", TypeId::kString),
                Field(3, "day", TypeId::kDate), filled, Field(5, "wide", TypeId::kLong)}),
      3);
  table.metadata.partition_specs.push_back({1,
                                            {{2, 1000, "region", "identity", {}},
                                             {3, 1001, "day", "identity", {}},
                                             {4, 1002, "filled", "identity", {}},
                                             {5, 1003, "wide", "identity", {}}}});
  table.metadata.partition_specs.push_back(
      {2, {{1, 1004, "id_bucket", "bucket[4]", {}}, {2, 1000, "region", "identity", {}}}});
  table.metadata.partition_specs.push_back({3, {{2, 1005, "region", "zorder[2]", {}}}});
  table.AddData(*RowsOf({Id()}, {"[1]"}), 1, 1,
                {std::string("north"), int32_t{3}, Value(), int64_t{8}});
  table.AddData(*RowsOf({Id()}, {"[2]"}), 1, 2, {int32_t{3}, std::string("south")});
  table.AddData(*RowsOf({Id(), Column("region", arrow::utf8(), 2)}, {"[3]", R"(["file"])"}), 1, 2,
                {int32_t{3}, std::string("partition")});
  table.AddData(*RowsOf({Id()}, {"[4]"}), 1);
  auto lines = Lines(*table.View());
  std::sort(lines.begin(), lines.end());
  EXPECT_THAT(lines, ElementsAre("1 north 1970-01-04 null 8", "2 south null 1 null",
                                 "3 file null 1 null", "4 null null 1 null"));
}

TEST(Partitions, AValueFromBeforeAWideningIsWidened) {
  ForeignTable table(SchemaOf({Field(1, "id", TypeId::kLong), Field(2, "wide", TypeId::kInt)}));
  table.metadata.partition_specs.push_back({1, {{2, 1000, "wide", "identity", {}}}});
  table.AddData(*RowsOf({Id()}, {"[1]"}), 1, 1, {int32_t{-7}});
  table.Commit();
  auto wide = SchemaOf({Field(1, "id", TypeId::kLong), Field(2, "wide", TypeId::kLong)});
  wide.schema_id = table.metadata.current_schema_id = 1;
  table.metadata.schemas.push_back(wide);
  EXPECT_THAT(Lines(*table.Open().ValueOrDie()), ElementsAre("1 -7"));
}

TEST(Partitions, AnUnknownSpecIsCorrupt) {
  ForeignTable table(SchemaOf({Field(1, "id", TypeId::kLong)}));
  table.metadata.partition_specs.push_back({1, {{1, 1000, "id", "identity", {}}}});
  table.AddData(*RowsOf({Id()}, {"[1]"}), 1, 1, {int64_t{1}});
  table.Commit();
  table.metadata.partition_specs.pop_back();
  EXPECT_TRUE(IsKind(table.Open().status(), ErrorKind::kCorrupt));
}

TEST(TimeTravel, EachStateIsReadUnderItsSchema) {
  ForeignTable table(SchemaOf({Field(1, "id", TypeId::kLong)}));
  table.metadata.properties = TableProperties(VectorStoragePolicy{"v", 2}).ToIceberg().ValueOrDie();
  table.AddData(*RowsOf({Id()}, {"[1]"}), 1);
  const SnapshotId first = table.Commit();
  auto with_vector = SchemaOf({Field(1, "key", TypeId::kLong),
                               Field(2, "v", Type::List(3, Type::Of(TypeId::kFloat), false))});
  with_vector.schema_id = table.metadata.current_schema_id = 1;
  table.metadata.schemas.push_back(with_vector);
  table.AddData(*RowsOf({Column("key", arrow::int64(), 1)}, {"[2]"}), 2);
  const SnapshotId second = table.Commit();
  table.metadata.refs["trial"] = {first, true};
  table.metadata.refs["v1"] = {first, false};

  const auto names = [&](std::optional<AsOf> as_of) {
    return table.Open(std::move(as_of)).ValueOrDie()->schema()->field_names();
  };
  const std::vector<std::string> old_names = {"id"}, new_names = {"key", "v"};
  EXPECT_EQ(names(std::nullopt), new_names);
  EXPECT_EQ(names(first), old_names);
  EXPECT_EQ(names(second), new_names);
  EXPECT_EQ(names(AsOf::AtMillis(1999)), old_names);
  EXPECT_EQ(names(AsOf::Ref("v1")), old_names);
  EXPECT_EQ(names(AsOf::Ref("trial")), new_names);
  EXPECT_EQ(ScanIds(*table.Open(AsOf::Ref("trial")).ValueOrDie(), "key"),
            std::vector<int64_t>({1}));
  EXPECT_EQ(table.Open(first).ValueOrDie()->vector_policies().size(), 0u);
  EXPECT_EQ(table.Open().ValueOrDie()->vector_policies().size(), 1u);
  for (const AsOf& missing : {AsOf(SnapshotId(77)), AsOf::AtMillis(999), AsOf::Ref("none")}) {
    const auto status = table.Open(missing).status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kNotFound));
    EXPECT_THAT(status.message(), HasSubstr("table db.t"));
  }
}

}  // namespace
}  // namespace tarn
