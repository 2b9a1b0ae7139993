// SPDX-License-Identifier: Apache-2.0
//
// Where the parts of a table lie. Locations are URIs whose spelling is kept as it is found.
#pragma once

#include <string>
#include <string_view>

#include "iceberg/table_metadata.h"

namespace tarn::iceberg {

/// `location` + "/" + `name`, with exactly one slash between.
std::string JoinLocation(std::string_view location, std::string_view name);
/// The URI of a new metadata file: `write.metadata.path`, else "<location>/metadata".
std::string MetadataFileLocation(const TableMetadata& metadata, std::string_view name);
/// The URI of a new data file: `write.data.path`, else "<location>/data".
std::string DataFileLocation(const TableMetadata& metadata, std::string_view name);

}  // namespace tarn::iceberg
