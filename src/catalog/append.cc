// SPDX-License-Identifier: Apache-2.0
#include "catalog/append.h"

#include <algorithm>
#include <utility>

#include "base/random_id.h"

namespace tarn {
namespace {

using std::chrono::milliseconds;

constexpr char kTotalTimeout[] = "commit.retry.total-timeout-ms";
constexpr int64_t kDefaultTotalTimeoutMs = 30 * 60 * 1000;
/// How often a commit of unknown outcome that turns out not to have happened is tried again.
constexpr int kMaxUnknownRounds = 3;
constexpr milliseconds kMaxQueueWait{30'000};

iceberg::AppendSnapshot MakeAppend(Store& store, AppendCommit& commit) {
  std::vector<iceberg::AddedFile> files;
  for (auto& file : commit.files) files.push_back({std::move(file), std::nullopt});
  commit.files.clear();
  iceberg::AppendSnapshot::Options options;
  options.summary = commit.summary;
  return {store, std::move(files), std::move(options)};
}

/// Between half and the whole of min * 2^tries, at most max.
milliseconds Backoff(const CommitOptions& options, int tries) {
  const int64_t most = std::max<int64_t>(1, options.max_wait.count());
  const int64_t wait =
      std::min(most, std::max<int64_t>(1, options.min_wait.count()) << std::min(tries, 30));
  return milliseconds(wait / 2 + NewRandomId() % (wait - wait / 2 + 1));
}

/// The lock behind which local writers queue, so that they seldom collide.
std::string QueueOf(const TableState& state) {
  return state.metadata_path.substr(0, state.metadata_path.rfind('/')) + "/append";
}

}  // namespace

AppendAttempt::AppendAttempt(CatalogProvider& catalog, TableIdent ident, AppendCommit commit,
                             CommitOptions options)
    : catalog_(catalog),
      ident_(std::move(ident)),
      commit_(std::move(commit)),
      options_(options),
      append_(MakeAppend(catalog.store(), commit_)) {}

Result<bool> AppendAttempt::IsCommitted() {
  ARROW_ASSIGN_OR_RAISE(const auto state, catalog_.LoadTable(ident_));
  return state.metadata->FindSnapshot(snapshot_id()) != nullptr;
}

Status AppendAttempt::Validate(const iceberg::TableMetadata& metadata) const {
  if (commit_.parent && *commit_.parent != metadata.current_snapshot_id) {
    return Error(ErrorKind::kValidationFailed, "table ", ident_.ToString(),
                 ": the current snapshot is ", metadata.current_snapshot_id,
                 ", the commit expects ", *commit_.parent);
  }
  for (const auto& [key, expected] : commit_.expected_properties) {
    const auto found = metadata.properties.find(key);
    const bool set = found != metadata.properties.end();
    if (set == expected.has_value() && (!set || found->second == *expected)) continue;
    return Error(ErrorKind::kValidationFailed, "table ", ident_.ToString(), ": the property '", key,
                 "' is ", set ? "'" + found->second + "'" : "not set", ", the commit expects ",
                 expected ? "'" + *expected + "'" : "that it is not set");
  }
  const iceberg::Schema& schema = metadata.CurrentSchema();
  if (schema.fields.empty()) {
    if (commit_.schema) return Status::OK();
    return Error(ErrorKind::kBadInput, "table ", ident_.ToString(),
                 " has no columns yet: the first commit must give its schema");
  }
  if (commit_.schema && !commit_.schema->SameAs(schema)) {
    return Error(ErrorKind::kValidationFailed, "table ", ident_.ToString(),
                 ": another writer gave it a different schema meanwhile");
  }
  return Status::OK();
}

Result<CommittedAppend> AppendAttempt::TryOnce(const TableState& base) {
  ARROW_RETURN_NOT_OK(Validate(*base.metadata));
  const int64_t now = options_.clock->NowMillis();
  std::vector<iceberg::TableRequirement> requirements;
  std::vector<iceberg::TableUpdate> updates;
  if (base.metadata->CurrentSchema().fields.empty()) {
    requirements.push_back(
        {iceberg::requirement::AssertCurrentSchemaId{base.metadata->current_schema_id}});
    updates.push_back({iceberg::update::AddSchema{*commit_.schema}});
    updates.push_back({iceberg::update::SetCurrentSchema{}});
  }
  if (!commit_.properties.empty()) {
    updates.push_back({iceberg::update::SetProperties{commit_.properties}});
  }
  ARROW_ASSIGN_OR_RAISE(const auto prepared, iceberg::ApplyUpdates(*base.metadata, updates, now));
  ARROW_ASSIGN_OR_RAISE(auto change, append_.Prepare(prepared, now));
  requirements.insert(requirements.end(), change.requirements.begin(), change.requirements.end());
  updates.insert(updates.end(), change.updates.begin(), change.updates.end());
  ARROW_ASSIGN_OR_RAISE(auto state, catalog_.CommitTable(base, requirements, updates));
  return CommittedAppend{std::move(state), snapshot_id()};
}

Status AppendAttempt::GiveUp(Status why) {
  // A storage that failed may have published after all, and after an unknown outcome nothing is
  // deleted even if it was settled since: whoever answered then was not to be trusted.
  if (!was_unknown_ && !IsKind(why, ErrorKind::kIo)) (void)append_.DeleteWritten();
  return why;
}

CommittedAppend AppendAttempt::Done(TableState state) {
  unknown_ = false;
  if (const auto* snapshot = state.metadata->FindSnapshot(snapshot_id())) {
    (void)append_.DeleteUnusedLists(snapshot->manifest_list);
  }
  return {std::move(state), snapshot_id()};
}

Result<CommittedAppend> AppendAttempt::Commit() {
  const auto start = options_.clock->Now();
  int unknown_rounds = 0;
  std::unique_ptr<StoreLock> queue;
  for (int tries = 0;; ++tries) {
    auto base = catalog_.LoadTable(ident_);
    if (!base.ok()) {
      if (!unknown_) return GiveUp(base.status());
      return Error(ErrorKind::kCommitStateUnknown, "table ", ident_.ToString(), ": snapshot ",
                   snapshot_id(), " may or may not be committed: ", base.status().message());
    }
    if (base->metadata->FindSnapshot(snapshot_id()) != nullptr) return Done(*std::move(base));
    unknown_ = false;

    const milliseconds timeout = options_.total_timeout.value_or(
        milliseconds(base->metadata->PropertyNumber(kTotalTimeout, kDefaultTotalTimeoutMs)));
    const auto left =
        timeout - std::chrono::duration_cast<milliseconds>(options_.clock->Now() - start);
    if (tries == 0) {
      queue = WaitInQueue(*base, left);
      // Others went first: what they did is seen by loading again.
      if (queue != nullptr) base = catalog_.LoadTable(ident_);
      if (!base.ok()) return GiveUp(base.status());
    }
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

std::unique_ptr<StoreLock> AppendAttempt::WaitInQueue(const TableState& state, milliseconds left) {
  // Bounded, so that one writer that hangs does not stop all others: the queue is only a courtesy.
  const milliseconds wait = std::clamp(left, milliseconds(0), kMaxQueueWait);
  auto lock = catalog_.store().Lock(QueueOf(state), wait);
  return lock.ok() ? std::move(lock).ValueUnsafe() : nullptr;
}

Result<CommittedAppend> CommitAppend(CatalogProvider& catalog, const TableIdent& ident,
                                     const AppendCommit& commit, const CommitOptions& options) {
  return AppendAttempt(catalog, ident, commit, options).Commit();
}

}  // namespace tarn
