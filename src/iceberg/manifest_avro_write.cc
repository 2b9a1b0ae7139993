// SPDX-License-Identifier: Apache-2.0
//
// Writing: the order of the calls is the order of the fields in manifest_schema_json.cc.
#include <string>
#include <utility>

#include "iceberg/avro_file.h"
#include "iceberg/manifest_avro.h"
#include "iceberg/manifest_schema.h"
#include "iceberg/schema_json.h"

namespace tarn::iceberg {
namespace {

void WriteCounts(AvroEncoder& out, const std::map<int32_t, int64_t>& counts) {
  if (counts.empty()) return out.Null();
  out.NotNull();
  out.Long(static_cast<int64_t>(counts.size()));
  for (const auto& [id, count] : counts) {
    out.Long(id);
    out.Long(count);
  }
  out.Long(0);
}

void WriteBounds(AvroEncoder& out, const std::map<int32_t, std::string>& bounds) {
  if (bounds.empty()) return out.Null();
  out.NotNull();
  out.Long(static_cast<int64_t>(bounds.size()));
  for (const auto& [id, bound] : bounds) {
    out.Long(id);
    out.Bytes(bound);
  }
  out.Long(0);
}

template <typename T>
void WriteNumbers(AvroEncoder& out, const std::vector<T>& numbers) {
  if (numbers.empty()) return out.Null();
  out.NotNull();
  out.Long(static_cast<int64_t>(numbers.size()));
  for (const T number : numbers) out.Long(number);
  out.Long(0);
}

/// Big-endian two's complement, widened by its sign.
std::string SignExtended(const std::string& bytes, size_t size) {
  const bool negative = !bytes.empty() && (static_cast<unsigned char>(bytes[0]) & 0x80) != 0;
  return std::string(size - bytes.size(), negative ? '\xff' : '\0') + bytes;
}

size_t DecimalSize(int32_t precision) {
  __int128 largest = 1;
  for (int32_t i = 0; i < precision; ++i) largest *= 10;
  return DecimalBytes(largest - 1).size();
}

Status WritePartitionValue(AvroEncoder& out, const NestedField& field, const Value& value) {
  if (std::holds_alternative<std::monostate>(value)) {
    out.Null();
    return Status::OK();
  }
  // Encoding checks that the value is of the field's type.
  ARROW_ASSIGN_OR_RAISE(const std::string bytes, EncodeValue(field.type, value));
  out.NotNull();
  if (const auto* b = std::get_if<bool>(&value)) {
    out.Boolean(*b);
  } else if (const auto* i = std::get_if<int32_t>(&value)) {
    out.Long(*i);
  } else if (const auto* l = std::get_if<int64_t>(&value)) {
    out.Long(*l);
  } else if (std::holds_alternative<float>(value) || std::holds_alternative<double>(value)) {
    out.Fixed(bytes);
  } else if (field.type.id == TypeId::kDecimal) {
    const size_t size = DecimalSize(field.type.precision);
    if (bytes.size() > size) {
      return Error(ErrorKind::kBadInput, "partition value of '", field.name, "' is too large");
    }
    out.Fixed(SignExtended(bytes, size));
  } else if (field.type.id == TypeId::kUuid || field.type.id == TypeId::kFixed) {
    out.Fixed(bytes);
  } else {
    out.Bytes(bytes);
  }
  return Status::OK();
}

Status WriteDataFile(AvroEncoder& out, const DataFile& file, int32_t format_version,
                     const std::vector<NestedField>& partition) {
  out.Long(static_cast<int64_t>(file.content));
  out.Bytes(file.file_path);
  out.Bytes(file.file_format);
  if (file.partition.size() != partition.size()) {
    return Error(ErrorKind::kBadInput, file.file_path, " has ", file.partition.size(),
                 " partition values, its spec has ", partition.size(), " fields");
  }
  for (size_t i = 0; i < partition.size(); ++i) {
    ARROW_RETURN_NOT_OK(WritePartitionValue(out, partition[i], file.partition[i]));
  }
  out.Long(file.record_count);
  out.Long(file.file_size_in_bytes);
  WriteCounts(out, file.column_sizes);
  WriteCounts(out, file.value_counts);
  WriteCounts(out, file.null_value_counts);
  WriteCounts(out, file.nan_value_counts);
  WriteBounds(out, file.lower_bounds);
  WriteBounds(out, file.upper_bounds);
  out.OptionalBytes(file.key_metadata);
  WriteNumbers(out, file.split_offsets);
  WriteNumbers(out, file.equality_ids);
  out.OptionalLong(file.sort_order_id);
  if (format_version >= 3) out.OptionalLong(file.first_row_id);
  out.OptionalBytes(file.referenced_data_file);
  if (format_version >= 3) {
    out.OptionalLong(file.content_offset);
    out.OptionalLong(file.content_size_in_bytes);
  }
  return Status::OK();
}

Status CheckEntry(const ManifestEntry& entry, ManifestContent content) {
  const DataFile& file = entry.data_file;
  if (entry.status != EntryStatus::kAdded &&
      !(entry.sequence_number && entry.file_sequence_number)) {
    return Error(ErrorKind::kBadInput, "the entry of ", file.file_path,
                 " is not new: it must have both sequence numbers");
  }
  if ((file.content == FileContent::kData) != (content == ManifestContent::kData)) {
    return Error(ErrorKind::kBadInput, file.file_path,
                 ": data files and delete files lie in different manifests");
  }
  if (file.file_path.empty() || file.record_count < 0 || file.file_size_in_bytes < 0) {
    return Error(ErrorKind::kBadInput, "the entry of '", file.file_path,
                 "' has no path, record count or size");
  }
  return Status::OK();
}

Status CheckVersion(int32_t format_version) {
  if (format_version == 2 || format_version == 3) return Status::OK();
  return Error(ErrorKind::kNotSupported, "manifests of format version ", format_version,
               " cannot be written; upgrade the table to version 2");
}

std::string Text(int64_t number) { return std::to_string(number); }

void WriteSummaries(AvroEncoder& out,
                    const std::optional<std::vector<PartitionFieldSummary>>& summaries) {
  if (!summaries) return out.Null();
  out.NotNull();
  if (!summaries->empty()) {
    out.Long(static_cast<int64_t>(summaries->size()));
    for (const auto& summary : *summaries) {
      out.Boolean(summary.contains_null);
      if (summary.contains_nan) {
        out.NotNull();
        out.Boolean(*summary.contains_nan);
      } else {
        out.Null();
      }
      out.OptionalBytes(summary.lower_bound);
      out.OptionalBytes(summary.upper_bound);
    }
  }
  out.Long(0);
}

}  // namespace

Result<std::string> ManifestToAvro(const Manifest& manifest) {
  ARROW_RETURN_NOT_OK(CheckVersion(manifest.format_version));
  ARROW_ASSIGN_OR_RAISE(const auto partition, PartitionType(manifest.spec, manifest.schema));
  const bool is_data = manifest.content == ManifestContent::kData;
  AvroFileWriter file(ManifestEntrySchemaJson(manifest.format_version, partition),
                      {{"schema", SchemaToJson(manifest.schema)},
                       {"schema-id", Text(manifest.schema.schema_id)},
                       {"partition-spec", PartitionFieldsToJson(manifest.spec.fields)},
                       {"partition-spec-id", Text(manifest.spec.spec_id)},
                       {"format-version", Text(manifest.format_version)},
                       {"content", is_data ? "data" : "deletes"}});
  for (const auto& entry : manifest.entries) {
    ARROW_RETURN_NOT_OK(CheckEntry(entry, manifest.content));
    AvroEncoder& out = file.encoder();
    out.Long(static_cast<int64_t>(entry.status));
    std::optional<int64_t> snapshot;
    if (entry.snapshot_id) snapshot = entry.snapshot_id->value();
    out.OptionalLong(snapshot);
    out.OptionalLong(entry.sequence_number);
    out.OptionalLong(entry.file_sequence_number);
    ARROW_RETURN_NOT_OK(WriteDataFile(out, entry.data_file, manifest.format_version, partition));
    file.EndRecord();
  }
  return file.Finish();
}

Result<std::string> ManifestListToAvro(const ManifestListHeader& header,
                                       const std::vector<ManifestFile>& manifests) {
  ARROW_RETURN_NOT_OK(CheckVersion(header.format_version));
  std::vector<std::pair<std::string, std::string>> keys = {
      {"snapshot-id", Text(header.snapshot_id.value())},
      {"parent-snapshot-id",
       header.parent_snapshot_id ? Text(header.parent_snapshot_id->value()) : "null"},
      {"sequence-number", Text(header.sequence_number)},
      {"format-version", Text(header.format_version)}};
  if (header.format_version >= 3) {
    keys.emplace_back("first-row-id", Text(header.first_row_id.value_or(0)));
  }
  AvroFileWriter file(ManifestListSchemaJson(header.format_version), keys);
  for (const auto& line : manifests) {
    AvroEncoder& out = file.encoder();
    out.Bytes(line.manifest_path);
    out.Long(line.manifest_length);
    out.Long(line.partition_spec_id);
    out.Long(static_cast<int64_t>(line.content));
    out.Long(line.sequence_number);
    out.Long(line.min_sequence_number);
    out.Long(line.added_snapshot_id.value());
    // Lists of version 1 may lack counts; version 2 requires them.
    out.Long(line.added_files_count.value_or(0));
    out.Long(line.existing_files_count.value_or(0));
    out.Long(line.deleted_files_count.value_or(0));
    out.Long(line.added_rows_count.value_or(0));
    out.Long(line.existing_rows_count.value_or(0));
    out.Long(line.deleted_rows_count.value_or(0));
    WriteSummaries(out, line.partitions);
    out.OptionalBytes(line.key_metadata);
    if (header.format_version >= 3) out.OptionalLong(line.first_row_id);
    file.EndRecord();
  }
  return file.Finish();
}

}  // namespace tarn::iceberg
