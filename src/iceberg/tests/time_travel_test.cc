// SPDX-License-Identifier: Apache-2.0
#include "iceberg/time_travel.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn::iceberg {
namespace {

using testing::HasSubstr;

/// Snapshots 1 (schema 0, at 100), 2 (schema 1, at 200) and 3 (no schema, at 300, current); 9 is on
/// a branch. The current schema is 2.
TableMetadata Sample() {
  TableMetadata metadata;
  metadata.schemas.resize(3);
  for (int32_t i = 0; i < 3; ++i) metadata.schemas[static_cast<size_t>(i)].schema_id = i;
  metadata.current_schema_id = 2;
  for (const int64_t id : {1, 2, 3, 9}) {
    Snapshot snapshot;
    snapshot.snapshot_id = SnapshotId(id);
    snapshot.timestamp_ms = id * 100;
    if (id > 1) snapshot.parent_id = SnapshotId(std::min<int64_t>(id - 1, 3));
    if (id < 3) snapshot.schema_id = static_cast<int32_t>(id - 1);
    if (id == 9) snapshot.schema_id = 0;
    metadata.snapshots.push_back(snapshot);
  }
  metadata.current_snapshot_id = SnapshotId(3);
  for (const int64_t id : {1, 2, 3}) metadata.snapshot_log.push_back({id * 100, SnapshotId(id)});
  metadata.refs["main"] = {SnapshotId(3), true};
  metadata.refs["trial"] = {SnapshotId(9), true};
  metadata.refs["release"] = {SnapshotId(1), false};
  return metadata;
}

std::pair<int64_t, int32_t> See(const Result<ReadPoint>& point) {
  EXPECT_TRUE(point.ok()) << point.status();
  if (!point.ok()) return {-1, -1};
  return {point->snapshot ? point->snapshot->snapshot_id.value() : 0, point->schema->schema_id};
}

using Seen = std::pair<int64_t, int32_t>;

TEST(TimeTravel, ASnapshotIsReadUnderItsOwnSchema) {
  const auto metadata = Sample();
  EXPECT_EQ(See(CurrentPoint(metadata)), Seen(3, 2));
  EXPECT_EQ(See(PointOfSnapshot(metadata, SnapshotId(1))), Seen(1, 0));
  EXPECT_EQ(See(PointOfSnapshot(metadata, SnapshotId(3))), Seen(3, 2));
  const auto gone = PointOfSnapshot(metadata, SnapshotId(7));
  EXPECT_TRUE(IsKind(gone.status(), ErrorKind::kNotFound));
}

TEST(TimeTravel, ATimeGivesTheSnapshotThatWasCurrentThen) {
  const auto metadata = Sample();
  EXPECT_EQ(See(PointAtTime(metadata, 100)), Seen(1, 0));
  EXPECT_EQ(See(PointAtTime(metadata, 299)), Seen(2, 1));
  // 9 is newer, but was never the table's current snapshot.
  EXPECT_EQ(See(PointAtTime(metadata, 5000)), Seen(3, 2));
}

TEST(TimeTravel, ARollbackCountsFromWhenItWasDone) {
  auto metadata = Sample();
  metadata.snapshot_log.push_back({400, SnapshotId(1)});
  EXPECT_EQ(See(PointAtTime(metadata, 350)), Seen(3, 2));
  EXPECT_EQ(See(PointAtTime(metadata, 400)), Seen(1, 0));
}

TEST(TimeTravel, WithoutALogTheAncestorsAreTheHistory) {
  auto metadata = Sample();
  metadata.snapshot_log.clear();
  EXPECT_EQ(See(PointAtTime(metadata, 250)), Seen(2, 1));
  Snapshot first = metadata.snapshots[0];
  first.parent_id = SnapshotId(3);  // a cycle ends
  metadata.snapshots.Replace(0, first);
  EXPECT_EQ(See(PointAtTime(metadata, 150)), Seen(1, 0));
}

TEST(TimeTravel, ATimeBeforeTheFirstSnapshotSaysWhatIsTheOldest) {
  const auto before = PointAtTime(Sample(), 99);
  EXPECT_TRUE(IsKind(before.status(), ErrorKind::kNotFound));
  EXPECT_THAT(before.status().message(), HasSubstr("snapshot 1 at 100 ms"));
  EXPECT_THAT(PointAtTime(TableMetadata{.schemas = {{}}}, 99).status().message(),
              HasSubstr("no snapshot yet"));
}

TEST(TimeTravel, ABranchIsReadUnderTheTablesSchemaATagUnderItsOwn) {
  const auto metadata = Sample();
  EXPECT_EQ(See(PointOfRef(metadata, "trial")), Seen(9, 2));
  EXPECT_EQ(See(PointOfRef(metadata, "release")), Seen(1, 0));
  EXPECT_EQ(See(PointOfRef(metadata, "main")), Seen(3, 2));
  const auto unknown = PointOfRef(metadata, "trail");
  EXPECT_TRUE(IsKind(unknown.status(), ErrorKind::kNotFound));
  EXPECT_THAT(unknown.status().message(), HasSubstr("main, release, trial"));
}

TEST(TimeTravel, TheMainBranchOfAnEmptyTableIsEmpty) {
  TableMetadata metadata;
  metadata.schemas.resize(1);
  EXPECT_EQ(See(PointOfRef(metadata, "main")), Seen(0, 0));
}

}  // namespace
}  // namespace tarn::iceberg
