// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "iceberg/json_fields.h"
#include "iceberg/name_mapping.h"

namespace tarn::iceberg {
namespace {

Result<std::vector<MappedField>> FieldsOf(const std::vector<const Json*>& elements,
                                          const std::string& where) {
  std::vector<MappedField> fields;
  std::set<std::string> seen;
  for (const Json* element : elements) {
    ARROW_ASSIGN_OR_RAISE(auto object, JsonObject::Of(*element, where));
    MappedField field;
    ARROW_ASSIGN_OR_RAISE(const auto id, object.OptionalInt("field-id"));
    if (id) {
      ARROW_ASSIGN_OR_RAISE(field.field_id, ToInt32(*id, object, "field-id"));
    }
    ARROW_ASSIGN_OR_RAISE(const auto names, object.Array("names"));
    for (const Json* name : names) {
      if (!name->is_string()) return object.Corrupt("a name is not a string");
      field.names.push_back(name->get<std::string>());
      if (!seen.insert(field.names.back()).second) {
        return object.Corrupt("the name '" + field.names.back() + "' stands twice");
      }
    }
    ARROW_ASSIGN_OR_RAISE(const auto children, object.Array("fields"));
    ARROW_ASSIGN_OR_RAISE(field.fields, FieldsOf(children, where));
    fields.push_back(std::move(field));
  }
  return fields;
}

}  // namespace

Result<NameMapping> NameMapping::FromJson(std::string_view json) {
  ARROW_ASSIGN_OR_RAISE(const Json parsed, ParseJson(json, kNameMappingProperty));
  if (!parsed.is_array()) {
    return Error(ErrorKind::kCorrupt, kNameMappingProperty, " is not a JSON array");
  }
  std::vector<const Json*> elements;
  for (const auto& element : parsed) elements.push_back(&element);
  NameMapping mapping;
  ARROW_ASSIGN_OR_RAISE(mapping.fields, FieldsOf(elements, kNameMappingProperty));
  return mapping;
}

const MappedField* FindMapped(const std::vector<MappedField>& fields, std::string_view name) {
  for (const MappedField& field : fields) {
    if (std::find(field.names.begin(), field.names.end(), name) != field.names.end()) return &field;
  }
  return nullptr;
}

}  // namespace tarn::iceberg
