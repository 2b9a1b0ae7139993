// SPDX-License-Identifier: Apache-2.0
//
// AppendSnapshot: one append of files to a table, prepared against the newest metadata as often as
// the commit has to be tried.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "iceberg/manifest.h"
#include "iceberg/table_metadata.h"
#include "iceberg/table_requirement.h"
#include "iceberg/table_update.h"
#include "tarn/store.h"

namespace tarn::iceberg {

/// A file that a commit adds.
struct AddedFile {
  DataFile file;
  /// Set when the rows are older than the commit (rewritten files); else inherited from the commit.
  std::optional<int64_t> data_sequence_number;
};

/// What one attempt commits: apply all of it in one swap.
struct SnapshotChange {
  std::vector<TableRequirement> requirements;
  std::vector<TableUpdate> updates;
  Snapshot snapshot;
};

/// Writes the manifests of its files once, under the first schema it is prepared with, and a
/// manifest list per attempt: the unchanged manifests of the parent plus its own. The snapshot id
/// stays the same over all attempts, so that "is this id in the metadata?" decides whether any of
/// them was committed. One thread at a time. The store must outlive it.
class AppendSnapshot {
 public:
  struct Options {
    std::string branch = kMainBranch;
    std::string operation = "append";
    std::map<std::string, std::string> summary;  ///< added to the standard counts
  };

  /// All files belong to the partition spec `spec_id` of the table.
  AppendSnapshot(Store& store, std::vector<AddedFile> files, Options options);

  SnapshotId snapshot_id() const { return snapshot_id_; }

  /// One attempt. `base` already has the schema that the files were written with. The timestamp is
  /// `now_ms`, moved on if needed so that it never goes back. kNotSupported for version 1 tables.
  Result<SnapshotChange> Prepare(const TableMetadata& base, int64_t now_ms);

  /// Deletes what Prepare wrote. Only when it is known that no attempt was committed.
  Status DeleteWritten();
  /// Deletes the manifest lists of attempts other than the one that was committed.
  Status DeleteUnusedLists(const std::string& committed_manifest_list);

 private:
  Status WriteManifests(const TableMetadata& base);
  Result<std::string> WriteList(const TableMetadata& base, const Snapshot* parent,
                                Snapshot* snapshot);

  Store& store_;
  std::vector<AddedFile> files_;
  Options options_;
  SnapshotId snapshot_id_;
  std::string commit_uuid_;
  int attempts_ = 0;
  std::vector<ManifestFile> manifests_;  ///< ours, once written
  std::vector<std::string> manifest_paths_;
  std::vector<std::string> list_paths_;
};

}  // namespace tarn::iceberg
