// SPDX-License-Identifier: Apache-2.0
#include "iceberg/schema.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace tarn::iceberg {
namespace {

const NestedField* FindIn(const std::vector<NestedField>& fields, int32_t id) {
  for (const auto& field : fields) {
    if (field.id == id) return &field;
    if (const auto* inner = FindIn(field.type.fields, id)) return inner;
  }
  return nullptr;
}

int32_t HighestIn(const std::vector<NestedField>& fields) {
  int32_t highest = 0;
  for (const auto& field : fields) {
    highest = std::max({highest, field.id, HighestIn(field.type.fields)});
  }
  return highest;
}

Status CheckType(const Type& type, const std::string& path, int32_t format_version) {
  switch (type.id) {
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
    case TypeId::kUnknown:
      if (format_version < 3) {
        return Error(ErrorKind::kNotSupported, "field '", path, "': type ", type.ToString(),
                     " needs format version 3, the table has version ", format_version);
      }
      return Status::OK();
    case TypeId::kDecimal:
      if (type.precision < 1 || type.precision > 38 || type.scale < 0 ||
          type.scale > type.precision) {
        return Error(ErrorKind::kBadInput, "field '", path, "': ", type.ToString(),
                     " is not a decimal of at most 38 digits");
      }
      return Status::OK();
    case TypeId::kFixed:
      if (type.length < 1) {
        return Error(ErrorKind::kBadInput, "field '", path, "': fixed of length ", type.length);
      }
      return Status::OK();
    default:
      return Status::OK();
  }
}

Status CheckFields(const std::vector<NestedField>& fields, const std::string& prefix,
                   int32_t format_version, std::set<int32_t>* ids) {
  std::set<std::string_view> names;
  for (const auto& field : fields) {
    const std::string path = prefix + field.name;
    if (field.name.empty()) {
      return Error(ErrorKind::kBadInput, "field ", field.id, " under '", prefix, "' has no name");
    }
    if (!names.insert(field.name).second) {
      return Error(ErrorKind::kBadInput, "two fields are named '", path, "'");
    }
    if (field.id < 1 || !ids->insert(field.id).second) {
      return Error(ErrorKind::kBadInput, "field '", path, "' has the id ", field.id,
                   ", which is not positive or used twice");
    }
    ARROW_RETURN_NOT_OK(CheckType(field.type, path, format_version));
    ARROW_RETURN_NOT_OK(CheckFields(field.type.fields, path + ".", format_version, ids));
  }
  return Status::OK();
}

/// One level: all fields, then their children.
void AssignLevel(std::vector<NestedField>& fields, int32_t* next,
                 std::map<int32_t, int32_t>* moved) {
  for (auto& field : fields) {
    (*moved)[field.id] = *next;
    field.id = (*next)++;
  }
  for (auto& field : fields) AssignLevel(field.type.fields, next, moved);
}

const NestedField* FindNamed(const std::vector<NestedField>& fields, std::string_view name) {
  const auto it = std::find_if(fields.begin(), fields.end(),
                               [&](const NestedField& field) { return field.name == name; });
  return it == fields.end() ? nullptr : &*it;
}

}  // namespace

bool operator==(const Type& a, const Type& b) {
  return a.id == b.id && a.length == b.length && a.precision == b.precision && a.scale == b.scale &&
         a.fields == b.fields && a.other == b.other;
}

bool operator==(const NestedField& a, const NestedField& b) {
  return a.id == b.id && a.name == b.name && a.required == b.required && a.type == b.type &&
         a.doc == b.doc && a.extra == b.extra;
}

bool operator==(const Schema& a, const Schema& b) {
  return a.schema_id == b.schema_id && a.SameAs(b);
}

Type Type::Of(TypeId primitive) {
  Type type;
  type.id = primitive;
  return type;
}

Type Type::Fixed(int32_t length) {
  Type type = Of(TypeId::kFixed);
  type.length = length;
  return type;
}

Type Type::Decimal(int32_t precision, int32_t scale) {
  Type type = Of(TypeId::kDecimal);
  type.precision = precision;
  type.scale = scale;
  return type;
}

Type Type::Struct(std::vector<NestedField> fields) {
  Type type = Of(TypeId::kStruct);
  type.fields = std::move(fields);
  return type;
}

