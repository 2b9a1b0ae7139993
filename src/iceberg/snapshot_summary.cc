// SPDX-License-Identifier: Apache-2.0
#include "iceberg/snapshot_summary.h"

#include <optional>

namespace tarn::iceberg {
namespace {

/// Live files and data rows of a manifest list, from its lines alone.
FileCounts CountLines(const std::vector<ManifestFile>& lines) {
  FileCounts counts;
  for (const auto& line : lines) {
    const int64_t files =
        line.added_files_count.value_or(0) + line.existing_files_count.value_or(0);
    if (line.content == ManifestContent::kDeletes) {
      counts.delete_files += files;
      continue;
    }
    counts.data_files += files;
    counts.records += line.added_rows_count.value_or(0) + line.existing_rows_count.value_or(0);
  }
  return counts;
}

}  // namespace

void FileCounts::Add(const DataFile& file) {
  bytes += file.content_size_in_bytes.value_or(file.file_size_in_bytes);
  switch (file.content) {
    case FileContent::kData:
      ++data_files;
      records += file.record_count;
      break;
    case FileContent::kPositionDeletes:
      ++delete_files;
      deletion_vectors += file.content_offset.has_value();
      position_deletes += file.record_count;
      break;
    case FileContent::kEqualityDeletes:
      ++delete_files;
      equality_deletes += file.record_count;
      break;
  }
}

void FileCounts::Add(const FileCounts& other) {
  data_files += other.data_files;
  records += other.records;
  delete_files += other.delete_files;
  deletion_vectors += other.deletion_vectors;
  position_deletes += other.position_deletes;
  equality_deletes += other.equality_deletes;
  bytes += other.bytes;
}

std::map<std::string, std::string> SummaryCounts(const Snapshot* parent,
                                                 const std::vector<ManifestFile>& before,
                                                 const FileCounts& added,
                                                 const FileCounts& removed) {
  std::map<std::string, std::string> out;
  const auto add = [&](const char* key, int64_t count) {
    if (count > 0) out[key] = std::to_string(count);
  };
  add(summary::kAddedDataFiles, added.data_files);
  add(summary::kAddedRecords, added.records);
  add(summary::kAddedDeleteFiles, added.delete_files);
  add(summary::kAddedDeletionVectors, added.deletion_vectors);
  add(summary::kAddedPositionDeletes, added.position_deletes);
  add(summary::kAddedEqualityDeletes, added.equality_deletes);
  add(summary::kAddedFilesSize, added.bytes);
  add(summary::kDeletedDataFiles, removed.data_files);
  add(summary::kDeletedRecords, removed.records);
  add(summary::kRemovedDeleteFiles, removed.delete_files);
  add(summary::kRemovedDeletionVectors, removed.deletion_vectors);
  add(summary::kRemovedPositionDeletes, removed.position_deletes);
  add(summary::kRemovedEqualityDeletes, removed.equality_deletes);
  add(summary::kRemovedFilesSize, removed.bytes);

  const FileCounts counted = CountLines(before);
  const auto total = [&](const char* key, std::optional<int64_t> known, int64_t change) {
    std::optional<int64_t> old = parent == nullptr ? 0 : parent->SummaryNumber(key);
    if (!old) old = known;
    if (old && *old + change >= 0) out[key] = std::to_string(*old + change);
  };
  const std::optional<int64_t> none =
      counted.delete_files == 0 ? std::optional<int64_t>(0) : std::nullopt;
  total(summary::kTotalDataFiles, counted.data_files, added.data_files - removed.data_files);
  total(summary::kTotalRecords, counted.records, added.records - removed.records);
  total(summary::kTotalFilesSize, std::nullopt, added.bytes - removed.bytes);
  total(summary::kTotalDeleteFiles, counted.delete_files,
        added.delete_files - removed.delete_files);
  total(summary::kTotalPositionDeletes, none, added.position_deletes - removed.position_deletes);
  total(summary::kTotalEqualityDeletes, none, added.equality_deletes - removed.equality_deletes);
  return out;
}

}  // namespace tarn::iceberg
