// SPDX-License-Identifier: Apache-2.0
#include "iceberg/snapshot_expiry.h"

#include <algorithm>
#include <limits>
#include <map>

namespace tarn::iceberg {
namespace {

/// `now - age`, for ages up to "for ever".
int64_t Before(int64_t now_ms, int64_t age_ms) {
  return age_ms > now_ms ? std::numeric_limits<int64_t>::min() : now_ms - age_ms;
}

}  // namespace

std::vector<const Snapshot*> AncestorsOf(const TableMetadata& table, SnapshotId id) {
  std::map<SnapshotId, const Snapshot*> known;
  for (const auto& snapshot : table.snapshots) known[snapshot.snapshot_id] = &snapshot;
  std::vector<const Snapshot*> ancestors;
  // Broken metadata may hold a cycle.
  while (ancestors.size() < known.size()) {
    const auto found = known.find(id);
    if (found == known.end()) break;
    ancestors.push_back(found->second);
    if (!found->second->parent_id) break;
    id = *found->second->parent_id;
  }
  return ancestors;
}

SnapshotExpiry PlanSnapshotExpiry(const TableMetadata& table, const ExpiryRules& rules) {
  const int64_t older_than = rules.older_than_ms.value_or(
      Before(rules.now_ms, table.PropertyNumber(kMaxSnapshotAge, kDefaultMaxSnapshotAgeMs)));
  const int64_t retain_last = std::max<int64_t>(
      1,
      rules.retain_last.value_or(static_cast<int32_t>(std::clamp<int64_t>(
          table.PropertyNumber(kMinSnapshotsToKeep, 1), 1, std::numeric_limits<int32_t>::max()))));
  const int64_t max_ref_age = table.PropertyNumber(kMaxRefAge, std::numeric_limits<int64_t>::max());

  SnapshotExpiry expiry;
  std::set<SnapshotId> kept, referenced;
  for (const auto& [name, ref] : table.refs) {
    const Snapshot* head = table.FindSnapshot(ref.snapshot_id);
    const bool too_old =
        head == nullptr ||
        head->timestamp_ms < Before(rules.now_ms, ref.max_ref_age_ms.value_or(max_ref_age));
    if (name != kMainBranch && too_old) {
      expiry.refs.push_back(name);
      continue;
    }
    kept.insert(ref.snapshot_id);
    referenced.insert(ref.snapshot_id);
    if (!ref.is_branch) continue;
    const int64_t limit =
        ref.max_snapshot_age_ms ? Before(rules.now_ms, *ref.max_snapshot_age_ms) : older_than;
    const int64_t count = ref.min_snapshots_to_keep.value_or(retain_last);
    int64_t seen = 0;
    bool keeping = true;
    for (const Snapshot* ancestor : AncestorsOf(table, ref.snapshot_id)) {
      referenced.insert(ancestor->snapshot_id);
      // A history has no holes: the first that may go takes all older ones along.
      keeping = keeping && (seen < count || ancestor->timestamp_ms >= limit);
      if (keeping) kept.insert(ancestor->snapshot_id);
      ++seen;
    }
  }
  for (const auto& snapshot : table.snapshots) {
    if (kept.count(snapshot.snapshot_id) != 0) continue;
    const bool young = snapshot.timestamp_ms >= older_than;
    if (young && referenced.count(snapshot.snapshot_id) == 0) continue;
    expiry.snapshots.push_back(snapshot.snapshot_id);
  }
  return expiry;
}

}  // namespace tarn::iceberg
