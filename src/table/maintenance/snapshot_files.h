// SPDX-License-Identifier: Apache-2.0
//
// SnapshotFiles: what snapshots reach, by path in the store, so that two spellings of one location
// are one file.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "iceberg/manifest.h"
#include "iceberg/table_metadata.h"
#include "tarn/store.h"

namespace tarn {

/// The manifest lists and manifests of some snapshots.
struct ManifestTrees {
  std::set<std::string> lists;
  std::map<std::string, iceberg::ManifestFile> manifests;
};

/// Reads the snapshots' manifest lists. With `failures`, what cannot be read is left out and told
/// there; without, it is the error returned.
Result<ManifestTrees> ReadManifestTrees(Store& store,
                                        const std::vector<const iceberg::Snapshot*>& snapshots,
                                        std::vector<std::string>* failures = nullptr);

/// Calls `visit` for each entry of each manifest whose file lies in the store. `failures` as above;
/// manifests that cannot be read are then taken out of `manifests`.
Status VisitEntries(
    Store& store, std::map<std::string, iceberg::ManifestFile>& manifests,
    const std::function<void(const std::string& path, const iceberg::ManifestEntry&)>& visit,
    std::vector<std::string>* failures = nullptr);

/// The files of table and partition statistics that the metadata names.
std::set<std::string> StatisticsPaths(Store& store, const iceberg::TableMetadata& metadata);

/// Every file that a version of the table needs: its own, those of its log, statistics, and all
/// that its snapshots reach. Fails when any of it cannot be read.
Result<std::set<std::string>> FilesInUse(Store& store, const iceberg::TableMetadata& metadata,
                                         const std::string& metadata_path);

/// Deletes one object; one that is gone already counts as deleted. False: `failures` says why not.
bool DeleteOrTell(Store& store, const std::string& path, std::vector<std::string>* failures);

/// kBadInput when the table forbids the deletion of its files (`gc.enabled`).
Status CheckMayDelete(const iceberg::TableMetadata& metadata);

}  // namespace tarn
