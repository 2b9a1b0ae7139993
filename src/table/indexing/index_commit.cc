// SPDX-License-Identifier: Apache-2.0
#include "table/indexing/index_commit.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/crash_point.h"
#include "iceberg/manifest_io.h"
#include "iceberg/table_metadata.h"

namespace tarn {
namespace {

CrashPoint kIndexPlanReplaced("index/plan/replaced");

}  // namespace

Result<CommitPlan> PlanIndexCommit(Store& store, const TableState& base, const AppendCommit& rest,
                                   MovedDeletes* moved, std::vector<BuiltIndex>* built) {
  const auto& metadata = *base.metadata;
  for (auto& index : *built) {
    index.replaced = false;
    index.hindrance = Status::OK();
  }
  if (metadata.CurrentSnapshot() == nullptr) return CommitPlan();
  ARROW_ASSIGN_OR_RAISE(const auto live,
                        iceberg::ReadLiveFiles(store, *metadata.CurrentSnapshot()));
  ARROW_ASSIGN_OR_RAISE(
      const auto deletes,
      iceberg::PlanDeletes(metadata.partition_specs, live.data, live.deletes,
                           [&](const std::string& l) { return store.PathOf(l).ValueOr(l); }));
  std::unordered_map<std::string, size_t> by_path;
  for (size_t i = 0; i < live.data.size(); ++i) by_path[live.data[i].data_file.file_path] = i;

  iceberg::SnapshotPlan snapshot;
  snapshot.operation = iceberg::operation::kReplace;
  for (auto& index : *built) {
    const auto found = by_path.find(index.old.data_file.file_path);
    if (found == by_path.end()) continue;
    const iceberg::ManifestEntry& now = live.data[found->second];
    index.hindrance = moved->Move(metadata, live, found->second, deletes[found->second],
                                  index.file.file_path, &snapshot);
    // A storage that fails now may answer later; what is damaged must not keep the others waiting.
    if (IsKind(index.hindrance, ErrorKind::kIo)) return index.hindrance;
    if (!index.hindrance.ok()) continue;
    index.file.first_row_id = now.data_file.first_row_id;
    snapshot.added.push_back({index.file, now.sequence_number});
    snapshot.removed.push_back(iceberg::RemovedFile::Of(now.data_file));
    index.replaced = true;
  }
  kIndexPlanReplaced.Reach();
  if (snapshot.added.empty()) return CommitPlan();
  AppendCommit conditions = rest;
  conditions.files.clear();
  conditions.schema.reset();
  ARROW_ASSIGN_OR_RAISE(CommitPlan plan, PlanAppend(conditions, base));
  plan.snapshot = std::move(snapshot);
  return plan;
}

}  // namespace tarn
