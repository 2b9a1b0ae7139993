// SPDX-License-Identifier: Apache-2.0
//
// Copies chosen rows of one leaf column of a Parquet file, levels and values, into a column of
// another Parquet file of the same type. Only the pages that hold the rows are read.
#pragma once

#include <cstdint>
#include <span>

#include "table/file/opened_file.h"

namespace parquet {
class ColumnWriter;
class ParquetFileReader;
}  // namespace parquet

namespace tarn {

/// Copies rows of one row group: `rows` are numbered from the group's first row, ascending, without
/// repeats. Parquet's exceptions pass through.
Status CopyLeafRows(const OpenedFile& file, parquet::ParquetFileReader& reader, int row_group,
                    int leaf, std::span<const uint32_t> rows, parquet::ColumnWriter* out);

}  // namespace tarn
