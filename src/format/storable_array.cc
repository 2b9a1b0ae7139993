// SPDX-License-Identifier: Apache-2.0
#include "format/storable_array.h"

#include <limits>
#include <vector>

#include "arrow/api.h"
#include "arrow/compute/api.h"
#include "arrow/util/bitmap_ops.h"
#include "base/float16.h"
#include "format/storable_schema.h"

namespace tarn::format {
namespace {

using arrow::Array;
using arrow::Type;
using ArrayPtr = std::shared_ptr<Array>;

/// A list-like array taken apart: row i holds values [offsets[i], offsets[i + 1]); null rows are
/// empty.
struct ListParts {
  std::shared_ptr<arrow::Buffer> offsets;
  ArrayPtr values;
};

Result<ListParts> MakeParts(std::vector<int32_t> offsets, ArrayPtr values) {
  return ListParts{arrow::Buffer::FromVector(std::move(offsets)), std::move(values)};
}

/// `row_range(i)` gives {start, length} of row i in `values`.
template <typename RowRange>
Result<ListParts> SplitList(const Array& list, const ArrayPtr& values, const std::string& path,
                            const RowRange& row_range) {
  std::vector<int32_t> offsets(list.length() + 1);
  int64_t total = 0;
  int64_t first = -1;
  bool contiguous = true;
  for (int64_t i = 0; i < list.length(); ++i) {
    if (list.IsValid(i)) {
      const auto [start, length] = row_range(i);
      if (length > 0) {
        if (first < 0) first = start;
        contiguous = contiguous && start == first + total;
        total += length;
      }
    }
    if (total > std::numeric_limits<int32_t>::max()) {
      return Error(ErrorKind::kBadInput, "field '", path,
                   "': more than 2^31 list elements in one batch; split it");
    }
    offsets[i + 1] = static_cast<int32_t>(total);
  }
  if (contiguous)
    return MakeParts(std::move(offsets), values->Slice(std::max<int64_t>(first, 0), total));
  std::vector<int64_t> take;
  take.reserve(total);
  for (int64_t i = 0; i < list.length(); ++i) {
    if (list.IsNull(i)) continue;
    const auto [start, length] = row_range(i);
    for (int64_t k = 0; k < length; ++k) take.push_back(start + k);
  }
  const arrow::Int64Array indices(total, arrow::Buffer::FromVector(std::move(take)));
  ARROW_ASSIGN_OR_RAISE(ArrayPtr taken, arrow::compute::Take(*values, indices));
  return MakeParts(std::move(offsets), std::move(taken));
}

template <typename ListArray>
Result<ListParts> SplitVariable(const Array& array, const std::string& path) {
  const auto& list = static_cast<const ListArray&>(array);
  return SplitList(array, list.values(), path, [&](int64_t i) {
    return std::pair<int64_t, int64_t>(list.value_offset(i), list.value_length(i));
  });
}

Result<ListParts> SplitAnyList(const Array& array, const std::string& path) {
  switch (array.type_id()) {
    case Type::LIST:
    case Type::MAP:
      return SplitVariable<arrow::ListArray>(array, path);
    case Type::LARGE_LIST:
      return SplitVariable<arrow::LargeListArray>(array, path);
    case Type::FIXED_SIZE_LIST:
      return SplitVariable<arrow::FixedSizeListArray>(array, path);
    case Type::LIST_VIEW:
      return SplitVariable<arrow::ListViewArray>(array, path);
    case Type::LARGE_LIST_VIEW:
      return SplitVariable<arrow::LargeListViewArray>(array, path);
    default:
      return Error(ErrorKind::kBadInput, "field '", path, "': ", array.type()->ToString(),
                   " is not a list");
  }
}

/// The validity bitmap from bit 0 on; nullptr when nothing is null.
Result<std::shared_ptr<arrow::Buffer>> ValidityOf(const Array& array) {
  if (array.null_count() == 0) return nullptr;
  return arrow::internal::CopyBitmap(arrow::default_memory_pool(), array.null_bitmap_data(),
                                     array.offset(), array.length());
}

Result<ArrayPtr> DecodeRunEnds(const Array& array) {
  const auto& encoded = static_cast<const arrow::RunEndEncodedArray&>(array);
  ARROW_ASSIGN_OR_RAISE(ArrayPtr run_ends, encoded.LogicalRunEnds(arrow::default_memory_pool()));
  ARROW_ASSIGN_OR_RAISE(run_ends, arrow::compute::Cast(*run_ends, arrow::int64()));
  const ArrayPtr values = encoded.LogicalValues();
  const int64_t* ends = static_cast<const arrow::Int64Array&>(*run_ends).raw_values();
  std::vector<int64_t> take(array.length());
  for (int64_t row = 0, run = 0; row < array.length(); ++row) {
    while (ends[run] <= row) ++run;
    take[row] = run;
  }
  const arrow::Int64Array indices(array.length(), arrow::Buffer::FromVector(std::move(take)));
  return arrow::compute::Take(*values, indices);
}

Result<ArrayPtr> WidenHalf(const Array& array) {
  const auto& halves = static_cast<const arrow::HalfFloatArray&>(array);
  std::vector<float> values(array.length());
  for (int64_t i = 0; i < array.length(); ++i) values[i] = HalfToFloat(halves.raw_values()[i]);
  ARROW_ASSIGN_OR_RAISE(auto validity, ValidityOf(array));
  return std::make_shared<arrow::FloatArray>(array.length(),
                                             arrow::Buffer::FromVector(std::move(values)),
                                             std::move(validity), array.null_count());
}

Status CheckUtf8(const Array& array, const std::string& path) {
  const auto& strings = static_cast<const arrow::StringArray&>(array);
  for (int64_t i = 0; i < strings.length(); ++i) {
    if (strings.IsValid(i) && !IsUtf8(strings.GetView(i))) {
      return Error(ErrorKind::kBadInput, "field '", path, "', row ", i,
                   ": the text is not valid UTF-8; store it as binary");
    }
  }
  return Status::OK();
}

/// Whether values of `from` may be stored in a column of `to`: the same stored type, or one that
/// Iceberg promotes to it (int to long, float to double, a decimal to a wider one of its scale).
bool StoredAs(const std::shared_ptr<arrow::DataType>& from, const arrow::DataType& to) {
  if (from->id() == Type::NA) return true;
  const auto stored = StorableField(*arrow::field("value", from));
  if (!stored.ok()) return false;
  const arrow::DataType& type = *(*stored)->type();
  if (type.Equals(to)) return true;
  if (type.id() == Type::INT32 && to.id() == Type::INT64) return true;
  if (type.id() == Type::FLOAT && to.id() == Type::DOUBLE) return true;
  if (type.id() != Type::DECIMAL128 || to.id() != Type::DECIMAL128) return false;
  const auto& narrow = static_cast<const arrow::DecimalType&>(type);
  const auto& wide = static_cast<const arrow::DecimalType&>(to);
  return narrow.scale() == wide.scale() && narrow.precision() <= wide.precision();
}

Result<ArrayPtr> ConvertPrimitive(const ArrayPtr& array,
                                  const std::shared_ptr<arrow::DataType>& type,
                                  const std::string& path) {
  ArrayPtr converted = array;
  if (!StoredAs(array->type(), *type)) {
    return Error(ErrorKind::kBadInput, "field '", path, "' is stored as ", type->ToString(),
                 ", not ", array->type()->ToString());
  }
  if (array->type_id() == Type::NA) {
    ARROW_ASSIGN_OR_RAISE(converted, arrow::MakeArrayOfNull(type, array->length()));
  } else if (array->type_id() == Type::HALF_FLOAT && type->id() == Type::FLOAT) {
    ARROW_ASSIGN_OR_RAISE(converted, WidenHalf(*array));
  } else if (!array->type()->Equals(*type)) {
    auto cast = arrow::compute::Cast(*array, type);
    if (!cast.ok()) {
      return Error(ErrorKind::kBadInput, "field '", path, "': ", array->type()->ToString(),
                   " cannot be stored as ", type->ToString(),
                   " exactly: ", cast.status().message());
    }
    converted = cast.MoveValueUnsafe();
  }
  if (type->id() == Type::STRING) ARROW_RETURN_NOT_OK(CheckUtf8(*converted, path));
  return converted;
}

/// A null in `child` is an error unless it lies under a null of `parent`.
Status CheckRequired(const Array& child, const Array* parent, const std::string& path) {
  if (child.null_count() == 0) return Status::OK();
  for (int64_t i = 0; i < child.length(); ++i) {
    if (child.IsNull(i) && (parent == nullptr || parent->IsValid(i))) {
      return Error(ErrorKind::kBadInput, "field '", path, "' is required, but entry ", i,
                   " is null");
    }
  }
  return Status::OK();
}

Result<ArrayPtr> ConvertChild(const ArrayPtr& child, const arrow::Field& stored,
                              const Array* parent, const std::string& parent_path,
                              const char* name) {
  const std::string path = JoinPath(parent_path, name);
  ARROW_ASSIGN_OR_RAISE(ArrayPtr converted, ToStorable(child, *stored.WithNullable(true), path));
  if (!stored.nullable()) ARROW_RETURN_NOT_OK(CheckRequired(*converted, parent, path));
  return converted;
}

Result<ArrayPtr> ConvertStruct(const ArrayPtr& array, const std::shared_ptr<arrow::DataType>& type,
                               const std::string& path) {
  const auto& rows = static_cast<const arrow::StructArray&>(*array);
  if (rows.num_fields() != type->num_fields()) {
    return Error(ErrorKind::kBadInput, "field '", path, "' has ", rows.num_fields(),
                 " fields, the table ", type->num_fields());
  }
  arrow::ArrayVector children;
  for (int i = 0; i < type->num_fields(); ++i) {
    const arrow::Field& stored = *type->field(i);
    if (stored.name() != array->type()->field(i)->name()) {
      return Error(ErrorKind::kBadInput, "field '", path, "': '", array->type()->field(i)->name(),
                   "' stands where '", stored.name(), "' must be");
    }
    ARROW_ASSIGN_OR_RAISE(auto child,
                          ConvertChild(rows.field(i), stored, &rows, path, stored.name().c_str()));
    children.push_back(std::move(child));
  }
  ARROW_ASSIGN_OR_RAISE(auto validity, ValidityOf(*array));
  return std::make_shared<arrow::StructArray>(type, array->length(), std::move(children),
                                              std::move(validity), array->null_count());
}

Result<ArrayPtr> ConvertList(const ArrayPtr& array, const std::shared_ptr<arrow::DataType>& type,
                             const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(ListParts parts, SplitAnyList(*array, path));
  ARROW_ASSIGN_OR_RAISE(auto validity, ValidityOf(*array));
  ARROW_ASSIGN_OR_RAISE(auto values,
                        ConvertChild(parts.values, *type->field(0), nullptr, path, "element"));
  return std::make_shared<arrow::ListArray>(type, array->length(), parts.offsets, std::move(values),
                                            std::move(validity), array->null_count());
}

Result<ArrayPtr> ConvertMap(const ArrayPtr& array, const std::shared_ptr<arrow::DataType>& type,
                            const std::string& path) {
  if (array->type_id() != Type::MAP) {
    return Error(ErrorKind::kBadInput, "field '", path, "': ", array->type()->ToString(),
                 " is not a map");
  }
  const auto& map_type = static_cast<const arrow::MapType&>(*type);
  ARROW_ASSIGN_OR_RAISE(ListParts parts, SplitAnyList(*array, path));
  ARROW_ASSIGN_OR_RAISE(auto validity, ValidityOf(*array));
  const auto& entries = static_cast<const arrow::StructArray&>(*parts.values);
  ARROW_ASSIGN_OR_RAISE(
      auto keys, ConvertChild(entries.field(0), *map_type.key_field(), nullptr, path, "key"));
  ARROW_ASSIGN_OR_RAISE(
      auto items, ConvertChild(entries.field(1), *map_type.item_field(), nullptr, path, "value"));
  return std::make_shared<arrow::MapArray>(type, array->length(), parts.offsets, std::move(keys),
                                           std::move(items), std::move(validity),
                                           array->null_count());
}

Result<ArrayPtr> Convert(const ArrayPtr& array, const std::shared_ptr<arrow::DataType>& type,
                         const std::string& path) {
  switch (array->type_id()) {
    case Type::DICTIONARY: {
      const auto& encoded = static_cast<const arrow::DictionaryArray&>(*array);
      ARROW_ASSIGN_OR_RAISE(auto decoded,
                            arrow::compute::Take(*encoded.dictionary(), *encoded.indices()));
      return Convert(decoded, type, path);
    }
    case Type::RUN_END_ENCODED: {
      ARROW_ASSIGN_OR_RAISE(auto decoded, DecodeRunEnds(*array));
      return Convert(decoded, type, path);
    }
    case Type::EXTENSION:
      if (array->type()->Equals(*type)) return array;
      return Convert(static_cast<const arrow::ExtensionArray&>(*array).storage(), type, path);
    default:
      break;
  }
  switch (type->id()) {
    case Type::STRUCT:
      if (array->type_id() != Type::STRUCT) break;
      return ConvertStruct(array, type, path);
    case Type::LIST:
      return ConvertList(array, type, path);
    case Type::MAP:
      return ConvertMap(array, type, path);
    default:
      if (array->type()->num_fields() == 0) return ConvertPrimitive(array, type, path);
  }
  return Error(ErrorKind::kBadInput, "field '", path, "': ", array->type()->ToString(),
               " cannot be stored as ", type->ToString());
}

}  // namespace

Result<ArrayPtr> ToStorable(const ArrayPtr& array, const arrow::Field& stored,
                            const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(ArrayPtr converted, Convert(array, stored.type(), path));
  if (!stored.nullable()) ARROW_RETURN_NOT_OK(CheckRequired(*converted, nullptr, path));
  return converted;
}

Result<std::shared_ptr<arrow::RecordBatch>> ToStorableBatch(
    const arrow::RecordBatch& batch, const std::shared_ptr<arrow::Schema>& stored) {
  if (batch.num_columns() != stored->num_fields()) {
    return Error(ErrorKind::kBadInput, "the batch has ", batch.num_columns(),
                 " columns, the schema ", stored->num_fields());
  }
  if (const Status valid = batch.Validate(); !valid.ok()) {
    return Error(ErrorKind::kBadInput, "the batch is not valid Arrow data: ", valid.message());
  }
  arrow::ArrayVector columns;
  for (int i = 0; i < batch.num_columns(); ++i) {
    const arrow::Field& field = *stored->field(i);
    ARROW_ASSIGN_OR_RAISE(auto column, ToStorable(batch.column(i), field, field.name()));
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatch::Make(stored, batch.num_rows(), std::move(columns));
}

Result<std::shared_ptr<arrow::Table>> ToStorableTable(
    const arrow::Table& table, const std::shared_ptr<arrow::Schema>& stored) {
  if (table.num_columns() != stored->num_fields()) {
    return Error(ErrorKind::kBadInput, "the table has ", table.num_columns(),
                 " columns, the schema ", stored->num_fields());
  }
  std::vector<std::shared_ptr<arrow::ChunkedArray>> columns;
  for (int i = 0; i < table.num_columns(); ++i) {
    const arrow::Field& field = *stored->field(i);
    arrow::ArrayVector chunks;
    for (const auto& chunk : table.column(i)->chunks()) {
      ARROW_ASSIGN_OR_RAISE(auto converted, ToStorable(chunk, field, field.name()));
      chunks.push_back(std::move(converted));
    }
    columns.push_back(std::make_shared<arrow::ChunkedArray>(std::move(chunks), field.type()));
  }
  return arrow::Table::Make(stored, std::move(columns), table.num_rows());
}

}  // namespace tarn::format
