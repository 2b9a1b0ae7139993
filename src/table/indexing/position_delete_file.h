// SPDX-License-Identifier: Apache-2.0
//
// Writes a position delete file of one data file.
// Source: the Iceberg table specification, "Position Delete Files".
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "iceberg/manifest.h"
#include "tarn/store.h"

namespace tarn {

/// Writes `positions` (ascending, without repeats, at least one) of the data file at `data_file`, a
/// location, to the store path `path`, whose location is `location`. What is returned has the
/// content, counts and exact bounds; spec and partition are the caller's to fill in.
Result<iceberg::DataFile> WritePositionDeletes(const std::shared_ptr<Store>& store,
                                               const std::string& path, const std::string& location,
                                               const std::string& data_file,
                                               const std::vector<int64_t>& positions);

}  // namespace tarn
