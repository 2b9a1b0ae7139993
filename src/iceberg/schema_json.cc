// SPDX-License-Identifier: Apache-2.0
#include "iceberg/schema_json.h"

#include <charconv>
#include <utility>

#include "iceberg/schema_json_fields.h"

namespace tarn::iceberg {
namespace {

constexpr std::pair<TypeId, std::string_view> kNames[] = {
    {TypeId::kBoolean, "boolean"},
    {TypeId::kInt, "int"},
    {TypeId::kLong, "long"},
    {TypeId::kFloat, "float"},
    {TypeId::kDouble, "double"},
    {TypeId::kDate, "date"},
    {TypeId::kTime, "time"},
    {TypeId::kTimestamp, "timestamp"},
    {TypeId::kTimestampTz, "timestamptz"},
    {TypeId::kString, "string"},
    {TypeId::kUuid, "uuid"},
    {TypeId::kBinary, "binary"},
    {TypeId::kTimestampNs, "timestamp_ns"},
    {TypeId::kTimestampTzNs, "timestamptz_ns"},
    {TypeId::kUnknown, "unknown"},
};

/// The numbers of "name[a]" or "name(a, b)": true when exactly `count` stand between the brackets.
bool ParseArguments(std::string_view text, std::string_view before, char close, int count,
                    int32_t* out) {
  if (text.substr(0, before.size()) != before || text.back() != close) return false;
  text = text.substr(before.size(), text.size() - before.size() - 1);
  for (int i = 0; i < count; ++i) {
    while (!text.empty() && (text.front() == ' ' || (i > 0 && text.front() == ','))) {
      text.remove_prefix(1);
    }
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out[i]);
    if (error != std::errc()) return false;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
  }
  return text.find_first_not_of(' ') == std::string_view::npos;
}

Type PrimitiveOf(const std::string& text) {
  for (const auto& [id, name] : kNames) {
    if (text == name) return Type::Of(id);
  }
  int32_t arguments[2] = {0, 0};
  if (ParseArguments(text, "fixed[", ']', 1, arguments)) return Type::Fixed(arguments[0]);
  if (ParseArguments(text, "decimal(", ')', 2, arguments)) {
    return Type::Decimal(arguments[0], arguments[1]);
  }
  Type type = Type::Of(TypeId::kOther);
  type.other = JsonText(text);
  return type;
}

Result<Type> TypeOf(const Json& json, const std::string& where);

Result<int32_t> Id(JsonObject& object, const char* key) {
  ARROW_ASSIGN_OR_RAISE(const int64_t id, object.Int(key));
  return ToInt32(id, object, key);
}

Result<bool> Required(JsonObject& object, const char* key) {
  ARROW_ASSIGN_OR_RAISE(const auto required, object.OptionalBool(key));
  return required.value_or(false);
}

Result<Type> MemberType(JsonObject& object, const char* key) {
  const Json* json = object.Find(key);
  if (json == nullptr) return object.Corrupt(std::string("'") + key + "' is missing");
  return TypeOf(*json, object.where() + "." + key);
}

Result<std::vector<NestedField>> FieldsOf(JsonObject& object) {
  std::vector<NestedField> fields;
  ARROW_ASSIGN_OR_RAISE(const auto elements, object.Array("fields"));
  for (const Json* element : elements) {
    ARROW_ASSIGN_OR_RAISE(auto member, JsonObject::Of(*element, object.where() + ".fields"));
    NestedField field;
    ARROW_ASSIGN_OR_RAISE(field.id, Id(member, "id"));
    ARROW_ASSIGN_OR_RAISE(field.name, member.String("name"));
    ARROW_ASSIGN_OR_RAISE(field.required, Required(member, "required"));
    ARROW_ASSIGN_OR_RAISE(field.type, MemberType(member, "type"));
    ARROW_ASSIGN_OR_RAISE(field.doc, member.OptionalString("doc"));
    field.extra = member.Rest();
    fields.push_back(std::move(field));
  }
  return fields;
}

Result<Type> TypeOf(const Json& json, const std::string& where) {
  if (json.is_string()) return PrimitiveOf(json.get<std::string>());
  ARROW_ASSIGN_OR_RAISE(auto object, JsonObject::Of(json, where));
  ARROW_ASSIGN_OR_RAISE(const std::string name, object.String("type"));
  if (name == "struct") {
    ARROW_ASSIGN_OR_RAISE(auto fields, FieldsOf(object));
    return Type::Struct(std::move(fields));
  }
  if (name == "list") {
    ARROW_ASSIGN_OR_RAISE(const int32_t id, Id(object, "element-id"));
    ARROW_ASSIGN_OR_RAISE(auto element, MemberType(object, "element"));
    ARROW_ASSIGN_OR_RAISE(const bool required, Required(object, "element-required"));
    return Type::List(id, std::move(element), required);
  }
  if (name == "map") {
    ARROW_ASSIGN_OR_RAISE(const int32_t key_id, Id(object, "key-id"));
    ARROW_ASSIGN_OR_RAISE(auto key, MemberType(object, "key"));
    ARROW_ASSIGN_OR_RAISE(const int32_t value_id, Id(object, "value-id"));
    ARROW_ASSIGN_OR_RAISE(auto value, MemberType(object, "value"));
    ARROW_ASSIGN_OR_RAISE(const bool required, Required(object, "value-required"));
    return Type::Map(key_id, std::move(key), value_id, std::move(value), required);
  }
  Type type = Type::Of(TypeId::kOther);
  type.other = JsonText(json);
  return type;
}

Json TypeJson(const Type& type);

Json FieldsJson(const std::vector<NestedField>& fields) {
  Json array = Json::array();
  for (const auto& field : fields) {
    Json json{{"id", field.id},
              {"name", field.name},
              {"required", field.required},
              {"type", TypeJson(field.type)}};
    if (field.doc) json["doc"] = *field.doc;
    MergeExtra(json, field.extra);
    array.push_back(std::move(json));
  }
  return array;
}

Json TypeJson(const Type& type) {
  switch (type.id) {
    case TypeId::kStruct:
      return Json{{"type", "struct"}, {"fields", FieldsJson(type.fields)}};
    case TypeId::kList:
      return Json{{"type", "list"},
                  {"element-id", type.fields[0].id},
                  {"element", TypeJson(type.fields[0].type)},
                  {"element-required", type.fields[0].required}};
    case TypeId::kMap:
      return Json{{"type", "map"},
                  {"key-id", type.fields[0].id},
                  {"key", TypeJson(type.fields[0].type)},
                  {"value-id", type.fields[1].id},
                  {"value", TypeJson(type.fields[1].type)},
                  {"value-required", type.fields[1].required}};
    case TypeId::kOther:
      return Json::parse(type.other, nullptr, /*allow_exceptions=*/false);
    default:
      return type.ToString();
  }
}

}  // namespace

