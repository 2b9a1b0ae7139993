// SPDX-License-Identifier: Apache-2.0
#include "table/schema_arrow.h"

#include "arrow/extension/uuid.h"
#include "arrow/type.h"
#include "arrow/util/key_value_metadata.h"
#include "format/storable_schema.h"

namespace tarn {
namespace {

using iceberg::NestedField;
using iceberg::Type;
using iceberg::TypeId;

Result<NestedField> FromArrowField(const arrow::Field& field);

Result<Type> FromArrowType(const arrow::DataType& type, const std::string& name) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      return Type::Of(TypeId::kBoolean);
    case arrow::Type::INT32:
      return Type::Of(TypeId::kInt);
    case arrow::Type::INT64:
      return Type::Of(TypeId::kLong);
    case arrow::Type::FLOAT:
      return Type::Of(TypeId::kFloat);
    case arrow::Type::DOUBLE:
      return Type::Of(TypeId::kDouble);
    case arrow::Type::DATE32:
      return Type::Of(TypeId::kDate);
    case arrow::Type::TIME64:
      return Type::Of(TypeId::kTime);
    case arrow::Type::TIMESTAMP:
      return Type::Of(static_cast<const arrow::TimestampType&>(type).timezone().empty()
                          ? TypeId::kTimestamp
                          : TypeId::kTimestampTz);
    case arrow::Type::STRING:
      return Type::Of(TypeId::kString);
    case arrow::Type::BINARY:
      return Type::Of(TypeId::kBinary);
    case arrow::Type::EXTENSION:
      // The one extension type that is storable (format/storable_schema.h).
      if (type.Equals(*arrow::extension::uuid())) return Type::Of(TypeId::kUuid);
      break;
    case arrow::Type::FIXED_SIZE_BINARY:
      return Type::Fixed(static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width());
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      return Type::Decimal(decimal.precision(), decimal.scale());
    }
    case arrow::Type::LIST: {
      const auto& element = *static_cast<const arrow::ListType&>(type).value_field();
      ARROW_ASSIGN_OR_RAISE(auto field, FromArrowField(element));
      return Type::List(0, std::move(field.type), field.required);
    }
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(type);
      ARROW_ASSIGN_OR_RAISE(auto key, FromArrowField(*map.key_field()));
      ARROW_ASSIGN_OR_RAISE(auto value, FromArrowField(*map.item_field()));
      return Type::Map(0, std::move(key.type), 0, std::move(value.type), value.required);
    }
    case arrow::Type::STRUCT: {
      std::vector<NestedField> fields;
      for (const auto& child : type.fields()) {
        ARROW_ASSIGN_OR_RAISE(auto field, FromArrowField(*child));
        fields.push_back(std::move(field));
      }
      return Type::Struct(std::move(fields));
    }
    default:
      break;
  }
  return Error(ErrorKind::kBadInput, "column '", name, "': type ", type.ToString(),
               " has no Iceberg counterpart");
}

Result<NestedField> FromArrowField(const arrow::Field& field) {
  NestedField result;
  result.name = field.name();
  result.required = !field.nullable();
  ARROW_ASSIGN_OR_RAISE(result.type, FromArrowType(*field.type(), field.name()));
  return result;
}

Result<std::shared_ptr<arrow::DataType>> ToArrowType(const NestedField& field) {
  const Type& type = field.type;
  switch (type.id) {
    case TypeId::kBoolean:
      return arrow::boolean();
    case TypeId::kInt:
      return arrow::int32();
    case TypeId::kLong:
      return arrow::int64();
    case TypeId::kFloat:
      return arrow::float32();
    case TypeId::kDouble:
      return arrow::float64();
    case TypeId::kDate:
      return arrow::date32();
    case TypeId::kTime:
      return arrow::time64(arrow::TimeUnit::MICRO);
    case TypeId::kTimestamp:
      return arrow::timestamp(arrow::TimeUnit::MICRO);
    case TypeId::kTimestampTz:
      return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case TypeId::kTimestampNs:
      return arrow::timestamp(arrow::TimeUnit::NANO);
    case TypeId::kTimestampTzNs:
      return arrow::timestamp(arrow::TimeUnit::NANO, "UTC");
    case TypeId::kUnknown:
      return arrow::null();
    case TypeId::kString:
      return arrow::utf8();
    case TypeId::kBinary:
      return arrow::binary();
    case TypeId::kUuid:
      return arrow::extension::uuid();
    case TypeId::kFixed:
      return arrow::fixed_size_binary(type.length);
    case TypeId::kDecimal:
      return arrow::decimal128(type.precision, type.scale);
    case TypeId::kStruct: {
      arrow::FieldVector children;
      for (const auto& child : type.fields) {
        ARROW_ASSIGN_OR_RAISE(auto converted, ToArrowField(child));
        children.push_back(std::move(converted));
      }
      return arrow::struct_(std::move(children));
    }
    case TypeId::kList: {
      ARROW_ASSIGN_OR_RAISE(auto element, ToArrowField(type.fields[0]));
      return arrow::list(std::move(element));
    }
    case TypeId::kMap: {
      ARROW_ASSIGN_OR_RAISE(auto key, ToArrowField(type.fields[0]));
      ARROW_ASSIGN_OR_RAISE(auto value, ToArrowField(type.fields[1]));
      return std::make_shared<arrow::MapType>(std::move(key), std::move(value));
    }
    default:
      return Error(ErrorKind::kNotSupported, "column '", field.name,
                   "': this version cannot read the type ", type.ToString());
  }
}

}  // namespace

Result<iceberg::Schema> NewTableSchema(const arrow::Schema& storable,
                                       std::span<const VectorStoragePolicy> vectors) {
  iceberg::Schema schema;
  for (const auto& field : storable.fields()) {
    ARROW_ASSIGN_OR_RAISE(auto converted, FromArrowField(*field));
    schema.fields.push_back(std::move(converted));
  }
  for (const auto& policy : vectors) {
    if (schema.FindColumn(policy.column_name) != nullptr) {
      return Error(ErrorKind::kBadInput, "column '", policy.column_name,
                   "' is both a vector column and a column of the batch");
    }
    NestedField field;
    field.name = policy.column_name;
    field.type = Type::List(0, Type::Of(TypeId::kFloat), /*element_required=*/true);
    schema.fields.push_back(std::move(field));
  }
  iceberg::AssignFreshIds(schema);
  return schema;
}

Result<std::shared_ptr<arrow::Field>> ToArrowField(const NestedField& field) {
  ARROW_ASSIGN_OR_RAISE(auto type, ToArrowType(field));
  return arrow::field(field.name, std::move(type), !field.required,
                      arrow::key_value_metadata({format::kFieldIdKey}, {std::to_string(field.id)}));
}

Result<std::shared_ptr<arrow::Schema>> ToArrowSchema(const iceberg::Schema& schema) {
  arrow::FieldVector fields;
  for (const auto& field : schema.fields) {
    ARROW_ASSIGN_OR_RAISE(auto converted, ToArrowField(field));
    fields.push_back(std::move(converted));
  }
  return arrow::schema(std::move(fields));
}

}  // namespace tarn
