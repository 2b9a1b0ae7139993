// SPDX-License-Identifier: Apache-2.0
#include "iceberg/table_metadata_json.h"

#include <algorithm>
#include <utility>

#include "iceberg/partition_json.h"
#include "iceberg/schema_json_fields.h"
#include "iceberg/snapshot_json.h"

namespace tarn::iceberg {
namespace {

Result<int32_t> Int32(JsonObject& object, const char* key, std::optional<int32_t> fallback = {}) {
  ARROW_ASSIGN_OR_RAISE(const auto value, object.OptionalInt(key));
  if (!value && fallback) return *fallback;
  if (!value) return object.Corrupt(std::string("'") + key + "' is missing");
  return ToInt32(*value, object, key);
}

/// Each element of an array member through `read(json, where)`.
template <typename List, typename Read>
Status ReadAll(JsonObject& object, const char* key, List* out, Read read) {
  ARROW_ASSIGN_OR_RAISE(const auto elements, object.Array(key));
  for (const Json* element : elements) {
    ARROW_ASSIGN_OR_RAISE(auto value, read(*element, object.where() + ": " + key));
    out->push_back(std::move(value));
  }
  return Status::OK();
}

Status ReadSchemas(JsonObject& object, TableMetadata* metadata) {
  ARROW_RETURN_NOT_OK(ReadAll(object, "schemas", &metadata->schemas, SchemaOf));
  const Json* only = object.Find("schema");  // version 1
  if (metadata->schemas.empty() && only != nullptr) {
    ARROW_ASSIGN_OR_RAISE(auto schema, SchemaOf(*only, object.where() + ": schema"));
    metadata->schemas.push_back(std::move(schema));
  }
  if (metadata->schemas.empty()) return object.Corrupt("it has no schema");
  ARROW_ASSIGN_OR_RAISE(metadata->current_schema_id,
                        Int32(object, "current-schema-id", metadata->schemas.front().schema_id));
  return Status::OK();
}

Status ReadSpecs(JsonObject& object, TableMetadata* metadata) {
  ARROW_RETURN_NOT_OK(ReadAll(object, "partition-specs", &metadata->partition_specs, SpecOf));
  const Json* only = object.Find("partition-spec");  // version 1
  if (metadata->partition_specs.empty()) {
    PartitionSpec spec;
    if (only != nullptr) {
      ARROW_ASSIGN_OR_RAISE(spec.fields,
                            PartitionFieldsOf(*only, object.where() + ": partition-spec"));
    }
    metadata->partition_specs.push_back(std::move(spec));
  }
  ARROW_ASSIGN_OR_RAISE(metadata->default_spec_id, Int32(object, "default-spec-id", 0));
  int32_t highest = kNoPartitionId;
  for (const auto& spec : metadata->partition_specs) {
    for (const auto& field : spec.fields) highest = std::max(highest, field.field_id);
  }
  ARROW_ASSIGN_OR_RAISE(metadata->last_partition_id, Int32(object, "last-partition-id", highest));
  ARROW_RETURN_NOT_OK(ReadAll(object, "sort-orders", &metadata->sort_orders, SortOrderOf));
  if (metadata->sort_orders.empty()) metadata->sort_orders.emplace_back();
  ARROW_ASSIGN_OR_RAISE(metadata->default_sort_order_id, Int32(object, "default-sort-order-id", 0));
  return Status::OK();
}

Result<MetadataLogEntry> MetadataLogEntryOf(const Json& json, const std::string& where) {
  ARROW_ASSIGN_OR_RAISE(auto object, JsonObject::Of(json, where));
  MetadataLogEntry entry;
  ARROW_ASSIGN_OR_RAISE(entry.timestamp_ms, object.Int("timestamp-ms"));
  ARROW_ASSIGN_OR_RAISE(entry.metadata_file, object.String("metadata-file"));
  return entry;
}

Result<StatisticsFile> StatisticsOf(const Json& json, const std::string& where) {
  ARROW_ASSIGN_OR_RAISE(auto object, JsonObject::Of(json, where));
  ARROW_ASSIGN_OR_RAISE(const int64_t snapshot, object.Int("snapshot-id"));
  return StatisticsFile{SnapshotId(snapshot), JsonText(json)};
}

Status ReadRefs(JsonObject& object, TableMetadata* metadata) {
  if (const Json* refs = object.Find("refs")) {
    if (!refs->is_object()) return object.Corrupt("'refs' is not an object");
    for (const auto& [name, json] : refs->items()) {
      ARROW_ASSIGN_OR_RAISE(metadata->refs[name], RefOf(json, object.where() + ": ref " + name));
    }
  }
  // Version 1, and some writers of later versions, name only the current snapshot.
  if (metadata->current_snapshot_id != 0 && metadata->refs.count(kMainBranch) == 0) {
    metadata->refs[kMainBranch].snapshot_id = metadata->current_snapshot_id;
  }
  return Status::OK();
}

Status ReadHistory(JsonObject& object, TableMetadata* metadata) {
  ARROW_ASSIGN_OR_RAISE(const auto current, object.OptionalInt("current-snapshot-id"));
  metadata->current_snapshot_id = SnapshotId(current.value_or(-1) == -1 ? 0 : *current);
  const auto read = [&](const Json& json, const std::string& where) -> Result<Snapshot> {
    ARROW_ASSIGN_OR_RAISE(auto snapshot, SnapshotOf(json, where));
    if (metadata->format_version == 1) snapshot.sequence_number = 0;
    return snapshot;
  };
  ARROW_RETURN_NOT_OK(ReadAll(object, "snapshots", &metadata->snapshots, read));
  ARROW_RETURN_NOT_OK(ReadRefs(object, metadata));
  ARROW_RETURN_NOT_OK(ReadAll(object, "snapshot-log", &metadata->snapshot_log, SnapshotLogEntryOf));
  ARROW_RETURN_NOT_OK(ReadAll(object, "metadata-log", &metadata->metadata_log, MetadataLogEntryOf));
  ARROW_RETURN_NOT_OK(ReadAll(object, "statistics", &metadata->statistics, StatisticsOf));
  return ReadAll(object, "partition-statistics", &metadata->partition_statistics, StatisticsOf);
}

Result<TableMetadata> MetadataOf(const Json& json, const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(auto object, JsonObject::Of(json, name));
  TableMetadata metadata;
  ARROW_ASSIGN_OR_RAISE(metadata.format_version, Int32(object, "format-version"));
  if (metadata.format_version < 1 || metadata.format_version > kNewestFormatVersion) {
    return Error(ErrorKind::kNotSupported, name, ": table format version ", metadata.format_version,
                 "; versions 1 to ", kNewestFormatVersion, " can be read");
  }
  ARROW_ASSIGN_OR_RAISE(auto uuid, object.OptionalString("table-uuid"));
  if (!uuid && metadata.format_version > 1) return object.Corrupt("'table-uuid' is missing");
  metadata.table_uuid = std::move(uuid).value_or("");
  ARROW_ASSIGN_OR_RAISE(metadata.location, object.String("location"));
  ARROW_ASSIGN_OR_RAISE(const auto sequence, object.OptionalInt("last-sequence-number"));
  // Version 1 has no sequence numbers: what a file of it says about them is not meant.
  metadata.last_sequence_number = metadata.format_version > 1 ? sequence.value_or(0) : 0;
  ARROW_ASSIGN_OR_RAISE(metadata.last_updated_ms, object.Int("last-updated-ms"));
  ARROW_ASSIGN_OR_RAISE(metadata.last_column_id, Int32(object, "last-column-id"));
  ARROW_RETURN_NOT_OK(ReadSchemas(object, &metadata));
  ARROW_RETURN_NOT_OK(ReadSpecs(object, &metadata));
  ARROW_ASSIGN_OR_RAISE(metadata.properties, object.StringMap("properties"));
  ARROW_ASSIGN_OR_RAISE(const auto next_row_id, object.OptionalInt("next-row-id"));
  metadata.next_row_id = metadata.format_version > 2 ? next_row_id.value_or(0) : 0;
  ARROW_RETURN_NOT_OK(ReadHistory(object, &metadata));
  metadata.extra = object.Rest();
  const Status status = CheckTableMetadata(metadata);
  if (!status.ok()) return WithContext(status, name);
  return metadata;
}

Json LogsJson(const TableMetadata& metadata) {
  Json json = Json::object();
  json["statistics"] = Json::array();
  json["partition-statistics"] = Json::array();
  for (const auto& file : metadata.statistics) {
    json["statistics"].push_back(Json::parse(file.json, nullptr, /*allow_exceptions=*/false));
  }
  for (const auto& file : metadata.partition_statistics) {
    json["partition-statistics"].push_back(
        Json::parse(file.json, nullptr, /*allow_exceptions=*/false));
  }
  json["metadata-log"] = Json::array();
  for (const auto& entry : metadata.metadata_log) {
    json["metadata-log"].push_back(
        Json{{"timestamp-ms", entry.timestamp_ms}, {"metadata-file", entry.metadata_file}});
  }
  return json;
}

Json SnapshotsJson(const TableMetadata& metadata, Json json) {
  if (metadata.current_snapshot_id != 0) {
    json["current-snapshot-id"] = metadata.current_snapshot_id.value();
  } else if (metadata.format_version >= 3) {
    json["current-snapshot-id"] = nullptr;
  } else {
    json["current-snapshot-id"] = -1;
  }
  if (metadata.format_version >= 3) json["next-row-id"] = metadata.next_row_id;
  json["refs"] = Json::object();
  for (const auto& [name, ref] : metadata.refs) json["refs"][name] = RefJson(ref);
  return json;
}

// A busy table has thousands of snapshots, and all are written with every commit. They are text
// that is made once; the log of them needs no tree either.

void AppendSnapshots(const TableMetadata& metadata, std::string* text) {
  const auto render = [&](const Snapshot& snapshot) {
    return JsonText(SnapshotJson(snapshot, metadata.format_version));
  };
  *text += "\"snapshots\":[";
  for (size_t i = 0; i < metadata.snapshots.size(); ++i) {
    if (i > 0) *text += ',';
    // Version 1 leaves out what the later ones write.
    if (metadata.format_version > 1) {
      *text += metadata.snapshots.Rendered(i, render);
    } else {
      *text += render(metadata.snapshots[i]);
    }
  }
  *text += ']';
}

void AppendSnapshotLog(const TableMetadata& metadata, std::string* text) {
  *text += "\"snapshot-log\":[";
  for (const auto& entry : metadata.snapshot_log) {
    if (text->back() != '[') *text += ',';
    *text += "{\"timestamp-ms\":";
    *text += std::to_string(entry.timestamp_ms);
    *text += ",\"snapshot-id\":";
    *text += std::to_string(entry.snapshot_id.value());
    *text += '}';
  }
  *text += ']';
}

/// About the bytes of one snapshot and of its line in the log.
constexpr size_t kSnapshotBytes = 900;

}  // namespace

std::string TableMetadataToJson(const TableMetadata& metadata) {
  Json json{{"format-version", metadata.format_version}};
  if (metadata.format_version > 1 || !metadata.table_uuid.empty())
    json["table-uuid"] = metadata.table_uuid;
  json["location"] = metadata.location;
  if (metadata.format_version > 1) json["last-sequence-number"] = metadata.last_sequence_number;
  json["last-updated-ms"] = metadata.last_updated_ms;
  json["last-column-id"] = metadata.last_column_id;
  if (metadata.format_version == 1) {
    json["schema"] = SchemaJson(metadata.CurrentSchema());
    json["partition-spec"] = PartitionFieldsJson(metadata.DefaultSpec().fields);
  }
  json["current-schema-id"] = metadata.current_schema_id;
  json["schemas"] = Json::array();
  for (const auto& schema : metadata.schemas) json["schemas"].push_back(SchemaJson(schema));
  json["default-spec-id"] = metadata.default_spec_id;
  json["partition-specs"] = Json::array();
  for (const auto& spec : metadata.partition_specs) {
    json["partition-specs"].push_back(SpecJson(spec));
  }
  json["last-partition-id"] = metadata.last_partition_id;
  json["default-sort-order-id"] = metadata.default_sort_order_id;
  json["sort-orders"] = Json::array();
  for (const auto& order : metadata.sort_orders)
    json["sort-orders"].push_back(SortOrderJson(order));
  json["properties"] = metadata.properties;
  if (metadata.properties.empty()) json["properties"] = Json::object();
  json = SnapshotsJson(metadata, std::move(json));
  Json rest = LogsJson(metadata);
  MergeExtra(rest, metadata.extra);
  // Both objects have members; the texts between stand for two more.
  std::string text = JsonText(json);
  text.reserve(2 * text.size() + kSnapshotBytes * (metadata.snapshots.size() + 4));
  text.back() = ',';
  AppendSnapshots(metadata, &text);
  text += ',';
  AppendSnapshotLog(metadata, &text);
  text += ',';
  return text.append(JsonText(rest), 1);
}

Result<TableMetadata> TableMetadataFromJson(std::string_view json, std::string_view name) {
  ARROW_ASSIGN_OR_RAISE(const Json parsed, ParseJson(json, name));
  return MetadataOf(parsed, std::string(name));
}

std::string StatisticsLocation(const StatisticsFile& file) {
  const Json json = Json::parse(file.json, nullptr, /*allow_exceptions=*/false);
  const bool named =
      json.is_object() && json.contains("statistics-path") && json["statistics-path"].is_string();
  return named ? json["statistics-path"].get<std::string>() : std::string();
}

bool IsCutShortJson(std::string_view json) {
  try {
    const Json parsed = Json::parse(json.begin(), json.end());
    return false;
  } catch (const nlohmann::json::parse_error& e) {
    return e.byte > json.size();
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace tarn::iceberg
