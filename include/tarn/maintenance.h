// SPDX-License-Identifier: Apache-2.0
//
// Maintenance: what a table no longer needs is forgotten, then deleted. Metadata is committed
// first, files go afterwards: a crash in between leaves files that nobody names, which
// RemoveOrphans finds. Safe beside writers and readers of the newest snapshots; a reader that still
// holds an expired snapshot may find its files gone. docs/adr/0013-retention.md has the reasons.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tarn/catalog.h"
#include "tarn/types.h"

namespace tarn {

struct ExpireOptions {
  /// Snapshots committed before this time may go (milliseconds since 1970 UTC). Unset: the table's
  /// `history.expire.max-snapshot-age-ms`, else 5 days, before `now_ms`.
  std::optional<int64_t> older_than_ms;
  /// The newest snapshots of each branch that stay whatever their age. Unset: the table's
  /// `history.expire.min-snapshots-to-keep`, else 1.
  std::optional<int32_t> retain_last;
  std::optional<int64_t> now_ms;  ///< unset: the clock's
  bool dry_run = false;           ///< only say what would go
  bool delete_files = true;       ///< false: the metadata forgets, the files stay as orphans
};

struct ExpireReport {
  std::vector<SnapshotId> snapshots;  ///< expired, oldest first
  std::vector<std::string> refs;      ///< branches and tags past their own age
  /// Paths in the store; deleted, or under dry_run what would be.
  std::vector<std::string> data_files, delete_files, manifests, manifest_lists, statistics;
  uint64_t bytes = 0;  ///< of the data and delete files
  /// Could not be deleted or looked into, and why; RemoveOrphans finds them later.
  std::vector<std::string> left_behind;
  size_t files() const {
    return data_files.size() + delete_files.size() + manifests.size() + manifest_lists.size() +
           statistics.size();
  }
};

/// Forgets old snapshots as Iceberg's reference implementation does (the settings of branches and
/// tags are honoured, whatever a ref needs stays), then deletes the files that no remaining
/// snapshot reaches. kBadInput: `gc.enabled` is false and files were to be deleted. An error after
/// the commit says so; no file that a remaining snapshot reaches is ever deleted.
Result<ExpireReport> ExpireSnapshots(CatalogProvider& catalog, const TableIdent& table,
                                     const ExpireOptions& options = {});

/// Commits of other writers become visible within seconds, but their files are written first; an
/// index build or a large load may take hours before it commits.
inline constexpr std::chrono::milliseconds kDefaultOrphanAge = std::chrono::hours(3 * 24);
inline constexpr std::chrono::milliseconds kLeastOrphanAge = std::chrono::hours(24);

struct OrphanOptions {
  /// Younger files stay: they may belong to a commit that is under way.
  std::chrono::milliseconds older_than = kDefaultOrphanAge;
  /// Allows an age below kLeastOrphanAge. Only for tables that nobody writes to: files of commits
  /// under way are deleted.
  bool force = false;
  bool dry_run = true;
  /// Folders to look through, as URIs or relative to the table's location; all of it when empty.
  std::vector<std::string> locations;
};

struct OrphanFile {
  std::string path;  ///< in the store
  uint64_t size = 0;
  int64_t modified_ms = 0;
};

struct OrphanReport {
  std::vector<OrphanFile> orphans;
  int64_t deleted = 0;
  uint64_t bytes = 0;  ///< of the orphans
  int64_t files_seen = 0;
  std::vector<std::string> left_behind;
};

/// Finds the files under the table's location that neither its snapshots nor its metadata log
/// names, and deletes them unless `dry_run`. Hidden names (beginning with '.' or '_'), the version
/// hint, the newest metadata and everything outside the location are never touched.
///   kBadInput          an age below the least without `force`; a location outside the table's;
///                      `gc.enabled` is false
///   kValidationFailed  another table lies inside this one's location
///   other kinds        metadata could not be read: then nothing is deleted
Result<OrphanReport> RemoveOrphans(CatalogProvider& catalog, const TableIdent& table,
                                   const OrphanOptions& options = {});

struct CleanReport {
  std::vector<std::string> metadata_files;  ///< deleted, or under dry_run what would be
};

/// Deletes metadata files that are older than everything the metadata log names, as commits do
/// where `write.metadata.delete-after-commit.enabled` is true (kBadInput where it is not): those
/// that an interrupted commit or another engine left.
Result<CleanReport> CleanMetadata(CatalogProvider& catalog, const TableIdent& table,
                                  bool dry_run = false);

}  // namespace tarn
