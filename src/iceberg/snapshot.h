// SPDX-License-Identifier: Apache-2.0
//
// Snapshots, and the refs (branches and tags) that name them.
// Source: the Iceberg table specification, "Snapshots" and "Snapshot References".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tarn/types.h"

namespace tarn::iceberg {

inline constexpr char kMainBranch[] = "main";

/// The state of a table at one time. Immutable once committed.
struct Snapshot {
  SnapshotId snapshot_id;
  std::optional<SnapshotId> parent_id;
  int64_t sequence_number = 0;  ///< 0 in v1
  int64_t timestamp_ms = 0;
  std::string manifest_list;           ///< location of the manifest list
  std::vector<std::string> manifests;  ///< v1 tables may name manifests here instead
  std::optional<int32_t> schema_id;
  std::map<std::string, std::string> summary;  ///< with "operation"
  std::optional<int64_t> first_row_id;         ///< v3
  std::optional<int64_t> added_rows;           ///< v3
  std::string extra;                           ///< members that are not modelled, as JSON

  /// A number of the summary; nullopt when it is missing or not a number.
  std::optional<int64_t> SummaryNumber(const std::string& key) const;
  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

struct SnapshotRef {
  SnapshotId snapshot_id;
  bool is_branch = true;
  std::optional<int32_t> min_snapshots_to_keep;
  std::optional<int64_t> max_snapshot_age_ms;
  std::optional<int64_t> max_ref_age_ms;
  std::string extra;
  friend bool operator==(const SnapshotRef&, const SnapshotRef&) = default;
};

/// Keys of Snapshot::summary.
namespace summary {
inline constexpr char kOperation[] = "operation";
inline constexpr char kAddedDataFiles[] = "added-data-files";
inline constexpr char kAddedRecords[] = "added-records";
inline constexpr char kAddedFilesSize[] = "added-files-size";
inline constexpr char kAddedDeleteFiles[] = "added-delete-files";
inline constexpr char kAddedDeletionVectors[] = "added-dvs";
inline constexpr char kAddedPositionDeletes[] = "added-position-deletes";
inline constexpr char kAddedEqualityDeletes[] = "added-equality-deletes";
inline constexpr char kDeletedDataFiles[] = "deleted-data-files";
inline constexpr char kDeletedRecords[] = "deleted-records";
inline constexpr char kRemovedDeleteFiles[] = "removed-delete-files";
inline constexpr char kRemovedDeletionVectors[] = "removed-dvs";
inline constexpr char kRemovedPositionDeletes[] = "removed-position-deletes";
inline constexpr char kRemovedEqualityDeletes[] = "removed-equality-deletes";
inline constexpr char kRemovedFilesSize[] = "removed-files-size";
inline constexpr char kTotalDataFiles[] = "total-data-files";
inline constexpr char kTotalRecords[] = "total-records";
inline constexpr char kTotalFilesSize[] = "total-files-size";
inline constexpr char kTotalDeleteFiles[] = "total-delete-files";
inline constexpr char kTotalPositionDeletes[] = "total-position-deletes";
inline constexpr char kTotalEqualityDeletes[] = "total-equality-deletes";
}  // namespace summary

}  // namespace tarn::iceberg
