// SPDX-License-Identifier: Apache-2.0
#include "table/file/file_layout.h"

#include <algorithm>
#include <limits>
#include <unordered_set>

#include "arrow/api.h"
#include "arrow/util/byte_size.h"

namespace tarn {
namespace {

constexpr int64_t kRowGroupBytes = 64 << 20;
// What a reader of one row decodes for each column: bytes of the widest column's page.
constexpr int64_t kPageBytes = 64 << 10;
constexpr int64_t kMinPageRows = 256;
constexpr int64_t kMaxPageRows = 4096;

constexpr int64_t kSampleRows = 1000;

/// Whether most of a sample of the values differ. The rows are spread evenly, so that runs of equal
/// values show.
Result<bool> MostlyDistinct(const arrow::Array& column) {
  const int64_t rows = std::min(column.length(), kSampleRows);
  std::unordered_set<size_t> seen;
  int64_t values = 0;
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t row = i * column.length() / rows;
    if (column.IsNull(row)) continue;
    ARROW_ASSIGN_OR_RAISE(const auto value, column.GetScalar(row));
    seen.insert(value->hash());
    ++values;
  }
  return values > 0 && static_cast<int64_t>(seen.size()) > values / 2;
}

}  // namespace

Result<FileLayout> ChooseLayout(const arrow::RecordBatch& batch,
                                std::span<const VectorColumn> columns, int64_t row_group_rows) {
  const int64_t rows = std::max<int64_t>(batch.num_rows(), 1);
  FileLayout layout;
  int64_t widest = 1;
  int64_t row_bytes = 1;
  for (int i = 0; i < batch.num_columns(); ++i) {
    const auto& column = batch.column(i);
    // Not known for every layout (views); then the whole buffers are a bound.
    const int64_t bytes =
        arrow::util::ReferencedBufferSize(*column).ValueOr(arrow::util::TotalBufferSize(*column));
    widest = std::max(widest, bytes / rows);
    row_bytes += bytes / rows;
    if (!arrow::is_primitive(column->type_id()) && !arrow::is_base_binary_like(column->type_id()))
      continue;
    ARROW_ASSIGN_OR_RAISE(const bool distinct, MostlyDistinct(*column));
    if (distinct) layout.distinct_columns.push_back(batch.schema()->field(i)->name());
  }
  int64_t widest_vector = 1;
  for (const VectorColumn& column : columns) {
    row_bytes += int64_t{column.policy.dim} * static_cast<int64_t>(sizeof(float));
    widest_vector = std::max<int64_t>(widest_vector, column.policy.dim);
  }
  layout.max_rows_per_page = std::clamp(kPageBytes / widest, kMinPageRows, kMaxPageRows);
  // Lists count their values with 32 bits.
  const int64_t most_rows = std::numeric_limits<int32_t>::max() / widest_vector;
  layout.row_group_rows =
      row_group_rows > 0 ? row_group_rows : std::max<int64_t>(1, kRowGroupBytes / row_bytes);
  layout.row_group_rows = std::min(layout.row_group_rows, most_rows);
  return layout;
}

}  // namespace tarn
