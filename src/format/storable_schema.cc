// SPDX-License-Identifier: Apache-2.0
#include "format/storable_schema.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <set>
#include <vector>

#include "arrow/extension/uuid.h"
#include "arrow/type.h"
#include "arrow/util/key_value_metadata.h"
#include "arrow/util/utf8.h"

namespace tarn::format {
namespace {

using arrow::DataType;
using arrow::Field;
using arrow::Type;
using TypePtr = std::shared_ptr<DataType>;

// Iceberg's largest decimal.
constexpr int32_t kMaxDecimalPrecision = 38;

Result<TypePtr> StorableType(const TypePtr& type, const std::string& path);

Status Refused(const std::string& path, const DataType& type, const char* why) {
  return Error(ErrorKind::kBadInput, "field '", path, "': type ", type.ToString(),
               " cannot be stored: ", why);
}

std::shared_ptr<const arrow::KeyValueMetadata> OnlyFieldId(const Field& field) {
  if (field.metadata() == nullptr) return nullptr;
  const int at = field.metadata()->FindKey(kFieldIdKey);
  if (at < 0) return nullptr;
  return arrow::key_value_metadata({kFieldIdKey}, {field.metadata()->value(at)});
}

Status CheckNames(const arrow::FieldVector& fields, const std::string& parent) {
  std::set<std::string> seen;
  for (const auto& field : fields) {
    if (field->name().empty()) {
      return Error(ErrorKind::kBadInput, parent.empty() ? "the schema" : "field '" + parent + "'",
                   " has a field with an empty name");
    }
    if (!IsUtf8(field->name())) {
      return Error(ErrorKind::kBadInput, "a field name under '", parent, "' is not UTF-8");
    }
    if (!seen.insert(field->name()).second) {
      return Error(ErrorKind::kBadInput, "field name '", JoinPath(parent, field->name()),
                   "' appears twice");
    }
  }
  return Status::OK();
}

/// A child of a list or map under its fixed name.
Result<std::shared_ptr<Field>> StorableChild(const Field& child, const char* name, bool nullable,
                                             const std::string& parent) {
  ARROW_ASSIGN_OR_RAISE(TypePtr type, StorableType(child.type(), JoinPath(parent, name)));
  return arrow::field(name, std::move(type), nullable, OnlyFieldId(child));
}

Result<TypePtr> StorableDecimal(const TypePtr& type, const std::string& path) {
  const auto& decimal = static_cast<const arrow::DecimalType&>(*type);
  if (decimal.precision() > kMaxDecimalPrecision) {
    return Refused(path, *type, "the largest precision is 38");
  }
  if (decimal.scale() < 0 || decimal.scale() > decimal.precision()) {
    return Refused(path, *type, "the scale must lie between 0 and the precision");
  }
  return arrow::decimal128(decimal.precision(), decimal.scale());
}

Result<TypePtr> StorableStruct(const TypePtr& type, const std::string& path) {
  if (type->num_fields() == 0) return Refused(path, *type, "a struct needs at least one field");
  ARROW_RETURN_NOT_OK(CheckNames(type->fields(), path));
  arrow::FieldVector fields;
  for (const auto& child : type->fields()) {
    ARROW_ASSIGN_OR_RAISE(auto field, StorableField(*child, path));
    fields.push_back(std::move(field));
  }
  return arrow::struct_(std::move(fields));
}

Result<TypePtr> StorableMap(const TypePtr& type, const std::string& path) {
  const auto& map = static_cast<const arrow::MapType&>(*type);
  ARROW_ASSIGN_OR_RAISE(auto key, StorableChild(*map.key_field(), "key", false, path));
  ARROW_ASSIGN_OR_RAISE(
      auto value, StorableChild(*map.item_field(), "value", map.item_field()->nullable(), path));
  return std::make_shared<arrow::MapType>(std::move(key), std::move(value));
}

Result<TypePtr> StorableList(const TypePtr& type, const std::string& path) {
  const Field& child = *type->field(0);
  ARROW_ASSIGN_OR_RAISE(auto element, StorableChild(child, "element", child.nullable(), path));
  return arrow::list(std::move(element));
}

Result<TypePtr> StorableExtension(const TypePtr& type, const std::string& path) {
  const auto& extension = static_cast<const arrow::ExtensionType&>(*type);
  if (extension.extension_name() == "arrow.uuid") return arrow::extension::uuid();
  return StorableType(extension.storage_type(), path);
}

Result<TypePtr> StorableNested(const TypePtr& type, const std::string& path) {
  switch (type->id()) {
    case Type::DECIMAL32:
    case Type::DECIMAL64:
    case Type::DECIMAL128:
    case Type::DECIMAL256:
      return StorableDecimal(type, path);
    case Type::STRUCT:
      return StorableStruct(type, path);
    case Type::MAP:
      return StorableMap(type, path);
    case Type::LIST:
    case Type::LARGE_LIST:
    case Type::FIXED_SIZE_LIST:
    case Type::LIST_VIEW:
    case Type::LARGE_LIST_VIEW:
      return StorableList(type, path);
    case Type::DICTIONARY:
      return StorableType(static_cast<const arrow::DictionaryType&>(*type).value_type(), path);
    case Type::RUN_END_ENCODED:
      return StorableType(static_cast<const arrow::RunEndEncodedType&>(*type).value_type(), path);
    case Type::EXTENSION:
      return StorableExtension(type, path);
    case Type::DURATION:
      return Refused(path, *type, "Iceberg has no durations; cast it to int64");
    case Type::INTERVAL_MONTHS:
    case Type::INTERVAL_DAY_TIME:
    case Type::INTERVAL_MONTH_DAY_NANO:
      return Refused(path, *type, "Iceberg has no intervals; store its parts as integers");
    case Type::SPARSE_UNION:
    case Type::DENSE_UNION:
      return Refused(path, *type, "Iceberg has no unions; use a struct of optional fields");
    default:
      return Refused(path, *type, "Iceberg has no such type");
  }
}

Result<TypePtr> StorableType(const TypePtr& type, const std::string& path) {
  switch (type->id()) {
    case Type::BOOL:
    case Type::INT32:
    case Type::INT64:
    case Type::FLOAT:
    case Type::DOUBLE:
    case Type::DATE32:
    case Type::STRING:
    case Type::BINARY:
      return type;
    case Type::INT8:
    case Type::INT16:
    case Type::UINT8:
    case Type::UINT16:
      return arrow::int32();
    case Type::UINT32:
      return arrow::int64();
    case Type::UINT64:
      return arrow::decimal128(20, 0);
    case Type::HALF_FLOAT:
      return arrow::float32();
    case Type::DATE64:
      return arrow::date32();
    case Type::TIME32:
    case Type::TIME64:
      return arrow::time64(arrow::TimeUnit::MICRO);
    case Type::TIMESTAMP: {
      // The zone's name is not stored: Iceberg keeps instants.
      const bool zoned = !static_cast<const arrow::TimestampType&>(*type).timezone().empty();
      return zoned ? arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")
                   : arrow::timestamp(arrow::TimeUnit::MICRO);
    }
    case Type::LARGE_STRING:
    case Type::STRING_VIEW:
    case Type::NA:
      return arrow::utf8();
    case Type::LARGE_BINARY:
    case Type::BINARY_VIEW:
      return arrow::binary();
    case Type::FIXED_SIZE_BINARY:
      if (static_cast<const arrow::FixedSizeBinaryType&>(*type).byte_width() < 1) {
        return Refused(path, *type, "the width must be at least 1");
      }
      return type;
    default:
      return StorableNested(type, path);
  }
}

using IdVisitor = std::function<Result<int32_t>(const Field&)>;

Result<TypePtr> RebuildChildren(const TypePtr& type, const IdVisitor& id_of);

Result<std::shared_ptr<Field>> RebuildField(const Field& field, int32_t id,
                                            const IdVisitor& id_of) {
  ARROW_ASSIGN_OR_RAISE(TypePtr type, RebuildChildren(field.type(), id_of));
  return WithFieldId(*field.WithType(std::move(type)), id);
}

/// All siblings get their ids before any of their children, as Iceberg numbers fresh schemas.
Result<arrow::FieldVector> RebuildFields(const arrow::FieldVector& fields, const IdVisitor& id_of) {
  std::vector<int32_t> ids;
  for (const auto& field : fields) {
    ARROW_ASSIGN_OR_RAISE(const int32_t id, id_of(*field));
    ids.push_back(id);
  }
  arrow::FieldVector rebuilt;
  for (size_t i = 0; i < fields.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto field, RebuildField(*fields[i], ids[i], id_of));
    rebuilt.push_back(std::move(field));
  }
  return rebuilt;
}

Result<TypePtr> RebuildChildren(const TypePtr& type, const IdVisitor& id_of) {
  switch (type->id()) {
    case Type::STRUCT: {
      ARROW_ASSIGN_OR_RAISE(auto fields, RebuildFields(type->fields(), id_of));
      return arrow::struct_(std::move(fields));
    }
    case Type::LIST: {
      ARROW_ASSIGN_OR_RAISE(auto fields, RebuildFields(type->fields(), id_of));
      return arrow::list(std::move(fields[0]));
    }
    case Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(*type);
      ARROW_ASSIGN_OR_RAISE(auto fields, RebuildFields({map.key_field(), map.item_field()}, id_of));
      return std::make_shared<arrow::MapType>(std::move(fields[0]), std::move(fields[1]));
    }
    default:
      return type;
  }
}

}  // namespace

