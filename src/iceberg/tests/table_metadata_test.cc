// SPDX-License-Identifier: Apache-2.0
#include "iceberg/table_metadata.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/location.h"
#include "iceberg/table_metadata_json.h"

namespace tarn::iceberg {
namespace {

using testing::HasSubstr;

Schema OneColumn() {
  Schema schema;
  schema.fields.push_back({1, "id", true, Type::Of(TypeId::kLong), {}, {}});
  return schema;
}

TEST(TableMetadata, ANewTableIsCompleteAndComesBack) {
  for (const int32_t version : {2, 3}) {
    const auto table =
        NewTableMetadata("file:///t", OneColumn(), {{"k", "v"}}, 1234, version).ValueOrDie();
    EXPECT_TRUE(CheckTableMetadata(table).ok());
    const std::string json = TableMetadataToJson(table);
    EXPECT_EQ(TableMetadataFromJson(json, "x").ValueOrDie(), table);
    for (const char* member :
         {"format-version", "table-uuid", "location", "last-sequence-number", "last-updated-ms",
          "last-column-id", "schemas", "current-schema-id", "partition-specs", "default-spec-id",
          "sort-orders", "default-sort-order-id"}) {
      EXPECT_THAT(json, HasSubstr(std::string("\"") + member + "\":"));
    }
    EXPECT_THAT(json, HasSubstr("\"last-partition-id\":999"));
    EXPECT_THAT(json, HasSubstr(version == 2 ? "\"current-snapshot-id\":-1"
                                             : "\"current-snapshot-id\":null"));
    EXPECT_EQ(json.find("\"next-row-id\":0") != std::string::npos, version == 3);
  }
}

TEST(TableMetadata, OnlyVersionsTwoAndThreeAreMade) {
  for (const int32_t version : {0, 1, 4}) {
    EXPECT_TRUE(IsKind(NewTableMetadata("x", OneColumn(), {}, 0, version).status(),
                       ErrorKind::kNotSupported));
  }
  Schema bad = OneColumn();
  bad.fields[0].id = 0;
  EXPECT_TRUE(IsKind(NewTableMetadata("x", bad, {}, 0).status(), ErrorKind::kBadInput));
}

constexpr char kVersionOne[] = R"({
  "format-version": 1, "location": "s3://b/t", "last-updated-ms": 5, "last-column-id": 2,
  "schema": {"type": "struct", "fields": [{"id": 1, "name": "a", "required": true, "type": "long"},
                                          {"id": 2, "name": "b", "required": false, "type": "date"}]},
  "partition-spec": [{"name": "b_day", "transform": "day", "source-id": 2}],
  "properties": {"p": "q"}, "current-snapshot-id": 7,
  "snapshots": [{"snapshot-id": 7, "timestamp-ms": 4, "manifests": ["s3://b/t/m0.avro"]}]})";

TEST(TableMetadata, VersionOneIsReadAndWritten) {
  const auto table = TableMetadataFromJson(kVersionOne, "v1");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->format_version, 1);
  EXPECT_EQ(table->CurrentSchema().fields.size(), 2u);
  ASSERT_EQ(table->DefaultSpec().fields.size(), 1u);
  EXPECT_EQ(table->DefaultSpec().fields[0].field_id, 1000);
  EXPECT_EQ(table->last_partition_id, 1000);
  EXPECT_EQ(table->refs.at("main").snapshot_id, SnapshotId(7));
  EXPECT_EQ(table->CurrentSnapshot()->manifests.size(), 1u);
  const std::string written = TableMetadataToJson(*table);
  EXPECT_THAT(written, HasSubstr("\"schema\":{"));
  EXPECT_THAT(written, HasSubstr("\"partition-spec\":["));
  EXPECT_EQ(TableMetadataFromJson(written, "again").ValueOrDie(), *table);
}

/// Empty metadata of a version, with further members.
std::string Minimal(int version, const std::string& members) {
  return R"({"format-version": )" + std::to_string(version) +
         R"(, "table-uuid": "u", "location": "s3://b/t", "last-updated-ms": 5, "last-column-id": 1,
           "schemas": [{"type": "struct", "fields": [
             {"id": 1, "name": "a", "required": true, "type": "long"}]}])" +
         members + "}";
}

TEST(TableMetadata, NumbersThatAVersionDoesNotKnowAreNotRead) {
  const auto one = TableMetadataFromJson(Minimal(1, R"(, "last-sequence-number": 4,
      "next-row-id": 9, "current-snapshot-id": 7, "snapshots": [{"snapshot-id": 7,
      "sequence-number": 3, "timestamp-ms": 4, "manifest-list": "s3://b/t/m"}])"),
                                         "v1")
                       .ValueOrDie();
  EXPECT_EQ(one.last_sequence_number, 0);
  EXPECT_EQ(one.next_row_id, 0);
  EXPECT_EQ(one.snapshots[0].sequence_number, 0);
  EXPECT_EQ(TableMetadataFromJson(TableMetadataToJson(one), "again").ValueOrDie(), one);
  const auto two = TableMetadataFromJson(Minimal(2, R"(, "next-row-id": 9)"), "v2").ValueOrDie();
  EXPECT_EQ(two.next_row_id, 0);
}

