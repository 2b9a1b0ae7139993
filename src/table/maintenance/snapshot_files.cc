// SPDX-License-Identifier: Apache-2.0
#include "table/maintenance/snapshot_files.h"

#include "iceberg/manifest_io.h"
#include "iceberg/table_metadata_json.h"

namespace tarn {

Result<ManifestTrees> ReadManifestTrees(Store& store,
                                        const std::vector<const iceberg::Snapshot*>& snapshots,
                                        std::vector<std::string>* failures) {
  ManifestTrees trees;
  for (const auto* snapshot : snapshots) {
    auto lines = iceberg::ReadManifestList(store, *snapshot);
    if (!lines.ok()) {
      if (failures == nullptr) return lines.status();
      failures->push_back(lines.status().message());
      continue;
    }
    if (!snapshot->manifest_list.empty()) {
      ARROW_ASSIGN_OR_RAISE(auto path, store.PathOf(snapshot->manifest_list));
      trees.lists.insert(std::move(path));
    }
    for (auto& line : *lines) {
      ARROW_ASSIGN_OR_RAISE(auto path, store.PathOf(line.manifest_path));
      trees.manifests.emplace(std::move(path), std::move(line));
    }
  }
  return trees;
}

Status VisitEntries(
    Store& store, std::map<std::string, iceberg::ManifestFile>& manifests,
    const std::function<void(const std::string& path, const iceberg::ManifestEntry&)>& visit,
    std::vector<std::string>* failures) {
  for (auto line = manifests.begin(); line != manifests.end();) {
    const auto manifest = iceberg::ReadManifest(store, line->second);
    if (!manifest.ok()) {
      if (failures == nullptr) return manifest.status();
      failures->push_back(manifest.status().message());
      line = manifests.erase(line);
      continue;
    }
    for (const auto& entry : manifest->entries) {
      // A file outside the store is nothing that could be deleted through it.
      const auto path = store.PathOf(entry.data_file.file_path);
      if (path.ok()) visit(*path, entry);
    }
    ++line;
  }
  return Status::OK();
}

std::set<std::string> StatisticsPaths(Store& store, const iceberg::TableMetadata& metadata) {
  std::set<std::string> paths;
  for (const auto* files : {&metadata.statistics, &metadata.partition_statistics}) {
    for (const auto& file : *files) {
      auto path = store.PathOf(iceberg::StatisticsLocation(file));
      if (path.ok() && !path->empty()) paths.insert(*std::move(path));
    }
  }
  return paths;
}

Result<std::set<std::string>> FilesInUse(Store& store, const iceberg::TableMetadata& metadata,
                                         const std::string& metadata_path) {
  std::set<std::string> in_use = StatisticsPaths(store, metadata);
  in_use.insert(metadata_path);
  for (const auto& entry : metadata.metadata_log) {
    auto path = store.PathOf(entry.metadata_file);
    if (path.ok()) in_use.insert(*std::move(path));
  }
  std::vector<const iceberg::Snapshot*> snapshots;
  for (const auto& snapshot : metadata.snapshots) snapshots.push_back(&snapshot);
  ARROW_ASSIGN_OR_RAISE(auto trees, ReadManifestTrees(store, snapshots));
  in_use.insert(trees.lists.begin(), trees.lists.end());
  ARROW_RETURN_NOT_OK(VisitEntries(
      store, trees.manifests, [&](const std::string& path, const iceberg::ManifestEntry& entry) {
        if (entry.is_live()) in_use.insert(path);
      }));
  for (const auto& [path, line] : trees.manifests) in_use.insert(path);
  return in_use;
}

bool DeleteOrTell(Store& store, const std::string& path, std::vector<std::string>* failures) {
  const Status deleted = store.Delete(path);
  if (deleted.ok() || IsKind(deleted, ErrorKind::kNotFound)) return true;
  failures->push_back(deleted.message());
  return false;
}

Status CheckMayDelete(const iceberg::TableMetadata& metadata) {
  const std::string* allowed = metadata.FindProperty("gc.enabled");
  if (allowed == nullptr || *allowed != "false") return Status::OK();
  return Error(ErrorKind::kBadInput, "the table's property gc.enabled is false: its files may ",
               "belong to other tables too, and are not deleted");
}

}  // namespace tarn
