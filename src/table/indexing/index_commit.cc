// SPDX-License-Identifier: Apache-2.0
#include "table/indexing/index_commit.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "iceberg/manifest_io.h"
#include "iceberg/table_metadata.h"

namespace tarn {
namespace {

/// Whether a position delete of the snapshot may be of this file.
bool MayBeDeletedFrom(const iceberg::ManifestEntry& file,
                      const std::vector<iceberg::ManifestEntry>& deletes) {
  return std::any_of(deletes.begin(), deletes.end(), [&](const auto& entry) {
    const auto& found = entry.data_file;
    if (found.content != iceberg::FileContent::kPositionDeletes) return false;
    if (found.referenced_data_file) {
      return *found.referenced_data_file == file.data_file.file_path;
    }
    return entry.sequence_number.value_or(0) >= file.sequence_number.value_or(0);
  });
}

}  // namespace

Result<CommitPlan> PlanIndexCommit(Store& store, const TableState& base, const AppendCommit& rest,
                                   std::vector<BuiltIndex>* built) {
  const auto& metadata = *base.metadata;
  for (auto& index : *built) index.replaced = false;
  if (metadata.CurrentSnapshot() == nullptr) return CommitPlan();
  ARROW_ASSIGN_OR_RAISE(const auto live,
                        iceberg::ReadLiveFiles(store, *metadata.CurrentSnapshot()));
  std::unordered_map<std::string, const iceberg::ManifestEntry*> by_path;
  for (const auto& entry : live.data) by_path[entry.data_file.file_path] = &entry;

  iceberg::SnapshotPlan snapshot;
  snapshot.operation = iceberg::operation::kReplace;
  for (auto& index : *built) {
    const auto found = by_path.find(index.old.data_file.file_path);
    if (found == by_path.end()) continue;
    const iceberg::ManifestEntry& now = *found->second;
    if (MayBeDeletedFrom(now, live.deletes)) continue;
    index.file.first_row_id = now.data_file.first_row_id;
    snapshot.added.push_back({index.file, now.sequence_number});
    snapshot.removed.push_back(iceberg::RemovedFile::Of(now.data_file));
    index.replaced = true;
  }
  if (snapshot.added.empty()) return CommitPlan();
  AppendCommit conditions = rest;
  conditions.files.clear();
  conditions.schema.reset();
  ARROW_ASSIGN_OR_RAISE(CommitPlan plan, PlanAppend(conditions, base));
  plan.snapshot = std::move(snapshot);
  return plan;
}

}  // namespace tarn
