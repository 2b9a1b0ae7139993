// SPDX-License-Identifier: Apache-2.0
#include "table/fit.h"

#include "arrow/api.h"
#include "arrow/compute/cast.h"
#include "arrow/extension/uuid.h"
#include "format/storable_schema.h"

namespace tarn {
namespace {

/// How the fields of one batch are paired and filled.
struct FitRule {
  FitBy by;
  const FillValues* fill;

  /// Whose mistake data is that does not fit: the caller's, or the file's.
  ErrorKind kind() const { return by == FitBy::kName ? ErrorKind::kBadInput : ErrorKind::kCorrupt; }
};

std::string Child(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

Status DoesNotFit(const arrow::DataType& source, const arrow::DataType& target, const FitRule& rule,
                  const std::string& path) {
  return Error(rule.kind(), "column '", path, "' is ", source.ToString(), ", the table has ",
               target.ToString());
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

/// What other engines write for the target's type, and what a column may have been before it was
/// promoted to it.
bool MayRead(const arrow::DataType& source, const arrow::DataType& target) {
  using arrow::Type;
  const bool uuid = target.id() == Type::EXTENSION && target.Equals(*arrow::extension::uuid());
  switch (source.id()) {
    case Type::NA:
      return true;
    case Type::TIMESTAMP:
      return target.id() == Type::TIMESTAMP;
    case Type::DATE32:
      return target.id() == Type::TIMESTAMP;
    case Type::TIME32:
      return target.id() == Type::TIME64;
    case Type::BINARY:
    case Type::STRING:
      return target.id() == Type::STRING || target.id() == Type::BINARY;
    case Type::FIXED_SIZE_BINARY:
      return uuid && static_cast<const arrow::FixedSizeBinaryType&>(source).byte_width() == 16;
    case Type::EXTENSION:
      return target.id() == Type::FIXED_SIZE_BINARY &&
             static_cast<const arrow::FixedSizeBinaryType&>(target).byte_width() == 16 &&
             source.Equals(*arrow::extension::uuid());
    default:
      return MayCast(source, target);
  }
}

Result<std::shared_ptr<arrow::Array>> CastTimes(const std::shared_ptr<arrow::Array>& array,
                                                const std::shared_ptr<arrow::DataType>& target) {
  const auto& to = static_cast<const arrow::TimestampType&>(*target);
  // Iceberg's times are of UTC or of no zone; the file's idea of the zone changes no number.
  const auto zone = array->type_id() == arrow::Type::TIMESTAMP
                        ? static_cast<const arrow::TimestampType&>(*array->type()).timezone()
                        : std::string();
  auto options = arrow::compute::CastOptions::Safe(arrow::timestamp(to.unit(), zone));
  options.allow_time_truncate = true;
  ARROW_ASSIGN_OR_RAISE(auto cast, arrow::compute::Cast(*array, options.to_type, options));
  return cast->View(target);
}

/// The values of a primitive column in another type.
Result<std::shared_ptr<arrow::Array>> Convert(const std::shared_ptr<arrow::Array>& array,
                                              const std::shared_ptr<arrow::DataType>& target,
                                              FitBy by) {
  if (by == FitBy::kFieldId) {
    if (array->type_id() == arrow::Type::NA) {
      return arrow::MakeArrayOfNull(target, array->length());
    }
    if (target->id() == arrow::Type::TIMESTAMP) return CastTimes(array, target);
    if (target->id() == arrow::Type::EXTENSION || array->type_id() == arrow::Type::EXTENSION) {
      return array->View(target);
    }
  }
  return arrow::compute::Cast(*array, target, arrow::compute::CastOptions::Safe());
}

Status CheckNulls(const arrow::Array& array, const arrow::Field& target, const FitRule& rule,
                  const std::string& path) {
  if (target.nullable() || array.null_count() == 0) return Status::OK();
  int64_t row = 0;
  while (row < array.length() && !array.IsNull(row)) ++row;
  return Error(rule.kind(), "column '", path, "' is required; row ", row, " is null");
}

/// The field in rows of data that lacks it.
Result<std::shared_ptr<arrow::Array>> Missing(const arrow::Field& field, int64_t rows,
                                              const FitRule& rule, const std::string& path) {
  if (rule.fill != nullptr) {
    ARROW_ASSIGN_OR_RAISE(const int32_t id, format::FieldIdOf(field));
    if (const auto value = rule.fill->find(id); value != rule.fill->end()) {
      return arrow::MakeArrayFromScalar(*value->second, rows);
    }
  }
  if (!field.nullable()) return Error(rule.kind(), "required column '", path, "' is missing");
  return arrow::MakeArrayOfNull(field.type(), rows);
}

Result<std::shared_ptr<arrow::Array>> FitAny(const std::shared_ptr<arrow::Array>& array,
                                             const arrow::Field& source, const arrow::Field& target,
                                             const FitRule& rule, const std::string& path);

Result<std::shared_ptr<arrow::Array>> FitStruct(const std::shared_ptr<arrow::Array>& array,
                                                const arrow::Field& source,
                                                const arrow::Field& target, const FitRule& rule,
                                                const std::string& path) {
  const auto& from = static_cast<const arrow::StructArray&>(*array);
  const auto& source_fields = source.type()->fields();
  arrow::ArrayVector children;
  std::vector<bool> used(source_fields.size());
  for (const auto& field : target.type()->fields()) {
    const std::string child_path = Child(path, field->name());
    ARROW_ASSIGN_OR_RAISE(const int at, Pair(source_fields, *field, rule.by));
    if (at < 0) {
      ARROW_ASSIGN_OR_RAISE(auto missing, Missing(*field, array->length(), rule, child_path));
      children.push_back(std::move(missing));
      continue;
    }
    used[static_cast<size_t>(at)] = true;
    // Values under a null struct are nobody's: they may be anything, null in a required child too.
    const auto lenient = from.null_count() > 0 ? field->WithNullable(true) : field;
    ARROW_ASSIGN_OR_RAISE(
        auto child, FitAny(from.field(at), *source_fields[static_cast<size_t>(at)], *lenient, rule,
                           child_path));
    children.push_back(std::move(child));
  }
  for (size_t i = 0; rule.by == FitBy::kName && i < used.size(); ++i) {
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
                                              const arrow::Field& target, const FitRule& rule,
                                              const std::string& path) {
  const auto& list = static_cast<const arrow::ListArray&>(*array);
  const auto& element = *static_cast<const arrow::ListType&>(*target.type()).value_field();
  ARROW_ASSIGN_OR_RAISE(
      auto values,
      FitAny(list.values(), *static_cast<const arrow::ListType&>(*source.type()).value_field(),
             element, rule, Child(path, "element")));
  auto data = array->data()->Copy();
  data->type = target.type();
  data->child_data = {values->data()};
  return arrow::MakeArray(std::move(data));
}

Result<std::shared_ptr<arrow::Array>> FitMap(const std::shared_ptr<arrow::Array>& array,
                                             const arrow::Field& source, const arrow::Field& target,
                                             const FitRule& rule, const std::string& path) {
  const auto& map = static_cast<const arrow::MapArray&>(*array);
  const auto& from = static_cast<const arrow::MapType&>(*source.type());
  const auto& to = static_cast<const arrow::MapType&>(*target.type());
  ARROW_ASSIGN_OR_RAISE(
      auto keys, FitAny(map.keys(), *from.key_field(), *to.key_field(), rule, Child(path, "key")));
  ARROW_ASSIGN_OR_RAISE(auto items, FitAny(map.items(), *from.item_field(), *to.item_field(), rule,
                                           Child(path, "value")));
  const auto& entries = to.value_type();
  auto data = array->data()->Copy();
  data->type = target.type();
  data->child_data = {
      std::make_shared<arrow::StructArray>(entries, keys->length(), arrow::ArrayVector{keys, items})
          ->data()};
  return arrow::MakeArray(std::move(data));
}

Result<std::shared_ptr<arrow::Array>> FitAny(const std::shared_ptr<arrow::Array>& array,
                                             const arrow::Field& source, const arrow::Field& target,
                                             const FitRule& rule, const std::string& path) {
  const auto& from = *source.type();
  const auto& to = *target.type();
  ARROW_RETURN_NOT_OK(CheckNulls(*array, target, rule, path));
  if (from.id() == arrow::Type::STRUCT && to.id() == arrow::Type::STRUCT) {
    return FitStruct(array, source, target, rule, path);
  }
  if (from.id() == arrow::Type::LIST && to.id() == arrow::Type::LIST)
    return FitList(array, source, target, rule, path);
  if (from.id() == arrow::Type::MAP && to.id() == arrow::Type::MAP)
    return FitMap(array, source, target, rule, path);
  if (from.Equals(to)) return array;
  if (rule.by == FitBy::kName ? !MayCast(from, to) : !MayRead(from, to)) {
    return DoesNotFit(from, to, rule, path);
  }
  auto converted = Convert(array, target.type(), rule.by);
  if (!converted.ok()) {
    return Error(rule.kind(), "column '", path, "' does not fit ", to.ToString(), ": ",
                 converted.status().message());
  }
  return converted;
}

}  // namespace

Result<std::shared_ptr<arrow::Array>> FitArray(const std::shared_ptr<arrow::Array>& array,
                                               const arrow::Field& source,
                                               const arrow::Field& target, FitBy by,
                                               const std::string& path, const FillValues* fill) {
  return FitAny(array, source, target, {by, fill}, path);
}

Result<std::shared_ptr<arrow::RecordBatch>> FitBatch(const arrow::RecordBatch& batch,
                                                     const std::shared_ptr<arrow::Schema>& target,
                                                     FitBy by, const FillValues* fill) {
  ARROW_ASSIGN_OR_RAISE(auto rows, batch.ToStructArray());
  const auto source_field = arrow::field("", arrow::struct_(batch.schema()->fields()), false);
  const auto target_field = arrow::field("", arrow::struct_(target->fields()), false);
  ARROW_ASSIGN_OR_RAISE(auto fitted, FitAny(rows, *source_field, *target_field, {by, fill}, ""));
  return arrow::RecordBatch::Make(target, batch.num_rows(),
                                  static_cast<const arrow::StructArray&>(*fitted).fields());
}

}  // namespace tarn
