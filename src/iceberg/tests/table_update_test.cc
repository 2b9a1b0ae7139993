// SPDX-License-Identifier: Apache-2.0
#include "iceberg/table_update.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/table_metadata_json.h"

namespace tarn::iceberg {
namespace {

using namespace update;
using testing::HasSubstr;

class Update : public ::testing::Test {
 protected:
  Update() {
    Schema schema;
    schema.fields.push_back({1, "id", true, Type::Of(TypeId::kLong), {}, {}});
    base_ = NewTableMetadata("file:///t", schema, {{"a", "1"}, {"b", "2"}}, 100).ValueOrDie();
  }

  static Snapshot SnapshotOf(int64_t id, int64_t sequence) {
    Snapshot snapshot;
    snapshot.snapshot_id = SnapshotId(id);
    snapshot.sequence_number = sequence;
    snapshot.timestamp_ms = 100 + sequence;
    snapshot.manifest_list = "file:///t/metadata/" + std::to_string(id);
    snapshot.schema_id = 0;
    return snapshot;
  }
  static SnapshotRef Branch(int64_t id) { return {SnapshotId(id), true, {}, {}, {}, {}}; }

  /// Applies the updates; what comes out must also be sound and survive writing.
  TableMetadata Apply(const std::vector<TableUpdate>& updates) {
    const auto next = ApplyUpdates(base_, updates, 1000);
    EXPECT_TRUE(next.ok()) << next.status();
    if (!next.ok()) return base_;
    EXPECT_TRUE(CheckTableMetadata(*next).ok()) << CheckTableMetadata(*next);
    EXPECT_EQ(TableMetadataFromJson(TableMetadataToJson(*next), "x").ValueOrDie(), *next);
    return *next;
  }
  void Refuses(ErrorKind kind, const std::vector<TableUpdate>& updates, const char* says) {
    const TableMetadata before = base_;
    const auto status = ApplyUpdates(base_, updates, 1000).status();
    EXPECT_TRUE(IsKind(status, kind)) << status;
    EXPECT_THAT(status.message(), HasSubstr(says));
    EXPECT_EQ(base_, before);
  }
  /// A table with snapshots 1, 2, 3 in a row on main.
  void WithThreeSnapshots() {
    base_ = Apply({{AddSnapshot{SnapshotOf(1, 1)}}, {SetSnapshotRef{"main", Branch(1)}}});
    base_ = Apply({{AddSnapshot{SnapshotOf(2, 2)}}, {SetSnapshotRef{"main", Branch(2)}}});
    base_ = Apply({{AddSnapshot{SnapshotOf(3, 3)}}, {SetSnapshotRef{"main", Branch(3)}}});
  }

