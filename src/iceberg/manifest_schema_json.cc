// SPDX-License-Identifier: Apache-2.0
#include <cctype>
#include <optional>
#include <set>
#include <utility>

#include "iceberg/json_fields.h"
#include "iceberg/manifest_schema.h"
#include "iceberg/partition.h"
#include "iceberg/partition_json.h"
#include "iceberg/value.h"

namespace tarn::iceberg {
namespace {

Json Field(const char* name, Json type, const char* doc, int32_t id) {
  Json field{{"name", name}, {"type", std::move(type)}};
  if (doc[0] != '\0') field["doc"] = doc;
  field["field-id"] = id;
  return field;
}

Json OptionalField(const char* name, Json type, const char* doc, int32_t id) {
  Json field{{"name", name}, {"type", Json::array({"null", std::move(type)})}};
  if (doc[0] != '\0') field["doc"] = doc;
  field["default"] = nullptr;
  field["field-id"] = id;
  return field;
}

/// A map with integer keys, which Avro does not have: an array of key-value records.
Json IntMap(int32_t key_id, int32_t value_id, const char* value_type) {
  const std::string name = "k" + std::to_string(key_id) + "_v" + std::to_string(value_id);
  Json record{{"type", "record"},
              {"name", name},
              {"fields", Json::array({Field("key", "int", "", key_id),
                                      Field("value", value_type, "", value_id)})}};
  return Json{{"type", "array"}, {"items", std::move(record)}, {"logicalType", "map"}};
}

Json List(const char* item, int32_t element_id) {
  return Json{{"type", "array"}, {"items", item}, {"element-id", element_id}};
}

/// Bytes that hold any unscaled value of so many digits.
int32_t DecimalFixedBytes(int32_t precision) {
  __int128 largest = 1;
  for (int32_t i = 0; i < precision; ++i) largest *= 10;
  return static_cast<int32_t>(DecimalBytes(largest - 1).size());
}

/// A named type is written out once and then only named.
Json Named(Json type, std::set<std::string>* names) {
  const std::string name = type["name"].get<std::string>();
  return names->insert(name).second ? type : Json(name);
}

Json PartitionValueType(const Type& type, std::set<std::string>* names) {
  const auto logical = [](const char* base, const char* name) {
    return Json{{"type", base}, {"logicalType", name}};
  };
  const auto timestamp = [&](const char* name, bool utc) {
    Json json = logical("long", name);
    json["adjust-to-utc"] = utc;
    return json;
  };
  switch (type.id) {
    case TypeId::kDate:
      return logical("int", "date");
    case TypeId::kTime:
      return logical("long", "time-micros");
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      return timestamp("timestamp-micros", type.id == TypeId::kTimestampTz);
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      return timestamp("timestamp-nanos", type.id == TypeId::kTimestampTzNs);
    case TypeId::kUuid:
      return Named(
          Json{{"type", "fixed"}, {"name", "uuid_fixed"}, {"size", 16}, {"logicalType", "uuid"}},
          names);
    case TypeId::kFixed:
      return Named(Json{{"type", "fixed"},
                        {"name", "fixed_" + std::to_string(type.length)},
                        {"size", type.length}},
                   names);
    case TypeId::kDecimal:
      return Named(Json{{"type", "fixed"},
                        {"name", "decimal_" + std::to_string(type.precision) + "_" +
                                     std::to_string(type.scale)},
                        {"size", DecimalFixedBytes(type.precision)},
                        {"logicalType", "decimal"},
                        {"precision", type.precision},
                        {"scale", type.scale}},
                   names);
    case TypeId::kBinary:
      return "bytes";
    default:
      return type.ToString();
  }
}

/// Avro names are made of letters, digits and '_'.
std::string AvroName(const std::string& name) {
  std::string safe;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalpha(byte) != 0 || c == '_' || (std::isdigit(byte) != 0 && !safe.empty())) {
      safe += c;
    } else if (std::isdigit(byte) != 0) {
      safe += std::string("_") + c;
    } else {
      static constexpr char kHex[] = "0123456789ABCDEF";
      safe += std::string("_x") + kHex[byte >> 4] + kHex[byte & 15];
    }
  }
  return safe;
}

Json PartitionRecord(const std::vector<NestedField>& partition) {
  Json fields = Json::array();
  std::set<std::string> names;
  for (const auto& field : partition) {
    const std::string name = AvroName(field.name);
    Json json = OptionalField(name.c_str(), PartitionValueType(field.type, &names), "", field.id);
    if (name != field.name) json["iceberg-field-name"] = field.name;
    fields.push_back(std::move(json));
  }
  return Json{{"type", "record"}, {"name", "r102"}, {"fields", std::move(fields)}};
}

