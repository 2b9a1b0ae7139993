// SPDX-License-Identifier: Apache-2.0
#include "catalog/commit_attempt.h"

#include <algorithm>
#include <utility>

#include "base/crash_point.h"
#include "base/random_id.h"

namespace tarn {
namespace {

CrashPoint kCommitLoaded("commit/loaded");
CrashPoint kCommitPlanned("commit/planned");
CrashPoint kCommitPrepared("commit/prepared");
CrashPoint kCommitSwapped("commit/swapped");
CrashPoint kCommitDone("commit/done");
CrashPoint kCommitCleaned("commit/cleaned");

using std::chrono::milliseconds;

constexpr char kTotalTimeout[] = "commit.retry.total-timeout-ms";
constexpr int64_t kDefaultTotalTimeoutMs = 30 * 60 * 1000;
/// How often a commit of unknown outcome that turns out not to have happened is tried again.
constexpr int kMaxUnknownRounds = 3;
constexpr milliseconds kMaxQueueWait{30'000};

/// Between half and the whole of min * 2^tries, at most max.
milliseconds Backoff(const CommitOptions& options, int tries) {
  const int64_t most = std::max<int64_t>(1, options.max_wait.count());
  const int64_t wait =
      std::min(most, std::max<int64_t>(1, options.min_wait.count()) << std::min(tries, 30));
  return milliseconds(wait / 2 + NewRandomId() % (wait - wait / 2 + 1));
}

/// The lock behind which local writers queue, so that they seldom collide.
std::string QueueOf(const TableState& state) {
  return state.metadata_path.substr(0, state.metadata_path.rfind('/')) + "/commit";
}

}  // namespace

CommitAttempt::CommitAttempt(CatalogProvider& catalog, TableIdent ident, PlanCommit plan,
                             CommitOptions options)
    : catalog_(catalog),
      ident_(std::move(ident)),
      plan_(std::move(plan)),
      options_(options),
      writer_(catalog.store()) {}

Result<bool> CommitAttempt::IsCommitted() {
  ARROW_ASSIGN_OR_RAISE(const auto state, catalog_.LoadTable(ident_));
  return state.metadata->FindSnapshot(snapshot_id()) != nullptr;
}

Result<Committed> CommitAttempt::TryOnce(const TableState& base) {
  kCommitLoaded.Reach();
  ARROW_ASSIGN_OR_RAISE(CommitPlan plan, plan_(base));
  kCommitPlanned.Reach();
  if (plan.is_empty()) return Committed{base, SnapshotId(0)};
  if (plan.snapshot) {
    const int64_t now = options_.clock->NowMillis();
    ARROW_ASSIGN_OR_RAISE(const auto prepared,
                          iceberg::ApplyUpdates(*base.metadata, plan.updates, now));
    ARROW_ASSIGN_OR_RAISE(const auto change, writer_.Prepare(prepared, *plan.snapshot, now));
    plan.requirements.insert(plan.requirements.end(), change.requirements.begin(),
                             change.requirements.end());
    plan.updates.insert(plan.updates.end(), change.updates.begin(), change.updates.end());
  }
  kCommitPrepared.Reach();
  ARROW_ASSIGN_OR_RAISE(auto state, catalog_.CommitTable(base, plan.requirements, plan.updates));
  kCommitSwapped.Reach();
  return Committed{std::move(state), plan.snapshot ? snapshot_id() : SnapshotId(0)};
}

Status CommitAttempt::GiveUp(Status why) {
  // A storage that failed may have published after all, and after an unknown outcome nothing is
  // deleted even if it was settled since: whoever answered then was not to be trusted.
  if (!was_unknown_ && !IsKind(why, ErrorKind::kIo)) (void)writer_.DeleteWritten();
  return why;
}

Committed CommitAttempt::Done(TableState state) {
  unknown_ = false;
  const auto* snapshot = state.metadata->FindSnapshot(snapshot_id());
  if (snapshot == nullptr) return {std::move(state), SnapshotId(0)};
  kCommitDone.Reach();
  (void)writer_.DeleteUnused(snapshot->manifest_list);
  kCommitCleaned.Reach();
  return {std::move(state), snapshot_id()};
}

Result<Committed> CommitAttempt::Commit() {
  const auto start = options_.clock->Now();
  int unknown_rounds = 0;
  std::unique_ptr<StoreLock> queue;
  const auto left_at = [&](const TableState& state) {
    const milliseconds timeout = options_.total_timeout.value_or(
        milliseconds(state.metadata->PropertyNumber(kTotalTimeout, kDefaultTotalTimeoutMs)));
    return timeout - std::chrono::duration_cast<milliseconds>(options_.clock->Now() - start);
  };
  for (int tries = 0;; ++tries) {
    auto base = catalog_.LoadTable(ident_);
    if (tries == 0 && base.ok() && base->metadata->FindSnapshot(snapshot_id()) == nullptr) {
      queue = WaitInQueue(*base, left_at(*base));
      // Others went first, or a swap of ours that seemed lost: it is seen by loading again.
      if (queue != nullptr) base = catalog_.LoadTable(ident_);
    }
    if (!base.ok()) {
      if (!unknown_) return GiveUp(base.status());
      return Error(ErrorKind::kCommitStateUnknown, "table ", ident_.ToString(), ": snapshot ",
                   snapshot_id(), " may or may not be committed: ", base.status().message());
    }
    if (base->metadata->FindSnapshot(snapshot_id()) != nullptr) return Done(*std::move(base));
    unknown_ = false;
    const milliseconds left = left_at(*base);
    auto committed = TryOnce(*base);
    if (committed.ok()) return Done(std::move(committed->state));
    const Status status = committed.status();
    if (IsKind(status, ErrorKind::kCommitStateUnknown)) {
      unknown_ = was_unknown_ = true;
      if (++unknown_rounds > kMaxUnknownRounds) return status;
    } else if (!IsKind(status, ErrorKind::kCommitConflict)) {
      return GiveUp(status);
    }
    if (left <= milliseconds(0)) {
      if (unknown_) return status;
      return GiveUp(WithContext(status, "gave up after " + std::to_string(tries + 1) + " tries"));
    }
    options_.clock->SleepFor(std::min(left, Backoff(options_, tries)));
  }
}

std::unique_ptr<StoreLock> CommitAttempt::WaitInQueue(const TableState& state, milliseconds left) {
  // Bounded, so that one writer that hangs does not stop all others: the queue is only a courtesy.
  const milliseconds wait = std::clamp(left, milliseconds(0), kMaxQueueWait);
  auto lock = catalog_.store().Lock(QueueOf(state), wait);
  return lock.ok() ? std::move(lock).ValueUnsafe() : nullptr;
}

}  // namespace tarn
