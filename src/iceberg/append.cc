// SPDX-License-Identifier: Apache-2.0
#include "iceberg/append.h"

#include <algorithm>
#include <utility>

#include "base/random_id.h"
#include "iceberg/location.h"
#include "iceberg/manifest_avro.h"
#include "iceberg/manifest_io.h"

namespace tarn::iceberg {
namespace {

const Snapshot* BranchHead(const TableMetadata& base, const std::string& branch) {
  const auto ref = base.refs.find(branch);
  return ref == base.refs.end() ? nullptr : base.FindSnapshot(ref->second.snapshot_id);
}

/// What a set of files adds up to.
struct Counts {
  int64_t data_files = 0;
  int64_t records = 0;
  int64_t delete_files = 0;
  int64_t position_deletes = 0;
  int64_t equality_deletes = 0;
  int64_t bytes = 0;
};

Counts CountFiles(const std::vector<AddedFile>& files) {
  Counts counts;
  for (const auto& added : files) {
    const DataFile& file = added.file;
    counts.bytes += file.file_size_in_bytes;
    switch (file.content) {
      case FileContent::kData:
        ++counts.data_files;
        counts.records += file.record_count;
        break;
      case FileContent::kPositionDeletes:
        ++counts.delete_files;
        counts.position_deletes += file.record_count;
        break;
      case FileContent::kEqualityDeletes:
        ++counts.delete_files;
        counts.equality_deletes += file.record_count;
        break;
    }
  }
  return counts;
}

/// Live data files and rows of a manifest list, from its lines alone.
Counts CountLines(const std::vector<ManifestFile>& lines) {
  Counts counts;
  for (const auto& line : lines) {
    const int64_t files =
        line.added_files_count.value_or(0) + line.existing_files_count.value_or(0);
    const int64_t rows = line.added_rows_count.value_or(0) + line.existing_rows_count.value_or(0);
    if (line.content == ManifestContent::kData) {
      counts.data_files += files;
      counts.records += rows;
    } else {
      counts.delete_files += files;
    }
  }
  return counts;
}

bool HasCounts(const ManifestFile& line) {
  return line.added_files_count && line.existing_files_count && line.deleted_files_count &&
         line.added_rows_count && line.existing_rows_count && line.deleted_rows_count;
}

Status DeleteIfThere(Store& store, const std::string& path) {
  const Status status = store.Delete(path);
  return IsKind(status, ErrorKind::kNotFound) ? Status::OK() : status;
}

}  // namespace

AppendSnapshot::AppendSnapshot(Store& store, std::vector<AddedFile> files, Options options)
    : store_(store),
      files_(std::move(files)),
      options_(std::move(options)),
      snapshot_id_(NewRandomId()),
      commit_uuid_(NewUuid4()) {}

Result<SnapshotChange> AppendSnapshot::Prepare(const TableMetadata& base, int64_t now_ms) {
  if (base.format_version < 2) {
    return Error(ErrorKind::kNotSupported,
                 "the table has format version 1; upgrade it to version 2");
  }
  ARROW_RETURN_NOT_OK(WriteManifests(base));
  const Snapshot* parent = BranchHead(base, options_.branch);
  SnapshotChange change;
  Snapshot& snapshot = change.snapshot;
  snapshot.snapshot_id = snapshot_id_;
  snapshot.sequence_number = base.last_sequence_number + 1;
  snapshot.timestamp_ms = std::max(now_ms, base.last_updated_ms);
  snapshot.schema_id = base.current_schema_id;
  if (parent != nullptr) snapshot.parent_id = parent->snapshot_id;

  ARROW_ASSIGN_OR_RAISE(const auto inherited, ParentManifests(parent));
  FillSummary(parent, inherited, &snapshot);
  std::vector<ManifestFile> lines = OwnManifests(snapshot.sequence_number);
  lines.insert(lines.end(), inherited.begin(), inherited.end());
  if (base.format_version >= 3) {
    int64_t next = base.next_row_id;
    for (auto& line : lines) {
      if (line.content != ManifestContent::kData || line.first_row_id) continue;
      line.first_row_id = next;
      next += line.added_rows_count.value_or(0) + line.existing_rows_count.value_or(0);
    }
    snapshot.first_row_id = base.next_row_id;
    snapshot.added_rows = next - base.next_row_id;
  }
  ARROW_ASSIGN_OR_RAISE(snapshot.manifest_list, WriteList(base, snapshot, lines));

  SnapshotRef ref;
  if (const auto known = base.refs.find(options_.branch); known != base.refs.end()) {
    ref = known->second;
  }
  ref.snapshot_id = snapshot_id_;
  change.requirements = {{requirement::AssertTableUuid{base.table_uuid}},
                         {requirement::AssertRefSnapshotId{options_.branch, snapshot.parent_id}}};
  change.updates = {{update::AddSnapshot{snapshot}},
                    {update::SetSnapshotRef{options_.branch, ref}}};
  return change;
}

Status AppendSnapshot::WriteManifests(const TableMetadata& base) {
  if (manifests_written_) return Status::OK();
  if (files_.empty()) return Error(ErrorKind::kBadInput, "an append needs at least one file");
  for (const auto& added : files_) {
    if (added.file.spec_id != files_.front().file.spec_id) {
      return Error(ErrorKind::kBadInput, added.file.file_path,
                   " has another partition spec than the other files of the append");
    }
  }
  manifests_.clear();
  ARROW_RETURN_NOT_OK(WriteOneManifest(base, ManifestContent::kData));
  ARROW_RETURN_NOT_OK(WriteOneManifest(base, ManifestContent::kDeletes));
  manifests_written_ = true;
  return Status::OK();
}

Status AppendSnapshot::WriteOneManifest(const TableMetadata& base, ManifestContent content) {
  Manifest manifest;
  manifest.format_version = base.format_version;
  manifest.content = content;
  manifest.schema = base.CurrentSchema();
  const PartitionSpec* spec = base.FindSpec(files_.front().file.spec_id);
  if (spec == nullptr) {
    return Error(ErrorKind::kBadInput, "the table has no partition spec ",
                 files_.front().file.spec_id);
  }
  manifest.spec = *spec;
  Written written;
  for (const auto& added : files_) {
    const bool is_data = added.file.content == FileContent::kData;
    if (is_data != (content == ManifestContent::kData)) continue;
    manifest.entries.push_back(
        {EntryStatus::kAdded, snapshot_id_, added.data_sequence_number, std::nullopt, added.file});
    if (added.data_sequence_number) {
      written.oldest = std::min(written.oldest.value_or(INT64_MAX), *added.data_sequence_number);
    }
  }
  if (manifest.entries.empty()) return Status::OK();
  const std::string location = MetadataFileLocation(
      base, commit_uuid_ + (content == ManifestContent::kData ? "-m0.avro" : "-m1.avro"));
  ARROW_ASSIGN_OR_RAISE(written.path, store_.PathOf(location));
  // Remembered first: a write that fails may still have left a file.
  manifests_.push_back(written);
  ARROW_ASSIGN_OR_RAISE(
      manifests_.back().line,
      WriteManifest(store_, written.path, manifest, snapshot_id_, base.last_sequence_number + 1));
  manifests_.back().line.manifest_path = location;
  return Status::OK();
}

std::vector<ManifestFile> AppendSnapshot::OwnManifests(int64_t sequence_number) const {
  std::vector<ManifestFile> lines;
  for (const auto& written : manifests_) {
    ManifestFile line = written.line;
    line.sequence_number = sequence_number;
    line.min_sequence_number = std::min(sequence_number, written.oldest.value_or(INT64_MAX));
    lines.push_back(std::move(line));
  }
  return lines;
}

Result<std::vector<ManifestFile>> AppendSnapshot::ParentManifests(const Snapshot* parent) {
  if (parent == nullptr) return std::vector<ManifestFile>();
  ARROW_ASSIGN_OR_RAISE(auto lines, ReadManifestList(store_, *parent));
  for (auto& line : lines) {
    if (HasCounts(line)) continue;
    // A list from version 1 may lack counts. Version 2 requires them, and readers skip a manifest
    // that counts no live files: so they are counted.
    ARROW_ASSIGN_OR_RAISE(const auto manifest, ReadManifest(store_, line));
    ARROW_ASSIGN_OR_RAISE(const auto counted, SummarizeManifest(manifest, line.sequence_number));
    line.added_files_count = counted.added_files_count;
    line.existing_files_count = counted.existing_files_count;
    line.deleted_files_count = counted.deleted_files_count;
    line.added_rows_count = counted.added_rows_count;
    line.existing_rows_count = counted.existing_rows_count;
    line.deleted_rows_count = counted.deleted_rows_count;
  }
  return lines;
}

Result<std::string> AppendSnapshot::WriteList(const TableMetadata& base, const Snapshot& snapshot,
                                              const std::vector<ManifestFile>& lines) {
  const std::string name = "snap-" + std::to_string(snapshot_id_.value()) + "-" +
                           std::to_string(++attempts_) + "-" + commit_uuid_ + ".avro";
  const std::string location = MetadataFileLocation(base, name);
  ARROW_ASSIGN_OR_RAISE(const std::string path, store_.PathOf(location));
  ARROW_ASSIGN_OR_RAISE(const std::string bytes,
                        ManifestListToAvro({base.format_version, snapshot_id_, snapshot.parent_id,
                                            snapshot.sequence_number, snapshot.first_row_id},
                                           lines));
  lists_.emplace_back(path, location);
  ARROW_RETURN_NOT_OK(store_.Put(path, bytes));
  return location;
}

void AppendSnapshot::FillSummary(const Snapshot* parent, const std::vector<ManifestFile>& inherited,
                                 Snapshot* snapshot) const {
  auto& out = snapshot->summary;
  out = options_.summary;
  out[summary::kOperation] = options_.operation;
  const Counts added = CountFiles(files_);
  const auto add = [&](const char* key, int64_t count) {
    if (count > 0) out[key] = std::to_string(count);
  };
  add(summary::kAddedDataFiles, added.data_files);
  add(summary::kAddedRecords, added.records);
  add(summary::kAddedDeleteFiles, added.delete_files);
  add(summary::kAddedPositionDeletes, added.position_deletes);
  add(summary::kAddedEqualityDeletes, added.equality_deletes);
  add(summary::kAddedFilesSize, added.bytes);

  // A parent without totals (some writers give none) is counted from its manifest list, as far as
  // that goes: what cannot be known is left out.
  const Counts before = CountLines(inherited);
  const auto total = [&](const char* key, std::optional<int64_t> counted, int64_t more) {
    std::optional<int64_t> old = parent == nullptr ? 0 : parent->SummaryNumber(key);
    if (!old) old = counted;
    if (old) out[key] = std::to_string(*old + more);
  };
  const std::optional<int64_t> none =
      before.delete_files == 0 ? std::optional<int64_t>(0) : std::nullopt;
  total(summary::kTotalDataFiles, before.data_files, added.data_files);
  total(summary::kTotalRecords, before.records, added.records);
  total(summary::kTotalFilesSize, std::nullopt, added.bytes);
  total(summary::kTotalDeleteFiles, before.delete_files, added.delete_files);
  total(summary::kTotalPositionDeletes, none, added.position_deletes);
  total(summary::kTotalEqualityDeletes, none, added.equality_deletes);
}

Status AppendSnapshot::DeleteWritten() {
  Status first;
  for (const auto& written : manifests_) first &= DeleteIfThere(store_, written.path);
  for (const auto& [path, location] : lists_) first &= DeleteIfThere(store_, path);
  if (first.ok()) {
    manifests_.clear();
    lists_.clear();
  }
  // Whatever happened, the manifests can no longer be relied on.
  manifests_written_ = false;
  return first;
}

Status AppendSnapshot::DeleteUnusedLists(const std::string& committed_manifest_list) {
  Status first;
  for (const auto& [path, location] : lists_) {
    if (location != committed_manifest_list) first &= DeleteIfThere(store_, path);
  }
  return first;
}

}  // namespace tarn::iceberg
