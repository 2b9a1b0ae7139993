// SPDX-License-Identifier: Apache-2.0
#include "table/file_metrics.h"

#include <optional>

#include "iceberg/value.h"
#include "parquet/metadata.h"
#include "parquet/schema.h"
#include "parquet/statistics.h"

namespace tarn {
namespace {

using iceberg::Type;
using iceberg::TypeId;
using iceberg::Value;

/// Metrics of one column over all row groups.
struct ColumnMetrics {
  int64_t size = 0;
  int64_t values = 0;
  int64_t nulls = 0;
  bool nulls_known = true;
  bool bounds_known = true;
  std::optional<std::string> lower;
  std::optional<std::string> upper;
};

/// A big-endian two's complement integer of at most 16 bytes.
__int128 BigEndian(const uint8_t* bytes, int length) {
  __int128 value = length > 0 && (bytes[0] & 0x80) ? -1 : 0;
  for (int i = 0; i < length; ++i)
    value = static_cast<__int128>((static_cast<unsigned __int128>(value) << 8) | bytes[i]);
  return value;
}

std::string Text(const parquet::ByteArray& bytes) {
  return {reinterpret_cast<const char*>(bytes.ptr), bytes.len};
}

/// A value of a Parquet statistic as Iceberg's value of the type.
Value FromInteger(const Type& type, int64_t value) {
  if (type.id == TypeId::kDecimal) return iceberg::DecimalBytes(value);
  if (type.id == TypeId::kInt || type.id == TypeId::kDate) return static_cast<int32_t>(value);
  return value;
}

Value FromFixed(const Type& type, const uint8_t* bytes, int length) {
  if (type.id == TypeId::kDecimal) return iceberg::DecimalBytes(BigEndian(bytes, length));
  return std::string(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
}

/// Least and greatest value of a column chunk; monostate when the statistics have none.
std::pair<Value, Value> MinMax(const parquet::Statistics& statistics,
                               const parquet::ColumnDescriptor& column, const Type& type) {
  if (!statistics.HasMinMax()) return {};
  switch (statistics.physical_type()) {
    case parquet::Type::BOOLEAN: {
      const auto& typed = static_cast<const parquet::BoolStatistics&>(statistics);
      return {typed.min(), typed.max()};
    }
    case parquet::Type::INT32: {
      const auto& typed = static_cast<const parquet::Int32Statistics&>(statistics);
      return {FromInteger(type, typed.min()), FromInteger(type, typed.max())};
    }
    case parquet::Type::INT64: {
      const auto& typed = static_cast<const parquet::Int64Statistics&>(statistics);
      return {FromInteger(type, typed.min()), FromInteger(type, typed.max())};
    }
    case parquet::Type::FLOAT: {
      const auto& typed = static_cast<const parquet::FloatStatistics&>(statistics);
      return {typed.min(), typed.max()};
    }
    case parquet::Type::DOUBLE: {
      const auto& typed = static_cast<const parquet::DoubleStatistics&>(statistics);
      return {typed.min(), typed.max()};
    }
    case parquet::Type::BYTE_ARRAY: {
      const auto& typed = static_cast<const parquet::ByteArrayStatistics&>(statistics);
      return {Text(typed.min()), Text(typed.max())};
    }
    case parquet::Type::FIXED_LEN_BYTE_ARRAY: {
      const auto& typed = static_cast<const parquet::FLBAStatistics&>(statistics);
      return {FromFixed(type, typed.min().ptr, column.type_length()),
              FromFixed(type, typed.max().ptr, column.type_length())};
    }
    default:
      return {};
  }
}

/// Widens the bounds by those of one column chunk. Bounds stay unknown once a chunk with values has
/// none.
void AddBounds(const parquet::Statistics& statistics, const parquet::ColumnDescriptor& column,
               const Type& type, ColumnMetrics* metrics) {
  auto [min, max] = MinMax(statistics, column, type);
  const auto lower = iceberg::EncodeValue(type, min);
  const auto upper = iceberg::EncodeValue(type, max);
  if (!lower.ok() || !upper.ok()) {
    if (statistics.num_values() > 0) metrics->bounds_known = false;
    return;
  }
  const auto less = [&](const std::string& a, const std::string& b) {
    const auto order = iceberg::CompareEncoded(type, a, b);
    return order && *order == std::strong_ordering::less;
  };
  if (!metrics->lower || less(*lower, *metrics->lower)) metrics->lower = *lower;
  if (!metrics->upper || less(*metrics->upper, *upper)) metrics->upper = *upper;
}

ColumnMetrics Collect(const parquet::FileMetaData& footer, int index, const Type* type) {
  ColumnMetrics metrics;
  for (int group = 0; group < footer.num_row_groups(); ++group) {
    const auto row_group = footer.RowGroup(group);
    const auto chunk = row_group->ColumnChunk(index);
    metrics.size += chunk->total_compressed_size();
    metrics.values += chunk->num_values();
    const auto statistics = type != nullptr ? chunk->statistics() : nullptr;
    if (!statistics) {
      metrics.nulls_known = metrics.bounds_known = false;
      continue;
    }
    if (statistics->HasNullCount()) {
      metrics.nulls += statistics->null_count();
    } else {
      metrics.nulls_known = false;
    }
    AddBounds(*statistics, *footer.schema()->Column(index), *type, &metrics);
  }
  return metrics;
}

}  // namespace

Result<iceberg::DataFile> DataFileFromFooter(const parquet::FileMetaData& footer, int64_t file_size,
                                             const iceberg::Schema& schema,
                                             UnknownColumns unknown) {
  iceberg::DataFile file;
  file.record_count = footer.num_rows();
  file.file_size_in_bytes = file_size;
  for (int group = 0; group < footer.num_row_groups(); ++group) {
    const auto row_group = footer.RowGroup(group);
    const auto first = row_group->ColumnChunk(0);
    file.split_offsets.push_back(
        first->has_dictionary_page() && first->dictionary_page_offset() > 0
            ? std::min(first->dictionary_page_offset(), first->data_page_offset())
            : first->data_page_offset());
  }
  const int columns = std::min(footer.num_columns(), kMaxColumnsWithMetrics);
  for (int index = 0; index < columns; ++index) {
    const auto* column = footer.schema()->Column(index);
    const int32_t id = column->schema_node()->field_id();
    const auto* field = schema.FindField(id);
    if (field == nullptr && unknown == UnknownColumns::kLeaveOut) continue;
    if (field == nullptr || field->type.is_nested()) {
      return Error(ErrorKind::kCorrupt, "Parquet column '", column->path()->ToDotString(),
                   "' has field id ", id, ", which is no column of the table's schema");
    }
    const bool repeated = column->max_repetition_level() > 0;
    const ColumnMetrics metrics = Collect(footer, index, repeated ? nullptr : &field->type);
    file.column_sizes[id] = metrics.size;
    if (repeated) continue;
    file.value_counts[id] = metrics.values;
    if (metrics.nulls_known) file.null_value_counts[id] = metrics.nulls;
    if (!metrics.bounds_known || !metrics.lower || !metrics.upper) continue;
    file.lower_bounds[id] = iceberg::TruncateLowerBound(field->type, *metrics.lower);
    if (auto upper = iceberg::TruncateUpperBound(field->type, *metrics.upper))
      file.upper_bounds[id] = *upper;
  }
  return file;
}

}  // namespace tarn
