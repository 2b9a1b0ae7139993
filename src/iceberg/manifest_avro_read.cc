// SPDX-License-Identifier: Apache-2.0
//
// Reading: fields are taken by id from whatever record the writer describes. Writers without field
// ids are understood by the names of the specification.
#include <algorithm>
#include <charconv>
#include <utility>

#include "iceberg/avro_file.h"
#include "iceberg/manifest_avro.h"
#include "iceberg/manifest_schema.h"
#include "iceberg/schema_json.h"

namespace tarn::iceberg {
namespace {

constexpr std::pair<std::string_view, int32_t> kIdsByName[] = {
    {"status", 0},
    {"snapshot_id", 1},
    {"data_file", 2},
    {"sequence_number", 3},
    {"file_sequence_number", 4},
    {"content", 134},
    {"file_path", 100},
    {"file_format", 101},
    {"partition", 102},
    {"record_count", 103},
    {"file_size_in_bytes", 104},
    {"column_sizes", 108},
    {"value_counts", 109},
    {"null_value_counts", 110},
    {"nan_value_counts", 137},
    {"lower_bounds", 125},
    {"upper_bounds", 128},
    {"key_metadata", 131},
    {"split_offsets", 132},
    {"equality_ids", 135},
    {"sort_order_id", 140},
    {"manifest_path", 500},
    {"manifest_length", 501},
    {"partition_spec_id", 502},
    {"added_snapshot_id", 503},
};

int32_t IdOf(const AvroField& field) {
  if (field.field_id) return *field.field_id;
  for (const auto& [name, id] : kIdsByName) {
    if (field.name == name) return id;
  }
  return -1;
}

/// Calls `read(field id, type)` for each field of a record in the writer's order.
template <typename Read>
void ForEachField(AvroDecoder& in, const AvroType& type, Read read) {
  const AvroType& record = in.Resolve(type);
  if (record.kind != AvroType::Kind::kRecord) return in.Fail("a record has another type");
  for (const auto& field : record.fields) {
    if (!in.ok()) return;
    read(IdOf(field), *field.type);
  }
}

/// An array of key-value records. The value's reader is given.
template <typename V, typename Read>
std::map<int32_t, V> ReadIntMap(AvroDecoder& in, const AvroType& type, Read read) {
  std::map<int32_t, V> map;
  in.Items(type, [&](const AvroType& item) {
    const AvroType& pair = in.Resolve(item);
    if (pair.kind != AvroType::Kind::kRecord || pair.fields.size() != 2) {
      return in.Fail("a map is not made of key-value records");
    }
    const auto key = in.Integer(*pair.fields[0].type);
    auto value = read(*pair.fields[1].type);
    if (key && value) map.insert_or_assign(static_cast<int32_t>(*key), *std::move(value));
  });
  return map;
}

std::map<int32_t, int64_t> ReadCounts(AvroDecoder& in, const AvroType& type) {
  return ReadIntMap<int64_t>(in, type, [&](const AvroType& value) { return in.Integer(value); });
}

std::map<int32_t, std::string> ReadBounds(AvroDecoder& in, const AvroType& type) {
  return ReadIntMap<std::string>(in, type, [&](const AvroType& value) { return in.Text(value); });
}

template <typename T>
std::vector<T> ReadNumbers(AvroDecoder& in, const AvroType& type) {
  std::vector<T> numbers;
  in.Items(type, [&](const AvroType& item) {
    numbers.push_back(static_cast<T>(in.Integer(item).value_or(0)));
  });
  return numbers;
}

/// Values in the order of the spec, found by partition field id, else by position.
std::vector<Value> ReadPartition(AvroDecoder& in, const AvroType& type, const PartitionSpec& spec) {
  std::vector<Value> values(spec.fields.size());
  size_t position = 0;
  const AvroType& record = in.Resolve(type);
  if (record.kind == AvroType::Kind::kNull) return values;
  if (record.kind != AvroType::Kind::kRecord) {
    in.Fail("a partition is not a record");
    return values;
  }
  for (const auto& field : record.fields) {
    if (!in.ok()) break;
    const auto it =
        field.field_id
            ? std::find_if(spec.fields.begin(), spec.fields.end(),
                           [&](const PartitionField& f) { return f.field_id == *field.field_id; })
            : spec.fields.begin() + static_cast<std::ptrdiff_t>(std::min(position, values.size()));
    ++position;
    if (it == spec.fields.end()) {
      in.Skip(*field.type);
    } else {
      values[static_cast<size_t>(it - spec.fields.begin())] = in.Primitive(*field.type);
    }
  }
  return values;
}

/// The fields that only some files have.
void ReadOptionalMember(AvroDecoder& in, int32_t id, const AvroType& type, DataFile* file) {
  switch (id) {
    case 131:
      file->key_metadata = in.Text(type);
      return;
    case 132:
      file->split_offsets = ReadNumbers<int64_t>(in, type);
      return;
    case 135:
      file->equality_ids = ReadNumbers<int32_t>(in, type);
      return;
    case 140:
      if (const auto order = in.Integer(type)) file->sort_order_id = static_cast<int32_t>(*order);
      return;
    case 142:
      file->first_row_id = in.Integer(type);
      return;
    case 143:
      file->referenced_data_file = in.Text(type);
      return;
    case 144:
      file->content_offset = in.Integer(type);
      return;
    case 145:
      file->content_size_in_bytes = in.Integer(type);
      return;
    default:
      in.Skip(type);
  }
}

void ReadMember(AvroDecoder& in, int32_t id, const AvroType& type, const PartitionSpec& spec,
                DataFile* file) {
  switch (id) {
    case 134: {
      const int64_t content = in.Integer(type).value_or(0);
      if (content < 0 || content > 2) return in.Fail("a file's content is not 0, 1 or 2");
      file->content = static_cast<FileContent>(content);
      return;
    }
    case 100:
      file->file_path = in.Text(type).value_or("");
      return;
    case 101:
      file->file_format = in.Text(type).value_or("");
      for (char& c : file->file_format) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
      }
      return;
    case 102:
      file->partition = ReadPartition(in, type, spec);
      return;
    case 103:
      file->record_count = in.Integer(type).value_or(-1);
      return;
    case 104:
      file->file_size_in_bytes = in.Integer(type).value_or(-1);
      return;
    case 108:
      file->column_sizes = ReadCounts(in, type);
      return;
    case 109:
      file->value_counts = ReadCounts(in, type);
      return;
    case 110:
      file->null_value_counts = ReadCounts(in, type);
      return;
    case 137:
      file->nan_value_counts = ReadCounts(in, type);
      return;
    case 125:
      file->lower_bounds = ReadBounds(in, type);
      return;
    case 128:
      file->upper_bounds = ReadBounds(in, type);
      return;
    default:
      ReadOptionalMember(in, id, type, file);
  }
}

void ReadDataFile(AvroDecoder& in, const AvroType& type, const PartitionSpec& spec,
                  DataFile* file) {
  file->record_count = file->file_size_in_bytes = -1;
  file->spec_id = spec.spec_id;
  file->partition.resize(spec.fields.size());
  ForEachField(in, type,
               [&](int32_t id, const AvroType& member) { ReadMember(in, id, member, spec, file); });
  if (in.ok() &&
      (file->file_path.empty() || file->record_count < 0 || file->file_size_in_bytes < 0)) {
    in.Fail("a data file has no path, record count or size");
  }
}

void ReadEntry(AvroDecoder& in, const AvroType& type, const PartitionSpec& spec,
               ManifestEntry* entry) {
  bool has_status = false, has_file = false;
  ForEachField(in, type, [&](int32_t id, const AvroType& member) {
    switch (id) {
      case 0: {
        const int64_t status = in.Integer(member).value_or(-1);
        if (status < 0 || status > 2) return in.Fail("an entry's status is not 0, 1 or 2");
        entry->status = static_cast<EntryStatus>(status);
        has_status = true;
        return;
      }
      case 1:
        if (const auto snapshot = in.Integer(member)) entry->snapshot_id = SnapshotId(*snapshot);
        return;
      case 2:
        ReadDataFile(in, member, spec, &entry->data_file);
        has_file = true;
        return;
      case 3:
        entry->sequence_number = in.Integer(member);
        return;
      case 4:
        entry->file_sequence_number = in.Integer(member);
        return;
      default:
        in.Skip(member);
    }
  });
  if (in.ok() && !(has_status && has_file)) in.Fail("an entry has no status or no data file");
}

int32_t HeaderInt(const AvroFileReader& file, const std::string& key, int32_t fallback) {
  const std::string* text = file.Header(key);
  int32_t value = fallback;
  if (text != nullptr) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

std::optional<std::vector<PartitionFieldSummary>> ReadSummaries(AvroDecoder& in,
                                                                const AvroType& type) {
  std::vector<PartitionFieldSummary> summaries;
  const bool there = in.Items(type, [&](const AvroType& item) {
    PartitionFieldSummary summary;
    ForEachField(in, item, [&](int32_t id, const AvroType& member) {
      switch (id) {
        case 509:
          summary.contains_null = in.Boolean(member).value_or(true);
          return;
        case 518:
          summary.contains_nan = in.Boolean(member);
          return;
        case 510:
          summary.lower_bound = in.Text(member);
          return;
        case 511:
          summary.upper_bound = in.Text(member);
          return;
        default:
          in.Skip(member);
      }
    });
    summaries.push_back(std::move(summary));
  });
  if (!there) return std::nullopt;
  return summaries;
}

std::optional<int32_t> Narrow(std::optional<int64_t> value) {
  if (!value) return std::nullopt;
  return static_cast<int32_t>(*value);
}

void ReadCount(AvroDecoder& in, int32_t id, const AvroType& type, ManifestFile* line) {
  switch (id) {
    case 504:
      line->added_files_count = Narrow(in.Integer(type));
      return;
    case 505:
      line->existing_files_count = Narrow(in.Integer(type));
      return;
    case 506:
      line->deleted_files_count = Narrow(in.Integer(type));
      return;
    case 512:
      line->added_rows_count = in.Integer(type);
      return;
    case 513:
      line->existing_rows_count = in.Integer(type);
      return;
    case 514:
      line->deleted_rows_count = in.Integer(type);
      return;
    case 507:
      line->partitions = ReadSummaries(in, type);
      return;
    case 519:
      line->key_metadata = in.Text(type);
      return;
    case 520:
      line->first_row_id = in.Integer(type);
      return;
    default:
      in.Skip(type);
  }
}

void ReadLine(AvroDecoder& in, const AvroType& type, ManifestFile* line) {
  ForEachField(in, type, [&](int32_t id, const AvroType& member) {
    switch (id) {
      case 500:
        line->manifest_path = in.Text(member).value_or("");
        return;
      case 501:
        line->manifest_length = in.Integer(member).value_or(0);
        return;
      case 502:
        line->partition_spec_id = static_cast<int32_t>(in.Integer(member).value_or(0));
        return;
      case 517: {
        const int64_t content = in.Integer(member).value_or(0);
        if (content < 0 || content > 1) return in.Fail("a manifest's content is not 0 or 1");
        line->content = static_cast<ManifestContent>(content);
        return;
      }
      case 515:
        line->sequence_number = in.Integer(member).value_or(0);
        return;
      case 516:
        line->min_sequence_number = in.Integer(member).value_or(0);
        return;
      case 503:
        line->added_snapshot_id = SnapshotId(in.Integer(member).value_or(0));
        return;
      default:
        ReadCount(in, id, member, line);
    }
  });
  if (in.ok() && line->manifest_path.empty()) in.Fail("a manifest has no path");
}

}  // namespace

Result<Manifest> ManifestFromAvro(std::span<const std::byte> bytes, std::string_view name) {
  ARROW_ASSIGN_OR_RAISE(const auto file, AvroFileReader::Open(bytes, name));
  Manifest manifest;
  manifest.format_version = HeaderInt(file, "format-version", 1);
  const std::string* content = file.Header("content");
  if (content != nullptr && *content == "deletes") manifest.content = ManifestContent::kDeletes;
  if (const std::string* schema = file.Header("schema")) {
    ARROW_ASSIGN_OR_RAISE(manifest.schema, SchemaFromJson(*schema, name));
  }
  manifest.schema.schema_id = HeaderInt(file, "schema-id", manifest.schema.schema_id);
  manifest.spec.spec_id = HeaderInt(file, "partition-spec-id", 0);
  if (const std::string* fields = file.Header("partition-spec")) {
    ARROW_ASSIGN_OR_RAISE(manifest.spec.fields,
                          PartitionFieldsFromJson(*fields, std::string(name)));
  }
  ARROW_RETURN_NOT_OK(file.ForEach([&](AvroDecoder& in) {
    ManifestEntry entry;
    ReadEntry(in, file.schema(), manifest.spec, &entry);
    if (in.ok()) manifest.entries.push_back(std::move(entry));
    return Status::OK();
  }));
  return manifest;
}

Result<std::vector<ManifestFile>> ManifestListFromAvro(std::span<const std::byte> bytes,
                                                       std::string_view name) {
  ARROW_ASSIGN_OR_RAISE(const auto file, AvroFileReader::Open(bytes, name));
  std::vector<ManifestFile> lines;
  ARROW_RETURN_NOT_OK(file.ForEach([&](AvroDecoder& in) {
    ManifestFile line;
    ReadLine(in, file.schema(), &line);
    if (in.ok()) lines.push_back(std::move(line));
    return Status::OK();
  }));
  return lines;
}

Status InheritFrom(const ManifestFile& line, std::string_view name, Manifest* manifest) {
  const bool numbered = manifest->format_version >= 2;
  int64_t next_row_id = line.first_row_id.value_or(0);
  for (auto& entry : manifest->entries) {
    DataFile& file = entry.data_file;
    file.spec_id = line.partition_spec_id;
    if (!entry.snapshot_id) entry.snapshot_id = line.added_snapshot_id;
    if (!numbered) {
      entry.sequence_number = entry.file_sequence_number = 0;
      continue;
    }
    if (entry.status == EntryStatus::kAdded) {
      if (!entry.sequence_number) entry.sequence_number = line.sequence_number;
      if (!entry.file_sequence_number) entry.file_sequence_number = line.sequence_number;
    } else if (!entry.sequence_number) {
      // A manifest that a version 1 table left behind has sequence number 0 throughout.
      if (line.sequence_number != 0) {
        return Error(ErrorKind::kCorrupt, name, ": the entry of ", file.file_path,
                     " is not new and has no sequence number");
      }
      entry.sequence_number = 0;
    }
    if (!entry.file_sequence_number) entry.file_sequence_number = entry.sequence_number;
    if (line.first_row_id && !file.first_row_id && file.content == FileContent::kData &&
        entry.is_live()) {
      file.first_row_id = next_row_id;
      next_row_id += file.record_count;
    }
  }
  return Status::OK();
}

}  // namespace tarn::iceberg
