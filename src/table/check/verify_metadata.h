// SPDX-License-Identifier: Apache-2.0
//
// The Iceberg half of VerifyTable: metadata, manifest lists and manifests against each other and
// against what lies in the store.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "iceberg/manifest.h"
#include "iceberg/table_metadata.h"
#include "tarn/catalog.h"
#include "tarn/table_info.h"

namespace tarn {

/// What the walk over all snapshots found: every live file once, by URI. Deletion vectors may share
/// a file.
struct ReachableFiles {
  std::map<std::string, iceberg::DataFile> data;
  std::map<std::string, std::vector<iceberg::DataFile>> deletes;
};

/// Adds a finding for everything that does not fit; gives the files for the next step.
ReachableFiles VerifyMetadata(CatalogProvider& catalog, const TableState& state,
                              VerifyReport* report);

}  // namespace tarn
