// SPDX-License-Identifier: Apache-2.0
#include "table/value_arrow.h"

#include "arrow/api.h"
#include "arrow/extension/uuid.h"
#include "iceberg/default_value.h"
#include "table/schema_arrow.h"

namespace tarn {
namespace {

using iceberg::NestedField;
using iceberg::Value;
using ScalarPtr = std::shared_ptr<arrow::Scalar>;
using TypePtr = std::shared_ptr<arrow::DataType>;

constexpr int64_t kMicrosPerDay = int64_t{86400} * 1000 * 1000;

std::optional<int64_t> WholeNumber(const Value& value) {
  if (const auto* narrow = std::get_if<int32_t>(&value)) return *narrow;
  if (const auto* wide = std::get_if<int64_t>(&value)) return *wide;
  return std::nullopt;
}

/// nullptr when the value is no whole number of that type.
ScalarPtr FromWholeNumber(const Value& value, const TypePtr& type) {
  const auto number = WholeNumber(value);
  if (!number) return nullptr;
  switch (type->id()) {
    case arrow::Type::INT32:
    case arrow::Type::DATE32:
      if (!std::holds_alternative<int32_t>(value)) return nullptr;
      if (type->id() == arrow::Type::DATE32) {
        return std::make_shared<arrow::Date32Scalar>(static_cast<int32_t>(*number));
      }
      return std::make_shared<arrow::Int32Scalar>(static_cast<int32_t>(*number));
    case arrow::Type::INT64:
      return std::make_shared<arrow::Int64Scalar>(*number);
    case arrow::Type::TIME64:
      return std::make_shared<arrow::Time64Scalar>(*number, type);
    case arrow::Type::TIMESTAMP: {
      // Dates may have been promoted to timestamps.
      const bool date = std::holds_alternative<int32_t>(value);
      const bool nanos =
          static_cast<const arrow::TimestampType&>(*type).unit() == arrow::TimeUnit::NANO;
      const int64_t unit = date ? kMicrosPerDay * (nanos ? 1000 : 1) : 1;
      int64_t scaled = 0;
      if (__builtin_mul_overflow(*number, unit, &scaled)) return nullptr;
      return std::make_shared<arrow::TimestampScalar>(scaled, type);
    }
    default:
      return nullptr;
  }
}

ScalarPtr FromBytes(const std::string& bytes, const TypePtr& type) {
  auto buffer = arrow::Buffer::FromString(bytes);
  switch (type->id()) {
    case arrow::Type::STRING:
      return std::make_shared<arrow::StringScalar>(std::move(buffer));
    case arrow::Type::BINARY:
      return std::make_shared<arrow::BinaryScalar>(std::move(buffer));
    case arrow::Type::FIXED_SIZE_BINARY: {
      const auto width = static_cast<const arrow::FixedSizeBinaryType&>(*type).byte_width();
      if (static_cast<size_t>(width) != bytes.size()) return nullptr;
      return std::make_shared<arrow::FixedSizeBinaryScalar>(std::move(buffer), type);
    }
    case arrow::Type::EXTENSION: {
      if (!type->Equals(*arrow::extension::uuid()) || bytes.size() != 16) return nullptr;
      auto storage = std::make_shared<arrow::FixedSizeBinaryScalar>(std::move(buffer),
                                                                    arrow::fixed_size_binary(16));
      return std::make_shared<arrow::ExtensionScalar>(std::move(storage), type);
    }
    case arrow::Type::DECIMAL128: {
      auto decimal = arrow::Decimal128::FromBigEndian(
          reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<int32_t>(bytes.size()));
      if (!decimal.ok()) return nullptr;
      return std::make_shared<arrow::Decimal128Scalar>(*decimal, type);
    }
    default:
      return nullptr;
  }
}

ScalarPtr FromValue(const Value& value, const TypePtr& type) {
  if (const auto* bytes = std::get_if<std::string>(&value)) return FromBytes(*bytes, type);
  if (const auto* flag = std::get_if<bool>(&value)) {
    if (type->id() != arrow::Type::BOOL) return nullptr;
    return std::make_shared<arrow::BooleanScalar>(*flag);
  }
  if (const auto* number = std::get_if<float>(&value)) {
    if (type->id() == arrow::Type::FLOAT) return std::make_shared<arrow::FloatScalar>(*number);
    if (type->id() != arrow::Type::DOUBLE) return nullptr;
    return std::make_shared<arrow::DoubleScalar>(*number);
  }
  if (const auto* number = std::get_if<double>(&value)) {
    if (type->id() != arrow::Type::DOUBLE) return nullptr;
    return std::make_shared<arrow::DoubleScalar>(*number);
  }
  return FromWholeNumber(value, type);
}

/// Adds the defaults of the field and of what lies in it; gives its own, or nullptr.
Result<ScalarPtr> AddDefault(const NestedField& field, FillValues* fill) {
  arrow::ScalarVector children;
  for (const auto& child : field.type.fields) {
    ARROW_ASSIGN_OR_RAISE(auto value, AddDefault(child, fill));
    children.push_back(std::move(value));
  }
  ARROW_ASSIGN_OR_RAISE(const auto value, iceberg::InitialDefault(field));
  if (!value) return nullptr;
  ARROW_ASSIGN_OR_RAISE(const auto converted, ToArrowField(field));
  ScalarPtr scalar;
  if (field.type.id == iceberg::TypeId::kStruct) {
    for (size_t i = 0; i < children.size(); ++i) {
      const auto& type = converted->type()->field(static_cast<int>(i))->type();
      if (children[i] == nullptr) children[i] = arrow::MakeNullScalar(type);
    }
    scalar = std::make_shared<arrow::StructScalar>(std::move(children), converted->type());
  } else {
    ARROW_ASSIGN_OR_RAISE(scalar, ToArrowScalar(*value, converted->type()));
  }
  (*fill)[field.id] = scalar;
  return scalar;
}

}  // namespace

Result<ScalarPtr> ToArrowScalar(const Value& value, const TypePtr& type) {
  if (std::holds_alternative<std::monostate>(value)) return arrow::MakeNullScalar(type);
  if (auto scalar = FromValue(value, type)) return scalar;
  return Error(ErrorKind::kCorrupt, "a value is no ", type->ToString());
}

Result<FillValues> DefaultsOf(const std::vector<NestedField>& fields) {
  FillValues fill;
  for (const auto& field : fields) ARROW_RETURN_NOT_OK(AddDefault(field, &fill).status());
  return fill;
}

Status AddPartitionValues(const iceberg::PartitionSpec& spec, const std::vector<Value>& values,
                          const iceberg::Schema& schema, FillValues* fill) {
  for (size_t i = 0; i < spec.fields.size() && i < values.size(); ++i) {
    const auto& field = spec.fields[i];
    const NestedField* source = schema.FindField(field.source_id);
    if (field.transform != "identity" || source == nullptr) continue;
    ARROW_ASSIGN_OR_RAISE(const auto column, ToArrowField(*source));
    auto value = ToArrowScalar(values[i], column->type());
    if (!value.ok()) {
      return WithContext(value.status(), "partition field '" + field.name + "'");
    }
    (*fill)[source->id] = *std::move(value);
  }
  return Status::OK();
}

}  // namespace tarn