bool IsUtf8(std::string_view text) {
  // Without its tables Arrow takes any bytes for valid text, and it fills them on request only.
  static const bool initialized = (arrow::util::InitializeUTF8(), true);
  return initialized && arrow::util::ValidateUTF8(text);
}

std::string JoinPath(const std::string& parent, const std::string& name) {
  return parent.empty() ? name : parent + "." + name;
}

Result<int32_t> FieldIdOf(const Field& field) {
  if (field.metadata() == nullptr) return -1;
  const int at = field.metadata()->FindKey(kFieldIdKey);
  if (at < 0) return -1;
  const std::string& text = field.metadata()->value(at);
  int32_t id = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id < -1) {
    return Error(ErrorKind::kBadInput, "field '", field.name(), "': '", text,
                 "' is not a field id");
  }
  return id;
}

std::shared_ptr<Field> WithFieldId(const Field& field, int32_t id) {
  return field.WithMetadata(arrow::key_value_metadata({kFieldIdKey}, {std::to_string(id)}));
}

Result<std::shared_ptr<Field>> StorableField(const Field& field, const std::string& parent) {
  ARROW_ASSIGN_OR_RAISE(TypePtr type, StorableType(field.type(), JoinPath(parent, field.name())));
  // A column of nulls can only be optional.
  const bool nullable = field.nullable() || field.type()->id() == Type::NA;
  return arrow::field(field.name(), std::move(type), nullable, OnlyFieldId(field));
}

