// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <utility>

#include "iceberg/avro_type.h"
#include "iceberg/json_fields.h"

namespace tarn::iceberg {
namespace {

using Kind = AvroType::Kind;
using TypePtr = std::shared_ptr<const AvroType>;

/// A named type may be used again and again: a small text can describe a type too large to walk.
constexpr int64_t kMaxWeight = 20'000;

constexpr std::pair<std::string_view, Kind> kPrimitives[] = {
    {"null", Kind::kNull},   {"boolean", Kind::kBoolean}, {"int", Kind::kInt},
    {"long", Kind::kLong},   {"float", Kind::kFloat},     {"double", Kind::kDouble},
    {"bytes", Kind::kBytes}, {"string", Kind::kString},
};

class SchemaParser {
 public:
  explicit SchemaParser(std::string_view file) : file_(file) {}

  Result<TypePtr> Parse(const Json& json) {
    auto type = std::make_shared<AvroType>();
    if (json.is_string()) return ByName(json.get<std::string>());
    if (json.is_array()) {
      type->kind = Kind::kUnion;
      for (const auto& branch : json) ARROW_RETURN_NOT_OK(AddBranch(*type, branch));
      return Weighed(std::move(type));
    }
    ARROW_ASSIGN_OR_RAISE(auto object, JsonObject::Of(json, file_ + ": avro.schema"));
    const Json* kind = object.Find("type");
    if (kind == nullptr) return object.Corrupt("a type has no 'type'");
    // {"type": {"type": ...}}: attributes around another type.
    if (!kind->is_string()) return Parse(*kind);
    return ParseComplex(object, kind->get<std::string>(), std::move(type));
  }

 private:
  Result<TypePtr> ByName(const std::string& name) {
    for (const auto& [text, kind] : kPrimitives) {
      if (name != text) continue;
      auto type = std::make_shared<AvroType>();
      type->kind = kind;
      return type;
    }
    const auto it = named_.find(name);
    if (it == named_.end()) {
      return Error(ErrorKind::kCorrupt, file_, ": the Avro type '", name, "' is not defined");
    }
    return it->second;
  }

  Result<TypePtr> ParseComplex(JsonObject& object, const std::string& kind,
                               std::shared_ptr<AvroType> type) {
    ARROW_ASSIGN_OR_RAISE(const auto logical, object.OptionalString("logicalType"));
    type->logical_type = logical.value_or("");
    ARROW_ASSIGN_OR_RAISE(const auto name, object.OptionalString("name"));
    if (kind == "record") {
      type->kind = Kind::kRecord;
      ARROW_ASSIGN_OR_RAISE(const auto fields, object.Array("fields"));
      for (const Json* field : fields) ARROW_RETURN_NOT_OK(AddField(*type, *field));
    } else if (kind == "array" || kind == "map") {
      type->kind = kind == "array" ? Kind::kArray : Kind::kMap;
      const Json* item = object.Find(kind == "array" ? "items" : "values");
      if (item == nullptr) return object.Corrupt("an " + kind + " has no item type");
      ARROW_RETURN_NOT_OK(AddBranch(*type, *item));
    } else if (kind == "enum") {
      type->kind = Kind::kEnum;
    } else if (kind == "fixed") {
      type->kind = Kind::kFixed;
      ARROW_ASSIGN_OR_RAISE(const int64_t size, object.Int("size"));
      if (size < 0) return object.Corrupt("a fixed type has a negative size");
      type->size = static_cast<uint64_t>(size);
    } else {
      ARROW_ASSIGN_OR_RAISE(const auto other, ByName(kind));
      const std::string logical_type = std::move(type->logical_type);
      *type = *other;
      if (!logical_type.empty()) type->logical_type = logical_type;
      return type;
    }
    ARROW_ASSIGN_OR_RAISE(TypePtr done, Weighed(std::move(type)));
    // Registered only now, so that a type cannot contain itself.
    if (name) {
      named_[*name] = done;
      named_[name->substr(name->rfind('.') + 1)] = done;
    }
    return done;
  }

  Status AddBranch(AvroType& type, const Json& json) {
    ARROW_ASSIGN_OR_RAISE(auto branch, Parse(json));
    type.branches.push_back(std::move(branch));
    return Status::OK();
  }

  Status AddField(AvroType& type, const Json& json) {
    ARROW_ASSIGN_OR_RAISE(auto object, JsonObject::Of(json, file_ + ": avro.schema"));
    AvroField field;
    ARROW_ASSIGN_OR_RAISE(field.name, object.String("name"));
    ARROW_ASSIGN_OR_RAISE(const auto id, object.OptionalInt("field-id"));
    if (id) {
      ARROW_ASSIGN_OR_RAISE(field.field_id, ToInt32(*id, object, "field-id"));
    }
    const Json* inner = object.Find("type");
    if (inner == nullptr) return object.Corrupt("field '" + field.name + "' has no type");
    ARROW_ASSIGN_OR_RAISE(field.type, Parse(*inner));
    type.fields.push_back(std::move(field));
    return Status::OK();
  }

  Result<TypePtr> Weighed(std::shared_ptr<AvroType> type) {
    for (const auto& field : type->fields) type->weight += field.type->weight;
    for (const auto& branch : type->branches) type->weight += branch->weight;
    if (type->weight > kMaxWeight) {
      return Error(ErrorKind::kCorrupt, file_, ": the Avro schema is too large");
    }
    return type;
  }

  const std::string file_;
  std::map<std::string, TypePtr> named_;
};

}  // namespace

Result<std::shared_ptr<const AvroType>> ParseAvroSchema(std::string_view json,
                                                        std::string_view name) {
  ARROW_ASSIGN_OR_RAISE(const Json parsed, ParseJson(json, std::string(name) + ": avro.schema"));
  return SchemaParser(name).Parse(parsed);
}

}  // namespace tarn::iceberg
