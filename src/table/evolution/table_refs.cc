// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "catalog/commit_attempt.h"
#include "iceberg/snapshot_expiry.h"
#include "tarn/alter_table.h"

namespace tarn {
namespace {

using iceberg::kMainBranch;
using iceberg::Snapshot;
using iceberg::SnapshotRef;
using iceberg::TableMetadata;

Result<TableState> CommitPlanned(CatalogProvider& catalog, const TableIdent& table,
                                 PlanCommit plan) {
  CommitAttempt attempt(catalog, table, [&](const TableState& base) -> Result<CommitPlan> {
    auto planned = plan(base);
    if (!planned.ok()) return WithContext(planned.status(), "table " + table.ToString());
    return planned;
  });
  ARROW_ASSIGN_OR_RAISE(auto done, attempt.Commit());
  return std::move(done.state);
}

/// Which snapshot of this version is to become current.
using ChooseSnapshot = std::function<Result<SnapshotId>(const TableMetadata&)>;

/// Moves main. The snapshot it leaves is pinned by the first look: a commit that comes between must
/// not be undone by somebody who never saw it.
Result<TableState> MoveMain(CatalogProvider& catalog, const TableIdent& table,
                            const ChooseSnapshot& choose) {
  std::optional<SnapshotId> from, to;
  return CommitPlanned(catalog, table, [&](const TableState& base) -> Result<CommitPlan> {
    const TableMetadata& metadata = *base.metadata;
    const SnapshotId current = metadata.current_snapshot_id;
    CommitPlan plan;
    if (!to) {
      from = current;
      ARROW_ASSIGN_OR_RAISE(to, choose(metadata));
    }
    if (current == *to) return plan;
    if (current != *from) {
      return Error(ErrorKind::kValidationFailed, "snapshot ", current,
                   " was committed meanwhile; look at it, then ask again");
    }
    SnapshotRef ref;
    if (const auto known = metadata.refs.find(kMainBranch); known != metadata.refs.end()) {
      ref = known->second;
    }
    ref.snapshot_id = *to;
    plan.requirements.push_back({iceberg::requirement::AssertRefSnapshotId{
        kMainBranch, current == 0 ? std::optional<SnapshotId>() : current}});
    plan.updates.push_back({iceberg::update::SetSnapshotRef{kMainBranch, ref}});
    return plan;
  });
}

Result<const Snapshot*> FindSnapshot(const TableMetadata& metadata, SnapshotId id) {
  const Snapshot* snapshot = metadata.FindSnapshot(id);
  if (snapshot != nullptr) return snapshot;
  return Error(ErrorKind::kNotFound, "there is no snapshot ", id, "; it may have expired");
}

Status CheckRefName(const std::string& name) {
  if (name.empty()) return Error(ErrorKind::kBadInput, "a branch or tag needs a name");
  if (name == kMainBranch) {
    return Error(ErrorKind::kBadInput, "'", name, "' is the branch that every table has");
  }
  return Status::OK();
}

Result<TableState> CreateRef(CatalogProvider& catalog, const TableIdent& table,
                             const std::string& name, const RefOptions& options, bool is_branch) {
  ARROW_RETURN_NOT_OK(CheckRefName(name));
  const auto positive = [](const auto& value) { return !value || *value > 0; };
  if (!positive(options.max_ref_age_ms) || !positive(options.max_snapshot_age_ms) ||
      !positive(options.min_snapshots_to_keep)) {
    return Error(ErrorKind::kBadInput, "ages and counts of '", name, "' must be positive");
  }
  if (!is_branch && (options.max_snapshot_age_ms || options.min_snapshots_to_keep)) {
    return Error(ErrorKind::kBadInput, "tag '", name, "' names one snapshot; only branches keep ",
                 "several, by age or by count");
  }
  std::optional<SnapshotRef> tried;
  return CommitPlanned(catalog, table, [&](const TableState& base) -> Result<CommitPlan> {
    const TableMetadata& metadata = *base.metadata;
    SnapshotRef ref;
    ref.is_branch = is_branch;
    ref.max_ref_age_ms = options.max_ref_age_ms;
    ref.max_snapshot_age_ms = options.max_snapshot_age_ms;
    ref.min_snapshots_to_keep = options.min_snapshots_to_keep;
    ref.snapshot_id = options.snapshot.value_or(metadata.current_snapshot_id);
    const auto known = metadata.refs.find(name);
    if (known != metadata.refs.end()) {
      // An attempt whose answer was lost: it is there, and it is ours.
      if (tried == known->second) return CommitPlan{};
      return Error(ErrorKind::kAlreadyExists, "there is a ",
                   known->second.is_branch ? "branch" : "tag", " '", name,
                   "' already, at snapshot ", known->second.snapshot_id);
    }
    if (ref.snapshot_id == 0) {
      return Error(ErrorKind::kBadInput, "there is no snapshot yet that '", name, "' could name");
    }
    ARROW_RETURN_NOT_OK(FindSnapshot(metadata, ref.snapshot_id).status());
    tried = ref;
    CommitPlan plan;
    plan.requirements.push_back({iceberg::requirement::AssertRefSnapshotId{name, std::nullopt}});
    plan.updates.push_back({iceberg::update::SetSnapshotRef{name, ref}});
    return plan;
  });
}

}  // namespace

Result<TableState> RollbackTo(CatalogProvider& catalog, const TableIdent& table,
                              SnapshotId snapshot) {
  return MoveMain(catalog, table, [&](const TableMetadata& metadata) -> Result<SnapshotId> {
    ARROW_RETURN_NOT_OK(FindSnapshot(metadata, snapshot).status());
    for (const Snapshot* ancestor : iceberg::AncestorsOf(metadata, metadata.current_snapshot_id)) {
      if (ancestor->snapshot_id == snapshot) return snapshot;
    }
    return Error(ErrorKind::kBadInput, "snapshot ", snapshot,
                 " is no ancestor of the current one, ", metadata.current_snapshot_id,
                 "; set it as the current snapshot if that is meant");
  });
}

Result<TableState> RollbackToTime(CatalogProvider& catalog, const TableIdent& table,
                                  int64_t timestamp_ms) {
  return MoveMain(catalog, table, [&](const TableMetadata& metadata) -> Result<SnapshotId> {
    for (const Snapshot* ancestor : iceberg::AncestorsOf(metadata, metadata.current_snapshot_id)) {
      if (ancestor->timestamp_ms < timestamp_ms) return ancestor->snapshot_id;
    }
    return Error(ErrorKind::kNotFound, "no ancestor of the current snapshot is older than ",
                 timestamp_ms, " ms since 1970; it may have expired");
  });
}

Result<TableState> SetCurrentSnapshot(CatalogProvider& catalog, const TableIdent& table,
                                      SnapshotId snapshot) {
  return MoveMain(catalog, table, [&](const TableMetadata& metadata) -> Result<SnapshotId> {
    ARROW_RETURN_NOT_OK(FindSnapshot(metadata, snapshot).status());
    return snapshot;
  });
}

Result<TableState> CreateTag(CatalogProvider& catalog, const TableIdent& table,
                             const std::string& name, const RefOptions& options) {
  return CreateRef(catalog, table, name, options, /*is_branch=*/false);
}

Result<TableState> CreateBranch(CatalogProvider& catalog, const TableIdent& table,
                                const std::string& name, const RefOptions& options) {
  return CreateRef(catalog, table, name, options, /*is_branch=*/true);
}

Result<TableState> DropRef(CatalogProvider& catalog, const TableIdent& table,
                           const std::string& name) {
  ARROW_RETURN_NOT_OK(CheckRefName(name));
  bool tried = false;
  return CommitPlanned(catalog, table, [&](const TableState& base) -> Result<CommitPlan> {
    const auto known = base.metadata->refs.find(name);
    if (known == base.metadata->refs.end()) {
      if (tried) return CommitPlan{};
      return Error(ErrorKind::kNotFound, "there is no branch or tag '", name, "'");
    }
    tried = true;
    CommitPlan plan;
    plan.requirements.push_back(
        {iceberg::requirement::AssertRefSnapshotId{name, known->second.snapshot_id}});
    plan.updates.push_back({iceberg::update::RemoveSnapshotRef{name}});
    return plan;
  });
}

}  // namespace tarn
