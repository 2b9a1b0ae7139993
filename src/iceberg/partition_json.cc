// SPDX-License-Identifier: Apache-2.0
#include "iceberg/partition_json.h"

#include <optional>
#include <utility>

namespace tarn::iceberg {
namespace {

Result<int32_t> Int32(JsonObject& object, const char* key) {
  ARROW_ASSIGN_OR_RAISE(const int64_t value, object.Int(key));
  return ToInt32(value, object, key);
}

/// The first of version 3's "source-ids"; nullopt when there is none.
std::optional<int64_t> FirstSourceId(const Json& json) {
  const auto ids = json.find("source-ids");
  if (ids == json.end() || !ids->is_array() || ids->empty()) return std::nullopt;
  return IntOf((*ids)[0]);
}

/// "source-id", or the first of "source-ids" (which is kept beside it).
Result<int32_t> SourceId(JsonObject& object, const Json& json) {
  if (json.contains("source-id")) return Int32(object, "source-id");
  const auto first = FirstSourceId(json);
  if (!first) return object.Corrupt("'source-id' is missing");
  return ToInt32(*first, object, "source-ids");
}

/// A field whose "source-ids" say the same is written with these alone.
void WriteSourceId(Json& json, int32_t source_id, const std::string& extra) {
  const Json kept =
      extra.empty() ? Json() : Json::parse(extra, nullptr, /*allow_exceptions=*/false);
  if (!kept.is_object() || FirstSourceId(kept) != source_id) json["source-id"] = source_id;
}

}  // namespace

Json PartitionFieldsJson(const std::vector<PartitionField>& fields) {
  Json array = Json::array();
  for (const auto& field : fields) {
    Json json{{"name", field.name}, {"transform", field.transform}};
    WriteSourceId(json, field.source_id, field.extra);
    json["field-id"] = field.field_id;
    MergeExtra(json, field.extra);
    array.push_back(std::move(json));
  }
  return array;
}

Result<std::vector<PartitionField>> PartitionFieldsOf(const Json& json, const std::string& where) {
  const Json* array = &json;
  if (array->is_array() && array->size() == 1 && (*array)[0].contains("fields")) {
    array = &(*array)[0];
  }
  if (array->is_object() && array->contains("fields")) array = &(*array)["fields"];
  if (!array->is_array()) return Error(ErrorKind::kCorrupt, where, " is not an array of fields");
  std::vector<PartitionField> fields;
  for (const auto& element : *array) {
    ARROW_ASSIGN_OR_RAISE(auto object, JsonObject::Of(element, where));
    PartitionField field;
    ARROW_ASSIGN_OR_RAISE(field.source_id, SourceId(object, element));
    // Version 1 may leave ids out: they count up from 1000.
    ARROW_ASSIGN_OR_RAISE(const auto id, object.OptionalInt("field-id"));
    ARROW_ASSIGN_OR_RAISE(field.field_id, ToInt32(id.value_or(kNoPartitionId + 1 +
                                                              static_cast<int64_t>(fields.size())),
                                                  object, "field-id"));
    ARROW_ASSIGN_OR_RAISE(field.name, object.String("name"));
    ARROW_ASSIGN_OR_RAISE(field.transform, object.String("transform"));
    field.extra = object.Rest();
    fields.push_back(std::move(field));
  }
  return fields;
}

Json SpecJson(const PartitionSpec& spec) {
  return Json{{"spec-id", spec.spec_id}, {"fields", PartitionFieldsJson(spec.fields)}};
}

Result<PartitionSpec> SpecOf(const Json& json, const std::string& where) {
  ARROW_ASSIGN_OR_RAISE(auto object, JsonObject::Of(json, where));
  PartitionSpec spec;
  ARROW_ASSIGN_OR_RAISE(spec.spec_id, Int32(object, "spec-id"));
  const Json* fields = object.Find("fields");
  if (fields == nullptr) return object.Corrupt("'fields' is missing");
  ARROW_ASSIGN_OR_RAISE(spec.fields, PartitionFieldsOf(*fields, where));
  return spec;
}

Json SortOrderJson(const SortOrder& order) {
  Json fields = Json::array();
  for (const auto& field : order.fields) {
    Json json{{"transform", field.transform}};
    WriteSourceId(json, field.source_id, field.extra);
    json["direction"] = field.direction;
    json["null-order"] = field.null_order;
    MergeExtra(json, field.extra);
    fields.push_back(std::move(json));
  }
  return Json{{"order-id", order.order_id}, {"fields", std::move(fields)}};
}

Result<SortOrder> SortOrderOf(const Json& json, const std::string& where) {
  ARROW_ASSIGN_OR_RAISE(auto object, JsonObject::Of(json, where));
  SortOrder order;
  ARROW_ASSIGN_OR_RAISE(order.order_id, Int32(object, "order-id"));
  ARROW_ASSIGN_OR_RAISE(const auto fields, object.Array("fields"));
  for (const Json* element : fields) {
    ARROW_ASSIGN_OR_RAISE(auto member, JsonObject::Of(*element, where));
    SortField field;
    ARROW_ASSIGN_OR_RAISE(field.transform, member.String("transform"));
    ARROW_ASSIGN_OR_RAISE(field.source_id, SourceId(member, *element));
    ARROW_ASSIGN_OR_RAISE(field.direction, member.String("direction"));
    ARROW_ASSIGN_OR_RAISE(field.null_order, member.String("null-order"));
    field.extra = member.Rest();
    order.fields.push_back(std::move(field));
  }
  return order;
}

}  // namespace tarn::iceberg