Type Type::List(int32_t element_id, Type element, bool element_required) {
  Type type = Of(TypeId::kList);
  type.fields.push_back({element_id, "element", element_required, std::move(element), {}, {}});
  return type;
}

Type Type::Map(int32_t key_id, Type key, int32_t value_id, Type value, bool value_required) {
  Type type = Of(TypeId::kMap);
  type.fields.push_back({key_id, "key", true, std::move(key), {}, {}});
  type.fields.push_back({value_id, "value", value_required, std::move(value), {}, {}});
  return type;
}

std::string Type::ToString() const {
  switch (id) {
    case TypeId::kBoolean:
      return "boolean";
    case TypeId::kInt:
      return "int";
    case TypeId::kLong:
      return "long";
    case TypeId::kFloat:
      return "float";
    case TypeId::kDouble:
      return "double";
    case TypeId::kDate:
      return "date";
    case TypeId::kTime:
      return "time";
    case TypeId::kTimestamp:
      return "timestamp";
    case TypeId::kTimestampTz:
      return "timestamptz";
    case TypeId::kTimestampNs:
      return "timestamp_ns";
    case TypeId::kTimestampTzNs:
      return "timestamptz_ns";
    case TypeId::kString:
      return "string";
    case TypeId::kUuid:
      return "uuid";
    case TypeId::kBinary:
      return "binary";
    case TypeId::kUnknown:
      return "unknown";
    case TypeId::kFixed:
      return "fixed[" + std::to_string(length) + "]";
    case TypeId::kDecimal:
      return "decimal(" + std::to_string(precision) + ", " + std::to_string(scale) + ")";
    case TypeId::kList:
      return "list<" + fields[0].type.ToString() + ">";
    case TypeId::kMap:
      return "map<" + fields[0].type.ToString() + ", " + fields[1].type.ToString() + ">";
    case TypeId::kOther:
      return other;
    case TypeId::kStruct: {
      std::string text = "struct<";
      for (const auto& field : fields) {
        if (text.size() > 7) text += ", ";
        text += field.name + ": " + field.type.ToString();
      }
      return text + ">";
    }
  }
  return "?";
}

const NestedField* Schema::FindField(int32_t id) const { return FindIn(fields, id); }

const NestedField* Schema::FindColumn(std::string_view name) const {
  return FindNamed(fields, name);
}

const NestedField* Schema::FindPath(std::string_view path) const {
  // A name may itself hold dots: try the whole, then ever shorter beginnings.
  const std::vector<NestedField>* level = &fields;
  const NestedField* found = nullptr;
  while (!path.empty()) {
    size_t length = path.size();
    for (;;) {
      found = FindNamed(*level, path.substr(0, length));
      if (found != nullptr || length == 0) break;
      const size_t dot = path.rfind('.', length - 1);
      length = dot == std::string_view::npos ? 0 : dot;
    }
    if (found == nullptr || length == path.size()) return found;
    path.remove_prefix(length + 1);
    level = &found->type.fields;
  }
  return nullptr;
}

int32_t Schema::HighestFieldId() const { return HighestIn(fields); }

bool Schema::SameAs(const Schema& other) const {
  return fields == other.fields && identifier_field_ids == other.identifier_field_ids &&
         extra == other.extra;
}

Status Schema::Validate(int32_t format_version) const {
  std::set<int32_t> ids;
  ARROW_RETURN_NOT_OK(CheckFields(fields, "", format_version, &ids));
  for (const int32_t id : identifier_field_ids) {
    const NestedField* field = FindField(id);
    if (field == nullptr || !field->required || field->type.is_nested()) {
      return Error(ErrorKind::kBadInput, "identifier field ", id,
                   field == nullptr ? " does not exist" : " is not a required primitive column");
    }
  }
  return Status::OK();
}

int32_t AssignFreshIds(Schema& schema, int32_t first_id) {
  std::map<int32_t, int32_t> moved;
  int32_t next = first_id;
  AssignLevel(schema.fields, &next, &moved);
  for (int32_t& id : schema.identifier_field_ids) {
    const auto it = moved.find(id);
    if (it != moved.end()) id = it->second;
  }
  return next - 1;
}

}  // namespace tarn::iceberg