Json SchemaJson(const Schema& schema) {
  Json json{
      {"type", "struct"}, {"schema-id", schema.schema_id}, {"fields", FieldsJson(schema.fields)}};
  if (!schema.identifier_field_ids.empty()) {
    json["identifier-field-ids"] = schema.identifier_field_ids;
  }
  MergeExtra(json, schema.extra);
  return json;
}

Result<Schema> SchemaOf(const Json& json, const std::string& where) {
  ARROW_ASSIGN_OR_RAISE(auto object, JsonObject::Of(json, where));
  Schema schema;
  object.Find("type");
  ARROW_ASSIGN_OR_RAISE(const auto id, object.OptionalInt("schema-id"));
  ARROW_ASSIGN_OR_RAISE(schema.schema_id, ToInt32(id.value_or(0), object, "schema-id"));
  ARROW_ASSIGN_OR_RAISE(schema.fields, FieldsOf(object));
  ARROW_ASSIGN_OR_RAISE(schema.identifier_field_ids, object.IntArray("identifier-field-ids"));
  schema.extra = object.Rest();
  return schema;
}

std::string SchemaToJson(const Schema& schema) { return JsonText(SchemaJson(schema)); }

Result<Schema> SchemaFromJson(std::string_view json, std::string_view name) {
  ARROW_ASSIGN_OR_RAISE(const Json parsed, ParseJson(json, name));
  return SchemaOf(parsed, std::string(name) + ": schema");
}

}  // namespace tarn::iceberg