Result<std::shared_ptr<arrow::Schema>> StorableSchema(const arrow::Schema& schema) {
  ARROW_RETURN_NOT_OK(CheckNames(schema.fields(), ""));
  arrow::FieldVector fields;
  for (const auto& field : schema.fields()) {
    ARROW_ASSIGN_OR_RAISE(auto stored, StorableField(*field));
    fields.push_back(std::move(stored));
  }
  return arrow::schema(std::move(fields));
}

Result<std::shared_ptr<arrow::Schema>> AssignFieldIds(const arrow::Schema& schema) {
  std::set<int32_t> used;
  int32_t largest = 0;
  const IdVisitor collect = [&](const Field& field) -> Result<int32_t> {
    ARROW_ASSIGN_OR_RAISE(const int32_t id, FieldIdOf(field));
    if (id >= 0 && !used.insert(id).second) {
      return Error(ErrorKind::kBadInput, "field '", field.name(), "': field id ", id,
                   " is used twice");
    }
    largest = std::max(largest, id);
    return id;
  };
  ARROW_RETURN_NOT_OK(RebuildFields(schema.fields(), collect).status());
  const IdVisitor number = [&](const Field& field) -> Result<int32_t> {
    ARROW_ASSIGN_OR_RAISE(const int32_t id, FieldIdOf(field));
    return id >= 0 ? id : ++largest;
  };
  ARROW_ASSIGN_OR_RAISE(auto fields, RebuildFields(schema.fields(), number));
  return arrow::schema(std::move(fields));
}

}  // namespace tarn::format