  TableMetadata base_;
};

TEST_F(Update, NamesAreThoseOfTheProtocol) {
  EXPECT_EQ(UpdateName({AddSnapshot{}}), "add-snapshot");
  EXPECT_EQ(UpdateName({AssignUuid{}}), "assign-uuid");
  EXPECT_EQ(UpdateName({RemoveStatistics{}}), "remove-statistics");
  EXPECT_EQ(UpdateName({SetDefaultSortOrder{}}), "set-default-sort-order");
}

TEST_F(Update, TheClockOnlyMovesForward) {
  EXPECT_EQ(Apply({}).last_updated_ms, 1000);
  EXPECT_EQ(ApplyUpdates(base_, {}, 50)->last_updated_ms, 100);
}

TEST_F(Update, UuidIsGivenOnce) {
  Refuses(ErrorKind::kBadInput, {{AssignUuid{"other"}}}, "assign-uuid");
  EXPECT_EQ(Apply({{AssignUuid{base_.table_uuid}}}).table_uuid, base_.table_uuid);
  base_.table_uuid.clear();
  EXPECT_EQ(ApplyUpdates(base_, {{AssignUuid{"u"}}}, 1)->table_uuid, "u");
}

TEST_F(Update, FormatVersionGoesUpOnly) {
  EXPECT_EQ(Apply({{UpgradeFormatVersion{3}}}).format_version, 3);
  Refuses(ErrorKind::kBadInput, {{UpgradeFormatVersion{1}}}, "cannot go back");
  Refuses(ErrorKind::kNotSupported, {{UpgradeFormatVersion{4}}}, "4");
}

TEST_F(Update, ASchemaIsAddedAndMadeCurrent) {
  Schema schema = base_.CurrentSchema();
  schema.fields.push_back({7, "x", false, Type::List(8, Type::Of(TypeId::kFloat), true), {}, {}});
  const auto next = Apply({{AddSchema{schema}}, {SetCurrentSchema{}}});
  EXPECT_EQ(next.current_schema_id, 1);
  EXPECT_EQ(next.last_column_id, 8);
  EXPECT_EQ(next.CurrentSchema().fields, schema.fields);
  EXPECT_EQ(next.schemas.size(), 2u);
  EXPECT_EQ(ApplyUpdates(next, {{SetCurrentSchema{0}}}, 1)->current_schema_id, 0);
}

TEST_F(Update, AnEqualSchemaIsUsedAgain) {
  const auto next = Apply({{AddSchema{base_.CurrentSchema()}}, {SetCurrentSchema{}}});
  EXPECT_EQ(next.schemas.size(), 1u);
  EXPECT_EQ(next.current_schema_id, 0);
}

TEST_F(Update, BadSchemasAreRefused) {
  Schema schema = base_.CurrentSchema();
  schema.fields[0].id = -1;
  Refuses(ErrorKind::kBadInput, {{AddSchema{schema}}}, "'id'");
  Refuses(ErrorKind::kBadInput, {{SetCurrentSchema{5}}}, "no schema 5");
  Refuses(ErrorKind::kBadInput, {{SetCurrentSchema{}}}, "no schema");
}

TEST_F(Update, PartitionSpecsGetIds) {
  PartitionSpec spec;
  spec.fields = {{1, 0, "id_bucket", "bucket[4]", {}}};
  const auto next = Apply({{AddPartitionSpec{spec}}, {SetDefaultPartitionSpec{}}});
  EXPECT_EQ(next.default_spec_id, 1);
  EXPECT_EQ(next.DefaultSpec().fields[0].field_id, 1000);
  EXPECT_EQ(next.last_partition_id, 1000);
  spec.fields[0].source_id = 44;
  Refuses(ErrorKind::kBadInput, {{AddPartitionSpec{spec}}}, "44");
  Refuses(ErrorKind::kBadInput, {{SetDefaultPartitionSpec{9}}}, "9");
}

TEST_F(Update, SortOrdersGetIds) {
  const SortOrder order{0, {{"identity", 1, "asc", "nulls-first", {}}}};
  const auto next = Apply({{AddSortOrder{order}}, {SetDefaultSortOrder{}}});
  EXPECT_EQ(next.default_sort_order_id, 1);
  EXPECT_EQ(Apply({{AddSortOrder{}}, {SetDefaultSortOrder{}}}).default_sort_order_id, 0);
  Refuses(ErrorKind::kBadInput, {{AddSortOrder{{0, {{"identity", 9, "asc", "nulls-first", {}}}}}}},
          "9");
  Refuses(ErrorKind::kBadInput, {{SetDefaultSortOrder{4}}}, "4");
}

TEST_F(Update, ASnapshotBecomesCurrentThroughMain) {
  const auto added = Apply({{AddSnapshot{SnapshotOf(5, 1)}}});
  EXPECT_EQ(added.current_snapshot_id, SnapshotId(0));
  EXPECT_EQ(added.last_sequence_number, 1);
  const auto next = Apply({{AddSnapshot{SnapshotOf(5, 1)}}, {SetSnapshotRef{"main", Branch(5)}}});
  EXPECT_EQ(next.current_snapshot_id, SnapshotId(5));
  ASSERT_EQ(next.snapshot_log.size(), 1u);
  EXPECT_EQ(next.snapshot_log[0].timestamp_ms, 101);
}

TEST_F(Update, AStaleSequenceNumberIsAConflict) {
  WithThreeSnapshots();
  Refuses(ErrorKind::kCommitConflict, {{AddSnapshot{SnapshotOf(9, 3)}}}, "sequence number 3");
  Refuses(ErrorKind::kBadInput, {{AddSnapshot{SnapshotOf(3, 9)}}}, "already");
  Refuses(ErrorKind::kBadInput, {{AddSnapshot{SnapshotOf(0, 9)}}}, "add-snapshot");
}

TEST_F(Update, VersionThreeCountsRowIds) {
  base_ = Apply({{UpgradeFormatVersion{3}}});
  Snapshot snapshot = SnapshotOf(1, 1);
  Refuses(ErrorKind::kBadInput, {{AddSnapshot{snapshot}}}, "first-row-id");
  snapshot.first_row_id = 0;
  snapshot.added_rows = 12;
  base_ = Apply({{AddSnapshot{snapshot}}});
  EXPECT_EQ(base_.next_row_id, 12);
  snapshot = SnapshotOf(2, 2);
  snapshot.first_row_id = 5;
  snapshot.added_rows = 1;
  Refuses(ErrorKind::kCommitConflict, {{AddSnapshot{snapshot}}}, "row id 5");
}

TEST_F(Update, RefsAreSetAndRemoved) {
  WithThreeSnapshots();
  const SnapshotRef tag{SnapshotId(1), false, {}, {}, 9, {}};
  auto next = Apply({{SetSnapshotRef{"v1", tag}}});
  EXPECT_EQ(next.refs.at("v1"), tag);
  EXPECT_EQ(next.current_snapshot_id, SnapshotId(3));
  next = Apply({{SetSnapshotRef{"main", Branch(1)}}});
  EXPECT_EQ(next.snapshot_log.back().snapshot_id, SnapshotId(1));
  EXPECT_EQ(next.snapshot_log.back().timestamp_ms, 1000);
  EXPECT_EQ(Apply({{RemoveSnapshotRef{"main"}}}).current_snapshot_id, SnapshotId(0));
  Refuses(ErrorKind::kBadInput, {{SetSnapshotRef{"x", Branch(44)}}}, "no snapshot 44");
  Refuses(ErrorKind::kBadInput, {{SetSnapshotRef{"main", tag}}}, "branch");
}

TEST_F(Update, RemovedSnapshotsTakeTheirHistoryAlong) {
  WithThreeSnapshots();
  base_.statistics = {{SnapshotId(1), R"({"snapshot-id":1})"},
                      {SnapshotId(3), R"({"snapshot-id":3})"}};
  const auto next = Apply({{RemoveSnapshots{{SnapshotId(2)}}}});
  EXPECT_EQ(next.snapshots.size(), 2u);
  ASSERT_EQ(next.snapshot_log.size(), 1u);
  EXPECT_EQ(next.snapshot_log[0].snapshot_id, SnapshotId(3));
  EXPECT_EQ(next.statistics.size(), 2u);
  EXPECT_EQ(Apply({{RemoveSnapshots{{SnapshotId(1)}}}}).statistics.size(), 1u);
  EXPECT_EQ(Apply({{RemoveSnapshots{{SnapshotId(77)}}}}).snapshot_log.size(), 3u);
  Refuses(ErrorKind::kBadInput, {{RemoveSnapshots{{SnapshotId(3)}}}}, "main");
}

TEST_F(Update, PropertiesAndLocationAreSet) {
  const auto next = Apply({{SetProperties{{{"a", "9"}, {"c", "3"}}}},
                           {RemoveProperties{{"b", "none"}}},
                           {SetLocation{"file:/else"}}});
  EXPECT_EQ(next.properties, (std::map<std::string, std::string>{{"a", "9"}, {"c", "3"}}));
  EXPECT_EQ(next.location, "file:/else");
  Refuses(ErrorKind::kBadInput, {{SetLocation{""}}}, "location");
}

TEST_F(Update, StatisticsAreReplacedAndRemoved) {
  WithThreeSnapshots();
  base_ = Apply({{SetStatistics{{SnapshotId(1), R"({"snapshot-id":1,"x":1})"}}}});
  base_ = Apply({{SetStatistics{{SnapshotId(1), R"({"snapshot-id":1,"x":2})"}}}});
  ASSERT_EQ(base_.statistics.size(), 1u);
  EXPECT_THAT(base_.statistics[0].json, HasSubstr("2"));
  EXPECT_TRUE(Apply({{RemoveStatistics{SnapshotId(1)}}}).statistics.empty());
}

}  // namespace
}  // namespace tarn::iceberg