Json DataFileRecord(int32_t format_version, const std::vector<NestedField>& partition) {
  Json fields = Json::array({
      Field("content", "int",
            "Contents of the file: 0=data, 1=position deletes, 2=equality deletes", 134),
      Field("file_path", "string", "Location URI with FS scheme", 100),
      Field("file_format", "string", "File format name: avro, orc, or parquet", 101),
      Field("partition", PartitionRecord(partition),
            "Partition data tuple, schema based on the partition spec", 102),
      Field("record_count", "long", "Number of records in the file", 103),
      Field("file_size_in_bytes", "long", "Total file size in bytes", 104),
      OptionalField("column_sizes", IntMap(117, 118, "long"),
                    "Map of column id to total size on disk", 108),
      OptionalField("value_counts", IntMap(119, 120, "long"),
                    "Map of column id to total count, including null and NaN", 109),
      OptionalField("null_value_counts", IntMap(121, 122, "long"),
                    "Map of column id to null value count", 110),
      OptionalField("nan_value_counts", IntMap(138, 139, "long"),
                    "Map of column id to number of NaN values in the column", 137),
      OptionalField("lower_bounds", IntMap(126, 127, "bytes"), "Map of column id to lower bound",
                    125),
      OptionalField("upper_bounds", IntMap(129, 130, "bytes"), "Map of column id to upper bound",
                    128),
      OptionalField("key_metadata", "bytes", "Encryption key metadata blob", 131),
      OptionalField("split_offsets", List("long", 133), "Splittable offsets", 132),
      OptionalField("equality_ids", List("int", 136), "Equality comparison field IDs", 135),
      OptionalField("sort_order_id", "int", "Sort order ID", 140),
  });
  if (format_version >= 3) {
    fields.push_back(OptionalField("first_row_id", "long",
                                   "The first row ID assigned to the first row in the data file",
                                   142));
  }
  fields.push_back(OptionalField(
      "referenced_data_file", "string",
      "Fully qualified location (URI with FS scheme) of a data file that all deletes reference",
      143));
  if (format_version >= 3) {
    fields.push_back(OptionalField("content_offset", "long",
                                   "The offset in the file where the content starts", 144));
    fields.push_back(OptionalField("content_size_in_bytes", "long",
                                   "The length of referenced content stored in the file", 145));
  }
  return Json{{"type", "record"}, {"name", "r2"}, {"fields", std::move(fields)}};
}

Json PartitionSummaryList() {
  Json record{
      {"type", "record"},
      {"name", "r508"},
      {"fields",
       Json::array({
           Field("contains_null", "boolean", "True if any file has a null partition value", 509),
           OptionalField("contains_nan", "boolean", "True if any file has a nan partition value",
                         518),
           OptionalField("lower_bound", "bytes", "Partition lower bound for all files", 510),
           OptionalField("upper_bound", "bytes", "Partition upper bound for all files", 511),
       })}};
  return Json{{"type", "array"}, {"items", std::move(record)}, {"element-id", 508}};
}

}  // namespace

std::string ManifestEntrySchemaJson(int32_t format_version,
                                    const std::vector<NestedField>& partition) {
  Json fields = Json::array({
      Field("status", "int", "", 0),
      OptionalField("snapshot_id", "long", "", 1),
      OptionalField("sequence_number", "long", "", 3),
      OptionalField("file_sequence_number", "long", "", 4),
      Field("data_file", DataFileRecord(format_version, partition), "", 2),
  });
  return JsonText(
      Json{{"type", "record"}, {"name", "manifest_entry"}, {"fields", std::move(fields)}});
}

std::string ManifestListSchemaJson(int32_t format_version) {
  Json fields = Json::array({
      Field("manifest_path", "string", "Location URI with FS scheme", 500),
      Field("manifest_length", "long", "Total file size in bytes", 501),
      Field("partition_spec_id", "int", "Spec ID used to write", 502),
      Field("content", "int", "Contents of the manifest: 0=data, 1=deletes", 517),
      Field("sequence_number", "long", "Sequence number when the manifest was added", 515),
      Field("min_sequence_number", "long", "Lowest sequence number in the manifest", 516),
      Field("added_snapshot_id", "long", "Snapshot ID that added the manifest", 503),
      Field("added_files_count", "int", "Added entry count", 504),
      Field("existing_files_count", "int", "Existing entry count", 505),
      Field("deleted_files_count", "int", "Deleted entry count", 506),
      Field("added_rows_count", "long", "Added rows count", 512),
      Field("existing_rows_count", "long", "Existing rows count", 513),
      Field("deleted_rows_count", "long", "Deleted rows count", 514),
      OptionalField("partitions", PartitionSummaryList(), "Summary for each partition", 507),
      OptionalField("key_metadata", "bytes", "Encryption key metadata blob", 519),
  });
  if (format_version >= 3) {
    fields.push_back(OptionalField(
        "first_row_id", "long", "Starting row ID to assign to new rows in ADDED data files", 520));
  }
  return JsonText(
      Json{{"type", "record"}, {"name", "manifest_file"}, {"fields", std::move(fields)}});
}

std::string PartitionFieldsToJson(const std::vector<PartitionField>& fields) {
  return JsonText(PartitionFieldsJson(fields));
}

Result<std::vector<PartitionField>> PartitionFieldsFromJson(const std::string& json,
                                                            const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(const Json parsed, ParseJson(json, name + ": partition-spec"));
  return PartitionFieldsOf(parsed, name + ": partition-spec");
}

}  // namespace tarn::iceberg
