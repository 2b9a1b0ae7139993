// SPDX-License-Identifier: Apache-2.0
#include "catalog/table_files.h"

#include <nlohmann/json.hpp>
#include <set>

#include "iceberg/manifest_io.h"

namespace tarn {

Result<std::vector<std::string>> FilesOfTable(Store& store,
                                              const iceberg::TableMetadata& metadata) {
  std::set<std::string> files, manifests;
  for (const auto& snapshot : metadata.snapshots) {
    if (!snapshot.manifest_list.empty()) files.insert(snapshot.manifest_list);
    ARROW_ASSIGN_OR_RAISE(const auto lines, iceberg::ReadManifestList(store, snapshot));
    for (const auto& line : lines) {
      if (!manifests.insert(line.manifest_path).second) continue;
      ARROW_ASSIGN_OR_RAISE(const auto manifest, iceberg::ReadManifest(store, line));
      // Entries of removed files too: an older snapshot may be the one that still has them.
      for (const auto& entry : manifest.entries) files.insert(entry.data_file.file_path);
    }
  }
  files.insert(manifests.begin(), manifests.end());
  for (const auto* statistics : {&metadata.statistics, &metadata.partition_statistics}) {
    for (const auto& entry : *statistics) {
      const auto json = nlohmann::json::parse(entry.json, nullptr, /*allow_exceptions=*/false);
      if (!json.is_object()) continue;
      const auto path = json.find("statistics-path");
      if (path != json.end() && path->is_string()) files.insert(path->get<std::string>());
    }
  }
  for (const auto& entry : metadata.metadata_log) files.insert(entry.metadata_file);
  return std::vector<std::string>(files.begin(), files.end());
}

}  // namespace tarn
