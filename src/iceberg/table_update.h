// SPDX-License-Identifier: Apache-2.0
//
// TableUpdate: the changes that a commit is made of, as data. Names follow the REST catalog
// protocol.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "iceberg/table_metadata.h"

namespace tarn::iceberg {

/// In the ids of AddSchema, AddPartitionSpec... and their Set counterparts: the one added last.
inline constexpr int32_t kLastAdded = -1;

namespace update {

struct AssignUuid {
  std::string uuid;
};
/// Only upwards.
struct UpgradeFormatVersion {
  int32_t format_version = kDefaultFormatVersion;
};
/// Adds a schema; its id is chosen (an equal schema is used again), its field ids are kept.
struct AddSchema {
  Schema schema;
};
struct SetCurrentSchema {
  int32_t schema_id = kLastAdded;
};
struct AddPartitionSpec {
  PartitionSpec spec;
};
struct SetDefaultPartitionSpec {
  int32_t spec_id = kLastAdded;
};
struct AddSortOrder {
  SortOrder order;
};
struct SetDefaultSortOrder {
  int32_t order_id = kLastAdded;
};
struct AddSnapshot {
  Snapshot snapshot;
};
/// Removed snapshots lose their refs' logs and statistics; a ref that still names one is an error.
struct RemoveSnapshots {
  std::vector<SnapshotId> snapshot_ids;
};
struct SetSnapshotRef {
  std::string name;
  SnapshotRef ref;
};
struct RemoveSnapshotRef {
  std::string name;
};
struct SetProperties {
  std::map<std::string, std::string> properties;
};
struct RemoveProperties {
  std::vector<std::string> keys;
};
struct SetLocation {
  std::string location;
};
/// Replaces the statistics of its snapshot.
struct SetStatistics {
  StatisticsFile file;
};
struct RemoveStatistics {
  SnapshotId snapshot_id;
};

}  // namespace update

/// One change. Build it from its alternative: TableUpdate{update::SetLocation{"file:///x"}}.
struct TableUpdate {
  std::variant<update::AssignUuid, update::UpgradeFormatVersion, update::AddSchema,
               update::SetCurrentSchema, update::AddPartitionSpec, update::SetDefaultPartitionSpec,
               update::AddSortOrder, update::SetDefaultSortOrder, update::AddSnapshot,
               update::RemoveSnapshots, update::SetSnapshotRef, update::RemoveSnapshotRef,
               update::SetProperties, update::RemoveProperties, update::SetLocation,
               update::SetStatistics, update::RemoveStatistics>
      change;
};

/// The protocol's name of the change, e.g. "add-snapshot".
std::string_view UpdateName(const TableUpdate& update);

/// The metadata after the updates, applied in order; last_updated_ms moves to `now_ms` (never
/// back). Pure: `base` is not changed. kBadInput names the update that does not fit; the snapshot
/// sequence number rule (greater than the last) is kCommitConflict, since it means that somebody
/// was first.
Result<TableMetadata> ApplyUpdates(const TableMetadata& base,
                                   const std::vector<TableUpdate>& updates, int64_t now_ms);

}  // namespace tarn::iceberg
