// SPDX-License-Identifier: Apache-2.0
//
// Manifests: the files of a table with what is known of each, and the list of manifests that makes
// a snapshot. Source: the Iceberg table specification, "Manifests" and "Manifest Lists".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "iceberg/partition.h"
#include "iceberg/schema.h"
#include "iceberg/value.h"
#include "tarn/types.h"

namespace tarn::iceberg {

enum class FileContent : int32_t { kData = 0, kPositionDeletes = 1, kEqualityDeletes = 2 };
enum class EntryStatus : int32_t { kExisting = 0, kAdded = 1, kDeleted = 2 };
enum class ManifestContent : int32_t { kData = 0, kDeletes = 1 };

/// A data or delete file. Maps are keyed by field id. Bounds are encoded values (value.h); lists
/// and maps and what lies in them have counts at most, never bounds.
struct DataFile {
  FileContent content = FileContent::kData;
  std::string file_path;  ///< a URI
  std::string file_format = "PARQUET";
  std::vector<Value> partition;  ///< one per field of the spec
  int64_t record_count = 0;
  int64_t file_size_in_bytes = 0;  ///< exact: readers find the footer by it
  std::map<int32_t, int64_t> column_sizes;
  std::map<int32_t, int64_t> value_counts;
  std::map<int32_t, int64_t> null_value_counts;
  std::map<int32_t, int64_t> nan_value_counts;
  std::map<int32_t, std::string> lower_bounds;
  std::map<int32_t, std::string> upper_bounds;
  std::optional<std::string> key_metadata;
  std::vector<int64_t> split_offsets;  ///< ascending starts of row groups
  std::vector<int32_t> equality_ids;
  std::optional<int32_t> sort_order_id;
  std::optional<int64_t> first_row_id;              ///< v3
  std::optional<std::string> referenced_data_file;  ///< position deletes of one file
  std::optional<int64_t> content_offset;            ///< v3 deletion vectors
  std::optional<int64_t> content_size_in_bytes;     ///< v3 deletion vectors
  int32_t spec_id = 0;  ///< of the manifest that holds it; not written with the file
  friend bool operator==(const DataFile&, const DataFile&) = default;
};

/// Null sequence numbers mean "those of the commit", and only ADDED entries may have them: once
/// read, entries have both. An ADDED entry of a rewrite carries the older data sequence number.
struct ManifestEntry {
  EntryStatus status = EntryStatus::kAdded;
  std::optional<SnapshotId> snapshot_id;
  std::optional<int64_t> sequence_number;       ///< the data sequence number
  std::optional<int64_t> file_sequence_number;  ///< that of the commit that added the file
  DataFile data_file;
  bool is_live() const { return status != EntryStatus::kDeleted; }
  friend bool operator==(const ManifestEntry&, const ManifestEntry&) = default;
};

struct Manifest {
  int32_t format_version = 2;
  ManifestContent content = ManifestContent::kData;
  Schema schema;
  PartitionSpec spec;
  std::vector<ManifestEntry> entries;
};

/// The range of one partition field over a manifest's files.
struct PartitionFieldSummary {
  bool contains_null = false;
  std::optional<bool> contains_nan;
  std::optional<std::string> lower_bound;
  std::optional<std::string> upper_bound;
  friend bool operator==(const PartitionFieldSummary&, const PartitionFieldSummary&) = default;
};

/// One line of a manifest list. Counts are absent only in old version 1 lists.
struct ManifestFile {
  std::string manifest_path;  ///< a URI
  int64_t manifest_length = 0;
  int32_t partition_spec_id = 0;
  ManifestContent content = ManifestContent::kData;
  int64_t sequence_number = 0;
  int64_t min_sequence_number = 0;
  SnapshotId added_snapshot_id;
  std::optional<int32_t> added_files_count;
  std::optional<int32_t> existing_files_count;
  std::optional<int32_t> deleted_files_count;
  std::optional<int64_t> added_rows_count;
  std::optional<int64_t> existing_rows_count;
  std::optional<int64_t> deleted_rows_count;
  std::optional<std::vector<PartitionFieldSummary>> partitions;
  std::optional<std::string> key_metadata;
  std::optional<int64_t> first_row_id;  ///< v3, data manifests only
  friend bool operator==(const ManifestFile&, const ManifestFile&) = default;
};

/// Counts, row counts, least sequence number and partition summaries of a manifest's entries, as
/// its line in a list shows them. Entries without a sequence number count as
/// `commit_sequence_number`. The path, length and snapshot are the caller's to fill in.
Result<ManifestFile> SummarizeManifest(const Manifest& manifest, int64_t commit_sequence_number);

}  // namespace tarn::iceberg
