// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <tuple>

#include "catalog/commit_attempt.h"
#include "iceberg/snapshot_expiry.h"
#include "table/maintenance/snapshot_files.h"
#include "tarn/maintenance.h"

namespace tarn {
namespace {

using iceberg::Snapshot;
using iceberg::TableMetadata;

/// One call: plans and commits, then finds and deletes what nobody reaches any more.
class Expiry {
 public:
  Expiry(CatalogProvider& catalog, const TableIdent& table, const ExpireOptions& options)
      : catalog_(catalog), store_(catalog.store()), table_(table), options_(options) {
    rules_.now_ms = options.now_ms.value_or(Clock::System().NowMillis());
    rules_.older_than_ms = options.older_than_ms;
    rules_.retain_last = options.retain_last;
  }

  Result<ExpireReport> Run();

 private:
  Result<CommitPlan> Plan(const TableState& base);
  Status FindFiles(const TableMetadata& after);
  void Remember(const std::string& path, const iceberg::ManifestEntry& entry);
  void Delete(std::vector<std::string>* paths);

  CatalogProvider& catalog_;
  Store& store_;
  const TableIdent& table_;
  const ExpireOptions& options_;
  iceberg::ExpiryRules rules_;
  /// Of all attempts: after an unknown outcome the table may no longer know what it expired.
  std::map<SnapshotId, Snapshot> planned_;
  std::set<std::string> refs_;
  std::set<std::string> statistics_;
  /// Files that expired manifests hold, and which of them are delete files.
  std::map<std::string, std::pair<uint64_t, bool>> files_;
  ExpireReport report_;
};

Result<CommitPlan> Expiry::Plan(const TableState& base) {
  const TableMetadata& metadata = *base.metadata;
  if (options_.delete_files) ARROW_RETURN_NOT_OK(CheckMayDelete(metadata));
  const auto expiry = iceberg::PlanSnapshotExpiry(metadata, rules_);
  CommitPlan plan;
  if (expiry.is_empty()) return plan;
  for (const auto id : expiry.snapshots) planned_[id] = *metadata.FindSnapshot(id);
  refs_.insert(expiry.refs.begin(), expiry.refs.end());
  statistics_.merge(StatisticsPaths(store_, metadata));
  // The choice rests on where every ref was.
  for (const auto& [name, ref] : metadata.refs) {
    iceberg::requirement::AssertRefSnapshotId unmoved;
    unmoved.ref = name;
    unmoved.snapshot_id = ref.snapshot_id;
    auto& requirement = plan.requirements.emplace_back();
    requirement.check = std::move(unmoved);
  }
  for (const auto& name : expiry.refs) {
    plan.updates.push_back({iceberg::update::RemoveSnapshotRef{name}});
  }
  if (!expiry.snapshots.empty()) {
    plan.updates.push_back({iceberg::update::RemoveSnapshots{expiry.snapshots}});
  }
  return plan;
}

void Expiry::Remember(const std::string& path, const iceberg::ManifestEntry& entry) {
  const auto& file = entry.data_file;
  files_[path] = {static_cast<uint64_t>(std::max<int64_t>(0, file.file_size_in_bytes)),
                  file.content != iceberg::FileContent::kData};
}

/// Everything that the expired snapshots reach and none of `after` does. An error: nothing is known
/// to be free, and nothing may be deleted.
Status Expiry::FindFiles(const TableMetadata& after) {
  std::vector<const Snapshot*> gone, kept;
  for (const auto& [id, snapshot] : planned_) {
    if (after.FindSnapshot(id) == nullptr) gone.push_back(&snapshot);
  }
  if (gone.empty()) return Status::OK();
  for (const auto& snapshot : after.snapshots) kept.push_back(&snapshot);
  ARROW_ASSIGN_OR_RAISE(auto free, ReadManifestTrees(store_, gone, &report_.left_behind));
  ARROW_ASSIGN_OR_RAISE(auto used, ReadManifestTrees(store_, kept));
  std::erase_if(free.lists, [&](const auto& path) { return used.lists.count(path) != 0; });
  std::erase_if(free.manifests,
                [&](const auto& item) { return used.manifests.count(item.first) != 0; });
  // Files that an entry says were deleted, too: whoever should have removed them may have crashed.
  ARROW_RETURN_NOT_OK(VisitEntries(
      store_, free.manifests,
      [&](const std::string& path, const auto& entry) { Remember(path, entry); },
      &report_.left_behind));
  if (!files_.empty()) {
    ARROW_RETURN_NOT_OK(
        VisitEntries(store_, used.manifests, [&](const std::string& path, const auto& entry) {
          if (entry.is_live()) files_.erase(path);
        }));
  }
  for (const auto& path : StatisticsPaths(store_, after)) statistics_.erase(path);

  for (const auto& [path, file] : files_) {
    (file.second ? report_.delete_files : report_.data_files).push_back(path);
    report_.bytes += file.first;
  }
  report_.statistics.assign(statistics_.begin(), statistics_.end());
  for (const auto& [path, line] : free.manifests) report_.manifests.push_back(path);
  report_.manifest_lists.assign(free.lists.begin(), free.lists.end());
  return Status::OK();
}

void Expiry::Delete(std::vector<std::string>* paths) {
  std::erase_if(*paths, [&](const std::string& path) {
    return !DeleteOrTell(store_, path, &report_.left_behind);
  });
}

Result<ExpireReport> Expiry::Run() {
  TableState after;
  if (options_.dry_run) {
    ARROW_ASSIGN_OR_RAISE(auto base, catalog_.LoadTable(table_));
    ARROW_ASSIGN_OR_RAISE(const auto plan, Plan(base));
    ARROW_ASSIGN_OR_RAISE(auto next,
                          iceberg::ApplyUpdates(*base.metadata, plan.updates, rules_.now_ms));
    after = base;
    after.metadata = std::make_shared<const TableMetadata>(std::move(next));
  } else {
    CommitAttempt attempt(catalog_, table_, [this](const TableState& base) { return Plan(base); });
    ARROW_ASSIGN_OR_RAISE(const auto done, attempt.Commit());
    after = done.state;
  }
  for (const auto& [id, snapshot] : planned_) {
    if (after.metadata->FindSnapshot(id) == nullptr) report_.snapshots.push_back(id);
  }
  std::sort(report_.snapshots.begin(), report_.snapshots.end(), [&](SnapshotId a, SnapshotId b) {
    const Snapshot &first = planned_[a], &second = planned_[b];
    return std::tie(first.timestamp_ms, first.sequence_number) <
           std::tie(second.timestamp_ms, second.sequence_number);
  });
  report_.refs.assign(refs_.begin(), refs_.end());
  if (!options_.delete_files || report_.snapshots.empty()) return std::move(report_);
  if (!options_.dry_run) {
    // What others committed meanwhile counts as well.
    ARROW_ASSIGN_OR_RAISE(const auto newest, catalog_.LoadTable(table_));
    if (newest.metadata->table_uuid != after.metadata->table_uuid) return std::move(report_);
    after = newest;
  }
  const Status found = FindFiles(*after.metadata);
  if (!found.ok()) {
    return WithContext(found, "table " + table_.ToString() + ": " +
                                  std::to_string(report_.snapshots.size()) +
                                  (options_.dry_run ? " snapshots would expire"
                                                    : " snapshots expired, their files remain"));
  }
  if (options_.dry_run) return std::move(report_);
  for (auto* paths : {&report_.data_files, &report_.delete_files, &report_.statistics,
                      &report_.manifests, &report_.manifest_lists}) {
    Delete(paths);
  }
  return std::move(report_);
}

}  // namespace

Result<ExpireReport> ExpireSnapshots(CatalogProvider& catalog, const TableIdent& table,
                                     const ExpireOptions& options) {
  if (options.retain_last && *options.retain_last < 1) {
    return Error(ErrorKind::kBadInput, "at least 1 snapshot must be retained, not ",
                 *options.retain_last);
  }
  return Expiry(catalog, table, options).Run();
}

}  // namespace tarn
