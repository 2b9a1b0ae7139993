// SPDX-License-Identifier: Apache-2.0
#include "table/file/file_layout.h"

#include <algorithm>
#include <limits>

#include "arrow/api.h"
#include "arrow/util/byte_size.h"

namespace tarn {
namespace {

constexpr int64_t kRowGroupBytes = 64 << 20;
// What a reader of one row decodes for each column: bytes of the widest column's page.
constexpr int64_t kPageBytes = 128 << 10;
constexpr int64_t kMinPageRows = 256;
constexpr int64_t kMaxPageRows = 4096;

}  // namespace

Result<FileLayout> ChooseLayout(const arrow::RecordBatch& batch,
                                std::span<const VectorColumn> columns, int64_t row_group_rows) {
  const int64_t rows = std::max<int64_t>(batch.num_rows(), 1);
  int64_t widest = 1;
  int64_t row_bytes = 1;
  for (const auto& column : batch.columns()) {
    ARROW_ASSIGN_OR_RAISE(const int64_t bytes, arrow::util::ReferencedBufferSize(*column));
    widest = std::max(widest, bytes / rows);
    row_bytes += bytes / rows;
  }
  int64_t widest_vector = 1;
  for (const VectorColumn& column : columns) {
    row_bytes += int64_t{column.policy.dim} * static_cast<int64_t>(sizeof(float));
    widest_vector = std::max<int64_t>(widest_vector, column.policy.dim);
  }
  FileLayout layout;
  layout.max_rows_per_page = std::clamp(kPageBytes / widest, kMinPageRows, kMaxPageRows);
  // Lists count their values with 32 bits.
  const int64_t most_rows = std::numeric_limits<int32_t>::max() / widest_vector;
  layout.row_group_rows =
      row_group_rows > 0 ? row_group_rows : std::max<int64_t>(1, kRowGroupBytes / row_bytes);
  layout.row_group_rows = std::min(layout.row_group_rows, most_rows);
  return layout;
}

}  // namespace tarn
