// SPDX-License-Identifier: Apache-2.0
//
// AppendSnapshot: one append of files to a table, prepared against the newest metadata as often as
// the commit has to be tried.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
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

  /// All files belong to the partition spec that their `spec_id` names: one spec per append.
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
  /// One of our manifests, and what its line needs when the commit's sequence number changes.
  struct Written {
    ManifestFile line;
    std::string path;
    std::optional<int64_t> oldest;  ///< least explicit data sequence number
  };

  Status WriteManifests(const TableMetadata& base);
  Status WriteOneManifest(const TableMetadata& base, ManifestContent content);
  Result<std::vector<ManifestFile>> ParentManifests(const Snapshot* parent);
  std::vector<ManifestFile> OwnManifests(int64_t sequence_number) const;
  Result<std::string> WriteList(const TableMetadata& base, const Snapshot& snapshot,
                                const std::vector<ManifestFile>& lines);
  void FillSummary(const Snapshot* parent, const std::vector<ManifestFile>& inherited,
                   Snapshot* snapshot) const;

  Store& store_;
  std::vector<AddedFile> files_;
  Options options_;
  SnapshotId snapshot_id_;
  std::string commit_uuid_;
  int attempts_ = 0;
  bool manifests_written_ = false;
  std::vector<Written> manifests_;
  /// Everything written so far: path and location of each list.
  std::vector<std::pair<std::string, std::string>> lists_;
};

}  // namespace tarn::iceberg
