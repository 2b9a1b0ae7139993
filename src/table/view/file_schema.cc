// SPDX-License-Identifier: Apache-2.0
#include "table/view/file_schema.h"

#include "arrow/api.h"
#include "format/storable_schema.h"

namespace tarn {
namespace {

using iceberg::MappedField;

bool HasFieldId(const arrow::Field& field) {
  const auto id = format::FieldIdOf(field);
  if (id.ok() && *id >= 0) return true;
  for (const auto& child : field.type()->fields()) {
    if (HasFieldId(*child)) return true;
  }
  return false;
}

std::shared_ptr<arrow::Field> Mapped(const arrow::Field& field, const MappedField* mapped);

/// The children of a nested type, found under `mapped` by name; nodes of lists and maps go by the
/// names of the specification, whatever the file calls them.
std::shared_ptr<arrow::DataType> MappedType(const arrow::DataType& type,
                                            const std::shared_ptr<arrow::DataType>& same,
                                            const MappedField* mapped) {
  const auto child = [&](const arrow::Field& field, const std::string& name) {
    return Mapped(field, mapped ? iceberg::FindMapped(mapped->fields, name) : nullptr);
  };
  switch (type.id()) {
    case arrow::Type::STRUCT: {
      arrow::FieldVector fields;
      for (const auto& field : type.fields()) fields.push_back(child(*field, field->name()));
      return arrow::struct_(std::move(fields));
    }
    case arrow::Type::LIST:
      return arrow::list(child(*type.field(0), "element"));
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(type);
      return std::make_shared<arrow::MapType>(child(*map.key_field(), "key"),
                                              child(*map.item_field(), "value"));
    }
    default:
      return same;
  }
}

std::shared_ptr<arrow::Field> Mapped(const arrow::Field& field, const MappedField* mapped) {
  const auto typed = field.WithType(MappedType(*field.type(), field.type(), mapped));
  if (mapped == nullptr || !mapped->field_id) return typed;
  return format::WithFieldId(*typed, *mapped->field_id);
}

}  // namespace

Result<std::shared_ptr<arrow::Schema>> WithFieldIds(
    const std::shared_ptr<arrow::Schema>& file,
    const std::optional<iceberg::NameMapping>& mapping) {
  for (const auto& field : file->fields()) {
    if (HasFieldId(*field)) return file;
  }
  if (!mapping) {
    return Error(ErrorKind::kNotSupported,
                 "the file's columns have no field ids, and the table has no property ",
                 iceberg::kNameMappingProperty,
                 " that says which columns they are; set that property");
  }
  arrow::FieldVector fields;
  for (const auto& field : file->fields()) {
    fields.push_back(Mapped(*field, iceberg::FindMapped(mapping->fields, field->name())));
  }
  return arrow::schema(std::move(fields));
}

}  // namespace tarn
