// SPDX-License-Identifier: Apache-2.0
//
// The files of a table: everything that one version of its metadata reaches.
#pragma once

#include <string>
#include <vector>

#include "iceberg/table_metadata.h"
#include "tarn/store.h"

namespace tarn {

/// Locations, each once: data and delete files, manifests and manifest lists of all snapshots,
/// statistics, and the metadata files of the log. The metadata's own file is not among them.
/// Fails when any of the lists cannot be read: then not all files are known.
Result<std::vector<std::string>> FilesOfTable(Store& store, const iceberg::TableMetadata& metadata);

}  // namespace tarn