TEST(TableMetadata, AnEmptyUuidSurvives) {
  std::string json = Minimal(2, "");
  json.replace(json.find("\"u\""), 3, "\"\"");
  const auto table = TableMetadataFromJson(json, "x").ValueOrDie();
  const auto again = TableMetadataFromJson(TableMetadataToJson(table), "again");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, table);
}

TEST(TableMetadata, ASourceIdThatItsListContradictsSurvives) {
  const auto with = [](const std::string& field) {
    return TableMetadataFromJson(
        Minimal(3, R"(, "partition-specs": [{"spec-id": 0, "fields": [{"name": "p",
          "transform": "identity", "field-id": 1000, )" +
                       field + "}]}]"),
        "x");
  };
  for (const char* field : {R"("source-id": 1, "source-ids": [2])", R"("source-ids": [1, 2])",
                            R"("source-id": 1, "more": {"source-ids": [1]})"}) {
    const auto table = with(field);
    ASSERT_TRUE(table.ok()) << field << ": " << table.status();
    EXPECT_EQ(table->DefaultSpec().fields[0].source_id, 1) << field;
    const auto again = TableMetadataFromJson(TableMetadataToJson(*table), "again");
    ASSERT_TRUE(again.ok()) << field << ": " << again.status();
    EXPECT_EQ(again->DefaultSpec(), table->DefaultSpec()) << field;
  }
  EXPECT_TRUE(
      IsKind(with(R"("source-ids": [18446744073709551615])").status(), ErrorKind::kCorrupt));
}

TEST(TableMetadata, UnknownMembersSurviveAtEveryLevel) {
  auto table = NewTableMetadata("file:///t", OneColumn(), {}, 1).ValueOrDie();
  table.partition_specs[0].fields.push_back({1, 1000, "p", "identity", R"({"f":1})"});
  table.sort_orders.push_back({1, {{"identity", 1, "asc", "nulls-first", R"({"s":1})"}}});
  Snapshot snapshot;
  snapshot.snapshot_id = SnapshotId(9);
  snapshot.manifest_list = "file:///t/l";
  snapshot.extra = R"({"key-id":"k"})";
  table.snapshots.push_back(snapshot);
  table.current_snapshot_id = snapshot.snapshot_id;
  table.refs["main"] = {snapshot.snapshot_id, true, 3, 4, 5, R"({"r":true})"};
  table.refs["tag"] = {snapshot.snapshot_id, false, {}, {}, {}, {}};
  table.statistics = {{snapshot.snapshot_id, R"({"snapshot-id":9,"any":{"thing":[]}})"}};
  table.partition_statistics = {{snapshot.snapshot_id, R"({"snapshot-id":9})"}};
  table.extra = R"({"encryption-keys":[{"key-id":"k"}],"new":null})";
  const auto back = TableMetadataFromJson(TableMetadataToJson(table), "x");
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, table);
}

TEST(TableMetadata, ContradictionsAreCorrupt) {
  const auto base = NewTableMetadata("file:///t", OneColumn(), {}, 1).ValueOrDie();
  const auto corrupt = [](TableMetadata table, const char* says) {
    const auto status = TableMetadataFromJson(TableMetadataToJson(table), "the-file").status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kCorrupt)) << status;
    EXPECT_THAT(status.message(), HasSubstr(says));
    EXPECT_THAT(status.message(), HasSubstr("the-file"));
  };
  auto table = base;
  table.current_schema_id = 9;
  corrupt(table, "schema 9");
  table = base;
  table.default_spec_id = 9;
  corrupt(table, "spec 9");
  table = base;
  table.default_sort_order_id = 9;
  corrupt(table, "order 9");
  table = base;
  table.current_snapshot_id = SnapshotId(5);
  corrupt(table, "snapshot 5");
  table = base;
  table.refs["x"].snapshot_id = SnapshotId(6);
  corrupt(table, "'x'");
  table = base;
  table.location.clear();
  corrupt(table, "location");
  table = base;
  Snapshot snapshot;
  snapshot.snapshot_id = SnapshotId(5);
  table.snapshots = {snapshot};
  table.refs["main"].snapshot_id = SnapshotId(5);
  corrupt(table, "main");
}

TEST(TableMetadata, PropertyNumbersFallBack) {
  TableMetadata table;
  table.properties = {{"n", "12"}, {"bad", "12x"}};
  EXPECT_EQ(table.PropertyNumber("n", 5), 12);
  EXPECT_EQ(table.PropertyNumber("bad", 5), 5);
  EXPECT_EQ(table.PropertyNumber("none", 5), 5);
}

TEST(Location, PathsFollowTheProperties) {
  TableMetadata table;
  table.location = "file:/x/t/";
  EXPECT_EQ(MetadataFileLocation(table, "a"), "file:/x/t/metadata/a");
  EXPECT_EQ(DataFileLocation(table, "a"), "file:/x/t/data/a");
  table.properties = {{"write.data.path", "file:///d"}, {"write.metadata.path", "file:///m/"}};
  EXPECT_EQ(MetadataFileLocation(table, "a"), "file:///m/a");
  EXPECT_EQ(DataFileLocation(table, "a"), "file:///d/a");
}

}  // namespace
}  // namespace tarn::iceberg
