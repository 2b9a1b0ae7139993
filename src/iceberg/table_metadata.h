// SPDX-License-Identifier: Apache-2.0
//
// TableMetadata: one version of a table, everything but its manifests and data.
// Source: the Iceberg table specification, "Table Metadata". Versions 1 to 3 are read; new tables
// are version 2. Plain value: share it as shared_ptr<const TableMetadata>.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "iceberg/partition.h"
#include "iceberg/schema.h"
#include "iceberg/snapshot.h"
#include "iceberg/snapshot_list.h"
#include "tarn/types.h"

namespace tarn::iceberg {

inline constexpr int32_t kDefaultFormatVersion = 2;
inline constexpr int32_t kNewestFormatVersion = 3;

struct SnapshotLogEntry {
  int64_t timestamp_ms = 0;
  SnapshotId snapshot_id;
  friend bool operator==(const SnapshotLogEntry&, const SnapshotLogEntry&) = default;
};

struct MetadataLogEntry {
  int64_t timestamp_ms = 0;
  std::string metadata_file;
  friend bool operator==(const MetadataLogEntry&, const MetadataLogEntry&) = default;
};

/// Table or partition statistics: carried along, never read by us.
struct StatisticsFile {
  SnapshotId snapshot_id;
  std::string json;  ///< the whole entry
  friend bool operator==(const StatisticsFile&, const StatisticsFile&) = default;
};

struct TableMetadata {
  int32_t format_version = kDefaultFormatVersion;
  std::string table_uuid;
  std::string location;  ///< a URI; kept in the spelling it has
  int64_t last_sequence_number = 0;
  int64_t last_updated_ms = 0;
  int32_t last_column_id = 0;
  std::vector<Schema> schemas;
  int32_t current_schema_id = 0;
  std::vector<PartitionSpec> partition_specs;
  int32_t default_spec_id = 0;
  int32_t last_partition_id = kNoPartitionId;
  std::vector<SortOrder> sort_orders;
  int32_t default_sort_order_id = 0;
  std::map<std::string, std::string> properties;
  SnapshotId current_snapshot_id;  ///< 0: no snapshot yet
  int64_t next_row_id = 0;         ///< v3
  SnapshotList snapshots;
  std::map<std::string, SnapshotRef> refs;
  std::vector<SnapshotLogEntry> snapshot_log;
  std::vector<MetadataLogEntry> metadata_log;
  std::vector<StatisticsFile> statistics;
  std::vector<StatisticsFile> partition_statistics;
  std::string extra;  ///< members that are not modelled (encryption keys...), as JSON

  /// The schema, spec or order of that id; nullptr when there is none.
  const Schema* FindSchema(int32_t schema_id) const;
  const PartitionSpec* FindSpec(int32_t spec_id) const;
  const SortOrder* FindSortOrder(int32_t order_id) const;
  const Snapshot* FindSnapshot(SnapshotId id) const;
  /// nullptr before the first snapshot.
  const Snapshot* CurrentSnapshot() const { return FindSnapshot(current_snapshot_id); }
  /// The current schema of a parsed or created table always exists; it may have no columns yet.
  const Schema& CurrentSchema() const;
  const PartitionSpec& DefaultSpec() const;
  /// The property, or nullptr.
  const std::string* FindProperty(const std::string& key) const;
  /// A number kept in a property; `fallback` when it is missing or not a number.
  int64_t PropertyNumber(const std::string& key, int64_t fallback) const;

  friend bool operator==(const TableMetadata&, const TableMetadata&) = default;
};

/// An empty, unpartitioned, unsorted table. The schema's ids are kept; it may have no fields.
/// kBadInput for a bad schema, kNotSupported for a version that is not 2 or 3.
Result<TableMetadata> NewTableMetadata(std::string location, Schema schema,
                                       std::map<std::string, std::string> properties,
                                       int64_t now_ms,
                                       int32_t format_version = kDefaultFormatVersion);

/// What must hold of any metadata: the current schema, spec, order and snapshot exist, refs name
/// snapshots, `main` agrees with the current snapshot. kCorrupt otherwise.
Status CheckTableMetadata(const TableMetadata& metadata);

}  // namespace tarn::iceberg
