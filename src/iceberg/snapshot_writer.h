// SPDX-License-Identifier: Apache-2.0
//
// SnapshotWriter: the manifests and the manifest list of one snapshot, prepared against the newest
// metadata as often as the commit has to be tried.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "iceberg/snapshot_plan.h"
#include "iceberg/snapshot_summary.h"
#include "iceberg/table_metadata.h"
#include "tarn/store.h"

namespace tarn::iceberg {

/// Manifests are written once and used again by later attempts as long as the plan and the parent
/// leave them as they are; a manifest list is written for each attempt: new manifests first, then
/// the parent's, of which those that hold a removed file are written without it, and many small
/// ones become few (manifest_merge.h). Manifests without a live file are left out.
///
/// The snapshot id stays the same over all attempts, so that "is this id in the metadata?" decides
/// whether any of them was committed. One thread at a time. The store must outlive it.
class SnapshotWriter {
 public:
  explicit SnapshotWriter(Store& store);

  SnapshotId snapshot_id() const { return snapshot_id_; }

  /// One attempt. What it writes is durable after Store::Sync, which must come before anything that
  /// names the snapshot. `base` already has the schema that the files were written with. The
  /// timestamp is `now_ms`, moved on if needed so that it never goes back.
  ///   kValidationFailed  a file to be removed is not live
  ///   kNotSupported      the table has format version 1
  ///   kBadInput          the plan changes nothing, or a file belongs to an unknown spec
  Result<SnapshotChange> Prepare(const TableMetadata& base, const SnapshotPlan& plan,
                                 int64_t now_ms);

  /// Deletes what Prepare wrote. Only when it is known that no attempt was committed.
  Status DeleteWritten();
  /// Deletes what only attempts other than the committed one use.
  Status DeleteUnused(const std::string& committed_manifest_list);

 private:
  /// A manifest of ours, and what its line needs when the commit's sequence number changes.
  struct Written {
    ManifestFile line;
    int64_t oldest = INT64_MAX;  ///< least explicit data sequence number
  };
  /// The new files of one manifest.
  struct NewManifest {
    std::vector<AddedFile> files;
    Written written;
  };
  /// A parent's manifest after its removed files are gone.
  struct Rewritten {
    std::set<RemovedFile> gone;
    FileCounts counts;
    Written written;  ///< without a path when nothing was left to write
  };
  struct List {
    std::string path;
    std::string location;
    std::set<std::string> manifests;  ///< of ours, by location
  };

  Result<std::vector<ManifestFile>> NewManifests(const TableMetadata& base,
                                                 const SnapshotPlan& plan, int64_t sequence_number);
  Result<std::vector<ManifestFile>> Without(const TableMetadata& base, const SnapshotPlan& plan,
                                            std::vector<ManifestFile> lines,
                                            int64_t sequence_number, FileCounts* removed);
  Result<const Rewritten*> Rewrite(const TableMetadata& base, const ManifestFile& line,
                                   const std::set<RemovedFile>& removed, int64_t sequence_number);
  Result<std::vector<ManifestFile>> Merge(const TableMetadata& base,
                                          std::vector<ManifestFile> lines, int64_t sequence_number);
  Result<Written> Write(const TableMetadata& base, Manifest manifest, int64_t sequence_number);
  Result<std::string> WriteList(const TableMetadata& base, const Snapshot& snapshot,
                                const std::vector<ManifestFile>& lines);

  Store& store_;
  SnapshotId snapshot_id_;
  std::string commit_uuid_;
  int attempts_ = 0;
  std::vector<NewManifest> new_manifests_;
  std::map<std::string, Rewritten> rewritten_;          ///< by the parent manifest's location
  std::map<std::vector<std::string>, Written> merged_;  ///< by the locations merged
  std::map<std::string, std::string> manifests_;        ///< everything written: location, path
  std::vector<List> lists_;
};

}  // namespace tarn::iceberg
