// SPDX-License-Identifier: Apache-2.0
#include "iceberg/time_travel.h"

#include <algorithm>
#include <set>

namespace tarn::iceberg {
namespace {

/// Snapshots written before schemas had ids are read under the table's schema, as by other engines.
const Schema* SchemaOf(const TableMetadata& metadata, const Snapshot& snapshot) {
  const Schema* schema = snapshot.schema_id ? metadata.FindSchema(*snapshot.schema_id) : nullptr;
  return schema != nullptr ? schema : &metadata.CurrentSchema();
}

/// When which snapshot became the current one, oldest first. Tables without a log have the
/// ancestors of the current snapshot for one.
std::vector<SnapshotLogEntry> History(const TableMetadata& metadata) {
  if (!metadata.snapshot_log.empty()) return metadata.snapshot_log;
  std::vector<SnapshotLogEntry> history;
  std::set<SnapshotId> seen;
  const Snapshot* snapshot = metadata.CurrentSnapshot();
  while (snapshot != nullptr && seen.insert(snapshot->snapshot_id).second) {
    history.push_back({snapshot->timestamp_ms, snapshot->snapshot_id});
    snapshot = snapshot->parent_id ? metadata.FindSnapshot(*snapshot->parent_id) : nullptr;
  }
  std::reverse(history.begin(), history.end());
  return history;
}

}  // namespace

ReadPoint CurrentPoint(const TableMetadata& metadata) {
  return {metadata.CurrentSnapshot(), &metadata.CurrentSchema()};
}

Result<ReadPoint> PointOfSnapshot(const TableMetadata& metadata, SnapshotId id) {
  const Snapshot* snapshot = metadata.FindSnapshot(id);
  if (snapshot == nullptr) {
    return Error(ErrorKind::kNotFound, "the table has no snapshot ", id,
                 "; it never had, or it was expired");
  }
  return ReadPoint{snapshot, SchemaOf(metadata, *snapshot)};
}

Result<ReadPoint> PointAtTime(const TableMetadata& metadata, int64_t timestamp_ms) {
  const auto history = History(metadata);
  const SnapshotLogEntry* found = nullptr;
  const SnapshotLogEntry* oldest = nullptr;
  for (const auto& entry : history) {
    if (oldest == nullptr || entry.timestamp_ms < oldest->timestamp_ms) oldest = &entry;
    if (entry.timestamp_ms <= timestamp_ms) found = &entry;
  }
  if (found != nullptr) return PointOfSnapshot(metadata, found->snapshot_id);
  if (oldest == nullptr) return Error(ErrorKind::kNotFound, "the table has no snapshot yet");
  return Error(ErrorKind::kNotFound, "the table's history begins with snapshot ",
               oldest->snapshot_id, " at ", oldest->timestamp_ms,
               " ms since 1970, after the time asked for, ", timestamp_ms);
}

Result<ReadPoint> PointOfRef(const TableMetadata& metadata, const std::string& name) {
  const auto ref = metadata.refs.find(name);
  if (ref == metadata.refs.end()) {
    if (name == kMainBranch) return CurrentPoint(metadata);
    std::string known;
    for (const auto& [other, target] : metadata.refs) known += (known.empty() ? "" : ", ") + other;
    return Error(ErrorKind::kNotFound, "the table has no branch or tag '", name,
                 "'; it has: ", known.empty() ? "none" : known);
  }
  ARROW_ASSIGN_OR_RAISE(auto point, PointOfSnapshot(metadata, ref->second.snapshot_id));
  if (ref->second.is_branch) point.schema = &metadata.CurrentSchema();
  return point;
}

}  // namespace tarn::iceberg
