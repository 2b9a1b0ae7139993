// SPDX-License-Identifier: Apache-2.0
//
// Table metadata as JSON (specification, Appendix C).
#pragma once

#include <string>
#include <string_view>

#include "iceberg/table_metadata.h"

namespace tarn::iceberg {

/// The file's text. Members that were read but not modelled are written back.
std::string TableMetadataToJson(const TableMetadata& metadata);

/// Reads versions 1 to 3. kCorrupt says what is wrong with the file `name`; kNotSupported for newer
/// versions. Missing refs are made from the current snapshot, as readers of version 1 must.
Result<TableMetadata> TableMetadataFromJson(std::string_view json, std::string_view name);

/// The location of a statistics file, of a table's or a partition's statistics; "" when the entry
/// names none.
std::string StatisticsLocation(const StatisticsFile& file);

/// Whether the text is the beginning of a JSON document that stops too early (or nothing at all),
/// as a torn write leaves it.
bool IsCutShortJson(std::string_view json);

}  // namespace tarn::iceberg
