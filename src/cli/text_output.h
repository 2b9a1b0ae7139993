// SPDX-License-Identifier: Apache-2.0
//
// Arrow tables as people and programs read them: an aligned table, or one JSON object a line.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"
#include "tarn/status.h"

namespace tarn::cli {

/// Columns aligned under their names, numbers to the right; long texts are cut to `max_cell_width`
/// characters (0: never), long lists to their first elements.
Status PrintAligned(const arrow::Table& table, std::ostream& out, size_t max_cell_width);

/// Cells that are text already. The first row is the header.
void PrintAligned(const std::vector<std::vector<std::string>>& rows,
                  const std::vector<bool>& right_aligned, std::ostream& out);

/// One object a line. Binary values are base64, decimals and 64-bit integers beyond 2^53 stay exact
/// as numbers, dates and times are ISO 8601 texts.
Status PrintNdjson(const arrow::Table& table, std::ostream& out);

}  // namespace tarn::cli
