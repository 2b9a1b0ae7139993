// SPDX-License-Identifier: Apache-2.0
#include "table/fit.h"

#include "arrow/api.h"
#include "arrow/compute/cast.h"
#include "format/storable_schema.h"

namespace tarn {
namespace {

std::string Child(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

Status DoesNotFit(const arrow::DataType& source, const arrow::DataType& target,
                  const std::string& path) {
  return Error(ErrorKind::kBadInput, "column '", path, "' is ", source.ToString(),
               ", the table has ", target.ToString());
}

/// Index of the field of `fields` that pairs with `target`; -1 when there is none.
Result<int> Pair(const arrow::FieldVector& fields, const arrow::Field& target, FitBy by) {
  if (by == FitBy::kName) {
    for (size_t i = 0; i < fields.size(); ++i) {
      if (fields[i]->name() == target.name()) return static_cast<int>(i);
    }
    return -1;
  }
  ARROW_ASSIGN_OR_RAISE(const int32_t wanted, format::FieldIdOf(target));
  for (size_t i = 0; i < fields.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(const int32_t id, format::FieldIdOf(*fields[i]));
    if (id == wanted) return static_cast<int>(i);
  }
  return -1;
}

/// Casts that keep every value, or fail on the first one they would change.
bool MayCast(const arrow::DataType& source, const arrow::DataType& target) {
  if (arrow::is_integer(source.id()) && arrow::is_integer(target.id())) return true;
  if (source.id() == arrow::Type::FLOAT && target.id() == arrow::Type::DOUBLE) return true;
  if (source.id() == arrow::Type::INT32 && target.id() == arrow::Type::DOUBLE) return true;
  if (source.id() == arrow::Type::DECIMAL128 && target.id() == arrow::Type::DECIMAL128) {
    const auto& from = static_cast<const arrow::Decimal128Type&>(source);
    const auto& to = static_cast<const arrow::Decimal128Type&>(target);
    return from.scale() == to.scale() && from.precision() <= to.precision();
  }
  return false;
}

Status CheckNulls(const arrow::Array& array, const arrow::Field& target, const std::string& path) {
  if (target.nullable() || array.null_count() == 0) return Status::OK();
  int64_t row = 0;
  while (row < array.length() && !array.IsNull(row)) ++row;
  return Error(ErrorKind::kBadInput, "column '", path, "' is required; row ", row, " is null");
}

Result<std::shared_ptr<arrow::Array>> FitStruct(const std::shared_ptr<arrow::Array>& array,
                                                const arrow::Field& source,
                                                const arrow::Field& target, FitBy by,
                                                const std::string& path) {
  const auto& from = static_cast<const arrow::StructArray&>(*array);
  const auto& source_fields = source.type()->fields();
  arrow::ArrayVector children;
  std::vector<bool> used(source_fields.size());
  for (const auto& field : target.type()->fields()) {
    const std::string child_path = Child(path, field->name());
    ARROW_ASSIGN_OR_RAISE(const int at, Pair(source_fields, *field, by));
    if (at < 0) {
      if (!field->nullable())
        return Error(ErrorKind::kBadInput, "required column '", child_path, "' is missing");
      ARROW_ASSIGN_OR_RAISE(auto nulls, arrow::MakeArrayOfNull(field->type(), array->length()));
      children.push_back(std::move(nulls));
      continue;
    }
    used[static_cast<size_t>(at)] = true;
    // Values under a null struct are nobody's: they may be anything, null in a required child too.
    const auto lenient = from.null_count() > 0 ? field->WithNullable(true) : field;
    ARROW_ASSIGN_OR_RAISE(
        auto child, FitArray(from.field(at), *source_fields[static_cast<size_t>(at)], *lenient, by,
                             child_path));
    children.push_back(std::move(child));
  }
  for (size_t i = 0; by == FitBy::kName && i < used.size(); ++i) {
    if (!used[i]) {
      return Error(ErrorKind::kBadInput, "the table has no column '",
                   Child(path, source_fields[i]->name()), "'");
    }
  }
  std::shared_ptr<arrow::Buffer> validity;
  if (from.null_count() > 0) {
    ARROW_ASSIGN_OR_RAISE(
        validity, arrow::internal::CopyBitmap(arrow::default_memory_pool(), from.null_bitmap_data(),
                                              from.offset(), from.length()));
  }
  return std::make_shared<arrow::StructArray>(target.type(), array->length(), std::move(children),
                                              std::move(validity), from.null_count());
}

/// Keeps offsets and nulls, replaces what the lists hold.
Result<std::shared_ptr<arrow::Array>> FitList(const std::shared_ptr<arrow::Array>& array,
                                              const arrow::Field& source,
                                              const arrow::Field& target, FitBy by,
                                              const std::string& path) {
  const auto& list = static_cast<const arrow::ListArray&>(*array);
  const auto& element = *static_cast<const arrow::ListType&>(*target.type()).value_field();
  ARROW_ASSIGN_OR_RAISE(
      auto values,
      FitArray(list.values(), *static_cast<const arrow::ListType&>(*source.type()).value_field(),
               element, by, Child(path, "element")));
  auto data = array->data()->Copy();
  data->type = target.type();
  data->child_data = {values->data()};
  return arrow::MakeArray(std::move(data));
}

Result<std::shared_ptr<arrow::Array>> FitMap(const std::shared_ptr<arrow::Array>& array,
                                             const arrow::Field& source, const arrow::Field& target,
                                             FitBy by, const std::string& path) {
  const auto& map = static_cast<const arrow::MapArray&>(*array);
  const auto& from = static_cast<const arrow::MapType&>(*source.type());
  const auto& to = static_cast<const arrow::MapType&>(*target.type());
  ARROW_ASSIGN_OR_RAISE(
      auto keys, FitArray(map.keys(), *from.key_field(), *to.key_field(), by, Child(path, "key")));
  ARROW_ASSIGN_OR_RAISE(auto items, FitArray(map.items(), *from.item_field(), *to.item_field(), by,
                                             Child(path, "value")));
  const auto& entries = to.value_type();
  auto data = array->data()->Copy();
  data->type = target.type();
  data->child_data = {
      std::make_shared<arrow::StructArray>(entries, keys->length(), arrow::ArrayVector{keys, items})
          ->data()};
  return arrow::MakeArray(std::move(data));
}

}  // namespace

Result<std::shared_ptr<arrow::Array>> FitArray(const std::shared_ptr<arrow::Array>& array,
                                               const arrow::Field& source,
                                               const arrow::Field& target, FitBy by,
                                               const std::string& path) {
  const auto& from = *source.type();
  const auto& to = *target.type();
  ARROW_RETURN_NOT_OK(CheckNulls(*array, target, path));
  if (from.id() == arrow::Type::STRUCT && to.id() == arrow::Type::STRUCT) {
    return FitStruct(array, source, target, by, path);
  }
  if (from.id() == arrow::Type::LIST && to.id() == arrow::Type::LIST)
    return FitList(array, source, target, by, path);
  if (from.id() == arrow::Type::MAP && to.id() == arrow::Type::MAP)
    return FitMap(array, source, target, by, path);
  if (from.Equals(to)) return array;
  if (!MayCast(from, to)) return DoesNotFit(from, to, path);
  auto cast = arrow::compute::Cast(*array, target.type(), arrow::compute::CastOptions::Safe());
  if (!cast.ok()) {
    return Error(ErrorKind::kBadInput, "column '", path, "' does not fit ", to.ToString(), ": ",
                 cast.status().message());
  }
  return cast;
}

Result<std::shared_ptr<arrow::RecordBatch>> FitBatch(const arrow::RecordBatch& batch,
                                                     const std::shared_ptr<arrow::Schema>& target,
                                                     FitBy by) {
  ARROW_ASSIGN_OR_RAISE(auto rows, batch.ToStructArray());
  const auto source_field = arrow::field("", arrow::struct_(batch.schema()->fields()), false);
  const auto target_field = arrow::field("", arrow::struct_(target->fields()), false);
  ARROW_ASSIGN_OR_RAISE(auto fitted, FitArray(rows, *source_field, *target_field, by, ""));
  return arrow::RecordBatch::Make(target, batch.num_rows(),
                                  static_cast<const arrow::StructArray&>(*fitted).fields());
}

}  // namespace tarn
