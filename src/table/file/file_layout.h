// SPDX-License-Identifier: Apache-2.0
//
// How the rows of a batch are laid out in a file: row groups of about 64 MiB, pages small enough
// that reading single rows is cheap, dictionaries only where values repeat.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"
#include "tarn/ailake_file.h"

namespace tarn {

struct FileLayout {
  int64_t row_group_rows = 1;
  int64_t max_rows_per_page = 1;
  std::vector<std::string> distinct_columns;  ///< flat columns that get no dictionary
};

/// `row_group_rows` 0: chosen from the width of the rows.
Result<FileLayout> ChooseLayout(const arrow::RecordBatch& batch,
                                std::span<const VectorColumn> columns, int64_t row_group_rows);

}  // namespace tarn
