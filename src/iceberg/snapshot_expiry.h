// SPDX-License-Identifier: Apache-2.0
//
// SnapshotExpiry: which snapshots and refs of a table are past their time. Policy only; the rules
// are those of Iceberg's reference implementation (RemoveSnapshots). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "iceberg/table_metadata.h"

namespace tarn::iceberg {

/// Table properties, with the values that stand in for a missing one.
inline constexpr char kMaxSnapshotAge[] = "history.expire.max-snapshot-age-ms";
inline constexpr char kMinSnapshotsToKeep[] = "history.expire.min-snapshots-to-keep";
inline constexpr char kMaxRefAge[] = "history.expire.max-ref-age-ms";
inline constexpr int64_t kDefaultMaxSnapshotAgeMs = 5LL * 24 * 60 * 60 * 1000;

struct ExpiryRules {
  int64_t now_ms = 0;
  /// Snapshots committed before this may go; unset: the table's maximal age says it.
  std::optional<int64_t> older_than_ms;
  /// The newest ancestors of a branch that stay whatever their age; unset: the table's property.
  std::optional<int32_t> retain_last;
};

struct SnapshotExpiry {
  std::vector<std::string> refs;      ///< past their own age, or without a snapshot
  std::vector<SnapshotId> snapshots;  ///< oldest first
  bool is_empty() const { return refs.empty() && snapshots.empty(); }
};

/// What a branch or tag says of itself goes before the rules: its age, its count, its own age.
/// `main` and what it needs always stays; so does the snapshot that a kept ref names, and every
/// snapshot, ancestor of a kept ref or not, that is younger than the rules ask for.
SnapshotExpiry PlanSnapshotExpiry(const TableMetadata& table, const ExpiryRules& rules);

/// A snapshot and its ancestors, newest first, as far as the table still knows them.
std::vector<const Snapshot*> AncestorsOf(const TableMetadata& table, SnapshotId id);

}  // namespace tarn::iceberg
