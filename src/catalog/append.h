// SPDX-License-Identifier: Apache-2.0
//
// AppendAttempt: the commit loop of an append. Refresh, validate, prepare, swap; again on a known
// conflict; look, and delete nothing, when the outcome is unknown.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "iceberg/append.h"
#include "iceberg/schema.h"
#include "tarn/catalog.h"
#include "tarn/types.h"

namespace tarn {

/// What an append commits, in one swap.
struct AppendCommit {
  std::vector<iceberg::DataFile> files;  ///< at least one
  /// When set, the commit goes through only while this is the current snapshot (0: while there is
  /// none); otherwise it fails with kValidationFailed.
  std::optional<SnapshotId> parent;
  /// Becomes the table's schema if that has no columns yet. If another writer gave one meanwhile
  /// and it differs from this, the commit fails with kValidationFailed; when equal, it goes on.
  std::optional<iceberg::Schema> schema;
  std::map<std::string, std::string> properties;  ///< set in the same swap
  /// The commit goes through only while these table properties have these values (nullopt: while
  /// they are not set); otherwise it fails with kValidationFailed.
  std::map<std::string, std::optional<std::string>> expected_properties;
  std::map<std::string, std::string> summary;  ///< added to the snapshot's summary
};

struct CommitOptions {
  /// How long to go on trying. Unset: the table's `commit.retry.total-timeout-ms`, else 30 minutes.
  std::optional<std::chrono::milliseconds> total_timeout;
  /// Waits between tries grow from min to max, with jitter.
  std::chrono::milliseconds min_wait{5};
  std::chrono::milliseconds max_wait{60'000};
  const Clock* clock = &Clock::System();  ///< must outlive the attempt
};

struct CommittedAppend {
  TableState state;  ///< the newest version that was seen to hold the snapshot
  SnapshotId snapshot;
};

/// One append, from first try to a known end. The catalog must outlive it. One thread at a time.
///
/// It keeps its snapshot id over all tries: a commit happened if and only if that id is in the
/// table's metadata. So after kCommitStateUnknown, Commit may simply be called again: it looks
/// first, and never commits twice. Destroying it deletes nothing.
class AppendAttempt {
 public:
  AppendAttempt(CatalogProvider& catalog, TableIdent ident, AppendCommit commit,
                CommitOptions options = {});

  SnapshotId snapshot_id() const { return append_.snapshot_id(); }

  /// Commits, or finds out that it already did.
  ///   kValidationFailed    the parent or the schema is not what was asked for: terminal
  ///   kCommitStateUnknown  no answer to be had: call again later; nothing was deleted
  ///   kCommitConflict      the time ran out while others kept winning: not committed
  ///   other kinds          not committed
  /// When a race was lost for certain, the manifests it wrote are deleted (data files are the
  /// caller's); a later call writes them anew. After an error of the storage everything stays.
  Result<CommittedAppend> Commit();

  /// Whether the snapshot is in the table now. An answer of false is final only if the last Commit
  /// did not end in kCommitStateUnknown.
  Result<bool> IsCommitted();

 private:
  Result<CommittedAppend> TryOnce(const TableState& base);
  Status Validate(const iceberg::TableMetadata& metadata) const;
  Status GiveUp(Status why);
  CommittedAppend Done(TableState state);
  std::unique_ptr<StoreLock> WaitInQueue(const TableState& state, std::chrono::milliseconds left);

  CatalogProvider& catalog_;
  TableIdent ident_;
  AppendCommit commit_;
  CommitOptions options_;
  iceberg::AppendSnapshot append_;
  bool unknown_ = false;      ///< a swap of ours may still be found in the table
  bool was_unknown_ = false;  ///< at any time
};

/// Commits an append that needs no second look: AppendAttempt in one call.
Result<CommittedAppend> CommitAppend(CatalogProvider& catalog, const TableIdent& ident,
                                     const AppendCommit& commit, const CommitOptions& options = {});

}  // namespace tarn
