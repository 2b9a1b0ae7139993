// SPDX-License-Identifier: Apache-2.0
//
// CommitAttempt: the one way a table moves on. Load, plan against exactly that version, swap; again
// on a known conflict; look, and delete nothing, when the outcome is unknown.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "iceberg/snapshot_plan.h"
#include "iceberg/snapshot_writer.h"
#include "tarn/catalog.h"
#include "tarn/types.h"

namespace tarn {

/// What one attempt changes, all in one swap. Empty: nothing needs to be done.
struct CommitPlan {
  std::vector<iceberg::TableRequirement> requirements;
  std::vector<iceberg::TableUpdate> updates;  ///< applied before the snapshot is prepared
  std::optional<iceberg::SnapshotPlan> snapshot;

  bool is_empty() const { return requirements.empty() && updates.empty() && !snapshot; }
};

/// Plans one attempt against the version that it will replace: whatever the plan rests on is read
/// from `base`, and nothing can come between. Called once for each attempt. An error ends the
/// commit, kCommitConflict excepted, which calls for another attempt; kValidationFailed says that
/// what was to be changed is no longer what it was.
using PlanCommit = std::function<Result<CommitPlan>(const TableState& base)>;

struct CommitOptions {
  /// How long to go on trying. Unset: the table's `commit.retry.total-timeout-ms`, else 30 minutes.
  std::optional<std::chrono::milliseconds> total_timeout;
  /// Waits between tries grow from min to max, with jitter.
  std::chrono::milliseconds min_wait{5};
  std::chrono::milliseconds max_wait{60'000};
  const Clock* clock = &Clock::System();  ///< must outlive the attempt
};

struct Committed {
  TableState state;     ///< the newest version that was seen to hold the change
  SnapshotId snapshot;  ///< the new one; 0 when the plan had none
};

/// One commit, from first try to a known end. The catalog must outlive it. One thread at a time.
///
/// It keeps its snapshot id over all tries: a snapshot was committed if and only if that id is in
/// the table's metadata. A change without a snapshot has no such mark: its plan must come out empty
/// once it is in effect. So after kCommitStateUnknown, Commit may simply be called again: it looks
/// first, and never commits twice. Destroying it deletes nothing.
class CommitAttempt {
 public:
  CommitAttempt(CatalogProvider& catalog, TableIdent ident, PlanCommit plan,
                CommitOptions options = {});

  SnapshotId snapshot_id() const { return writer_.snapshot_id(); }
  /// Whether the outcome of any try was unknown for a while: then what an earlier plan named may be
  /// in the table even where the last one does not name it.
  bool was_in_doubt() const { return was_unknown_; }

  /// Commits, or finds out that it already did.
  ///   kValidationFailed    the plan no longer fits the table: terminal
  ///   kCommitStateUnknown  no answer to be had: call again later; nothing was deleted
  ///   kCommitConflict      the time ran out while others kept winning: not committed
  ///   other kinds          not committed
  /// When a race was lost for certain, the manifests it wrote are deleted (data files are the
  /// caller's); a later call writes them anew. After an error of the storage everything stays.
  Result<Committed> Commit();

  /// Whether the snapshot is in the table now. An answer of false is final only if the last Commit
  /// did not end in kCommitStateUnknown.
  Result<bool> IsCommitted();

 private:
  Result<Committed> TryOnce(const TableState& base);
  Status GiveUp(Status why);
  Committed Done(TableState state);
  std::unique_ptr<StoreLock> WaitInQueue(const TableState& state, std::chrono::milliseconds left);

  CatalogProvider& catalog_;
  TableIdent ident_;
  PlanCommit plan_;
  CommitOptions options_;
  iceberg::SnapshotWriter writer_;
  bool unknown_ = false;      ///< a swap of ours may still be found in the table
  bool was_unknown_ = false;  ///< at any time
};

}  // namespace tarn
