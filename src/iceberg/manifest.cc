// SPDX-License-Identifier: Apache-2.0
#include "iceberg/manifest.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tarn::iceberg {
namespace {

bool IsNan(const Value& value) {
  const auto* f = std::get_if<float>(&value);
  const auto* d = std::get_if<double>(&value);
  return (f != nullptr && std::isnan(*f)) || (d != nullptr && std::isnan(*d));
}

Status AddToSummary(const NestedField& field, const Value& value, PartitionFieldSummary* summary) {
  if (std::holds_alternative<std::monostate>(value)) {
    summary->contains_null = true;
    return Status::OK();
  }
  if (IsNan(value)) {
    summary->contains_nan = true;
    return Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(auto bytes, EncodeValue(field.type, value));
  if (!summary->lower_bound ||
      CompareEncoded(field.type, bytes, *summary->lower_bound) == std::strong_ordering::less) {
    summary->lower_bound = bytes;
  }
  if (!summary->upper_bound ||
      CompareEncoded(field.type, bytes, *summary->upper_bound) == std::strong_ordering::greater) {
    summary->upper_bound = std::move(bytes);
  }
  return Status::OK();
}

Result<std::vector<PartitionFieldSummary>> SummarizePartitions(const Manifest& manifest) {
  ARROW_ASSIGN_OR_RAISE(const auto fields, PartitionType(manifest.spec, manifest.schema));
  std::vector<PartitionFieldSummary> summaries(fields.size());
  for (size_t i = 0; i < fields.size(); ++i) {
    const TypeId id = fields[i].type.id;
    if (id == TypeId::kFloat || id == TypeId::kDouble) summaries[i].contains_nan = false;
    for (const auto& entry : manifest.entries) {
      if (entry.data_file.partition.size() != fields.size()) {
        return Error(ErrorKind::kBadInput, entry.data_file.file_path, " has ",
                     entry.data_file.partition.size(), " partition values, its spec has ",
                     fields.size(), " fields");
      }
      ARROW_RETURN_NOT_OK(AddToSummary(fields[i], entry.data_file.partition[i], &summaries[i]));
    }
  }
  return summaries;
}

}  // namespace

Result<ManifestFile> SummarizeManifest(const Manifest& manifest, int64_t commit_sequence_number) {
  ManifestFile line;
  line.partition_spec_id = manifest.spec.spec_id;
  line.content = manifest.content;
  line.sequence_number = commit_sequence_number;
  line.min_sequence_number = commit_sequence_number;
  int32_t files[3] = {0, 0, 0};
  int64_t rows[3] = {0, 0, 0};
  for (const auto& entry : manifest.entries) {
    const auto status = static_cast<size_t>(entry.status);
    ++files[status];
    rows[status] += entry.data_file.record_count;
    if (entry.is_live() && entry.sequence_number) {
      line.min_sequence_number = std::min(line.min_sequence_number, *entry.sequence_number);
    }
  }
  line.existing_files_count = files[0];
  line.added_files_count = files[1];
  line.deleted_files_count = files[2];
  line.existing_rows_count = rows[0];
  line.added_rows_count = rows[1];
  line.deleted_rows_count = rows[2];
  ARROW_ASSIGN_OR_RAISE(line.partitions, SummarizePartitions(manifest));
  return line;
}

}  // namespace tarn::iceberg
