// SPDX-License-Identifier: Apache-2.0
#include "iceberg/snapshot_writer.h"

#include <algorithm>
#include <utility>

#include "base/crash_point.h"
#include "base/random_id.h"
#include "iceberg/location.h"
#include "iceberg/manifest_avro.h"
#include "iceberg/manifest_io.h"
#include "iceberg/manifest_merge.h"

namespace tarn::iceberg {
namespace {

CrashPoint kSnapshotManifestBefore("snapshot/manifest/before");
CrashPoint kSnapshotManifestWritten("snapshot/manifest/written");
CrashPoint kSnapshotManifestsNew("snapshot/manifests/new");
CrashPoint kSnapshotManifestsRewritten("snapshot/manifests/rewritten");
CrashPoint kSnapshotManifestsMerged("snapshot/manifests/merged");
CrashPoint kSnapshotListBefore("snapshot/list/before");
CrashPoint kSnapshotListWritten("snapshot/list/written");

ManifestContent ContentOf(const DataFile& file) {
  return file.content == FileContent::kData ? ManifestContent::kData : ManifestContent::kDeletes;
}

const Snapshot* BranchHead(const TableMetadata& base, const std::string& branch) {
  const auto ref = base.refs.find(branch);
  return ref == base.refs.end() ? nullptr : base.FindSnapshot(ref->second.snapshot_id);
}

bool HasCounts(const ManifestFile& line) {
  return line.added_files_count && line.existing_files_count && line.deleted_files_count &&
         line.added_rows_count && line.existing_rows_count && line.deleted_rows_count;
}

bool HasLiveFiles(const ManifestFile& line) {
  return line.added_files_count.value_or(1) + line.existing_files_count.value_or(1) > 0;
}

/// The parent's lines, each with its counts, those without a live file left out.
Result<std::vector<ManifestFile>> ParentManifests(Store& store, const Snapshot* parent) {
  if (parent == nullptr) return std::vector<ManifestFile>();
  ARROW_ASSIGN_OR_RAISE(auto lines, ReadManifestList(store, *parent));
  for (auto& line : lines) {
    if (HasCounts(line)) continue;
    // A list from version 1 may lack counts. Version 2 requires them, and readers skip a manifest
    // that counts no live files: so they are counted.
    ARROW_ASSIGN_OR_RAISE(const auto manifest, ReadManifest(store, line));
    ARROW_ASSIGN_OR_RAISE(const auto counted, SummarizeManifest(manifest, line.sequence_number));
    line.added_files_count = counted.added_files_count;
    line.existing_files_count = counted.existing_files_count;
    line.deleted_files_count = counted.deleted_files_count;
    line.added_rows_count = counted.added_rows_count;
    line.existing_rows_count = counted.existing_rows_count;
    line.deleted_rows_count = counted.deleted_rows_count;
  }
  std::erase_if(lines, [](const ManifestFile& line) { return !HasLiveFiles(line); });
  return lines;
}

Status DeleteIfThere(Store& store, const std::string& path) {
  const Status status = store.Delete(path);
  return IsKind(status, ErrorKind::kNotFound) ? Status::OK() : status;
}

Result<const PartitionSpec*> SpecOf(const TableMetadata& base, int32_t spec_id) {
  const PartitionSpec* spec = base.FindSpec(spec_id);
  if (spec != nullptr) return spec;
  return Error(ErrorKind::kBadInput, "the table has no partition spec ", spec_id);
}

/// Version 3: each data manifest without row ids gets the next ones.
void AssignRowIds(const TableMetadata& base, std::vector<ManifestFile>* lines, Snapshot* snapshot) {
  int64_t next = base.next_row_id;
  for (auto& line : *lines) {
    if (line.content != ManifestContent::kData || line.first_row_id) continue;
    line.first_row_id = next;
    next += line.added_rows_count.value_or(0) + line.existing_rows_count.value_or(0);
  }
  snapshot->first_row_id = base.next_row_id;
  snapshot->added_rows = next - base.next_row_id;
}

}  // namespace

RemovedFile RemovedFile::Of(const DataFile& file) {
  return {file.file_path, ContentOf(file), file.content_offset};
}

SnapshotWriter::SnapshotWriter(Store& store)
    : store_(store), snapshot_id_(NewRandomId()), commit_uuid_(NewUuid4()) {}

Result<SnapshotChange> SnapshotWriter::Prepare(const TableMetadata& base, const SnapshotPlan& plan,
                                               int64_t now_ms) {
  if (base.format_version < 2) {
    return Error(ErrorKind::kNotSupported,
                 "the table has format version 1; upgrade it to version 2");
  }
  if (plan.added.empty() && plan.removed.empty()) {
    return Error(ErrorKind::kBadInput, "a snapshot needs at least one file to add or to remove");
  }
  const Snapshot* parent = BranchHead(base, plan.branch);
  SnapshotChange change;
  Snapshot& snapshot = change.snapshot;
  snapshot.snapshot_id = snapshot_id_;
  snapshot.sequence_number = base.last_sequence_number + 1;
  snapshot.timestamp_ms = std::max(now_ms, base.last_updated_ms);
  snapshot.schema_id = base.current_schema_id;
  if (parent != nullptr) snapshot.parent_id = parent->snapshot_id;

  ARROW_ASSIGN_OR_RAISE(const auto before, ParentManifests(store_, parent));
  FileCounts added, removed;
  for (const auto& file : plan.added) added.Add(file.file);
  ARROW_ASSIGN_OR_RAISE(auto lines, NewManifests(base, plan, snapshot.sequence_number));
  kSnapshotManifestsNew.Reach();
  ARROW_ASSIGN_OR_RAISE(auto inherited,
                        Without(base, plan, before, snapshot.sequence_number, &removed));
  kSnapshotManifestsRewritten.Reach();
  ARROW_ASSIGN_OR_RAISE(inherited, Merge(base, std::move(inherited), snapshot.sequence_number));
  lines.insert(lines.end(), inherited.begin(), inherited.end());
  if (base.format_version >= 3) AssignRowIds(base, &lines, &snapshot);
  snapshot.summary = SummaryCounts(parent, before, added, removed);
  snapshot.summary.insert(plan.summary.begin(), plan.summary.end());
  snapshot.summary[summary::kOperation] = plan.operation;
  ARROW_ASSIGN_OR_RAISE(snapshot.manifest_list, WriteList(base, snapshot, lines));

  SnapshotRef ref;
  if (const auto known = base.refs.find(plan.branch); known != base.refs.end()) ref = known->second;
  ref.snapshot_id = snapshot_id_;
  change.requirements.push_back({requirement::AssertTableUuid{base.table_uuid}});
  change.requirements.push_back(
      {requirement::AssertRefSnapshotId{plan.branch, snapshot.parent_id}});
  change.updates.push_back({update::AddSnapshot{snapshot}});
  change.updates.push_back({update::SetSnapshotRef{plan.branch, ref}});
  return change;
}

Result<std::vector<ManifestFile>> SnapshotWriter::NewManifests(const TableMetadata& base,
                                                               const SnapshotPlan& plan,
                                                               int64_t sequence_number) {
  std::map<std::pair<ManifestContent, int32_t>, std::vector<AddedFile>> kinds;
  for (const auto& added : plan.added) {
    kinds[{ContentOf(added.file), added.file.spec_id}].push_back(added);
  }
  std::vector<ManifestFile> lines;
  for (auto& [kind, files] : kinds) {
    auto known = std::find_if(new_manifests_.begin(), new_manifests_.end(),
                              [&](const NewManifest& m) { return m.files == files; });
    if (known == new_manifests_.end()) {
      Manifest manifest;
      manifest.content = kind.first;
      ARROW_ASSIGN_OR_RAISE(const auto* spec, SpecOf(base, kind.second));
      manifest.spec = *spec;
      for (const auto& added : files) {
        manifest.entries.push_back({EntryStatus::kAdded, snapshot_id_, added.data_sequence_number,
                                    std::nullopt, added.file});
      }
      ARROW_ASSIGN_OR_RAISE(auto written, Write(base, std::move(manifest), sequence_number));
      new_manifests_.push_back({std::move(files), std::move(written)});
      known = new_manifests_.end() - 1;
    }
    ManifestFile line = known->written.line;
    line.sequence_number = sequence_number;
    line.min_sequence_number = std::min(sequence_number, known->written.oldest);
    lines.push_back(std::move(line));
  }
  return lines;
}

Result<std::vector<ManifestFile>> SnapshotWriter::Without(const TableMetadata& base,
                                                          const SnapshotPlan& plan,
                                                          std::vector<ManifestFile> lines,
                                                          int64_t sequence_number,
                                                          FileCounts* removed) {
  std::set<RemovedFile> missing(plan.removed.begin(), plan.removed.end());
  if (missing.empty()) return lines;
  std::vector<ManifestFile> kept;
  for (auto& line : lines) {
    std::set<RemovedFile> wanted;
    for (const auto& file : missing) {
      if (file.content == line.content) wanted.insert(file);
    }
    if (wanted.empty()) {
      kept.push_back(std::move(line));
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const Rewritten* after, Rewrite(base, line, wanted, sequence_number));
    if (after->gone.empty()) {
      kept.push_back(std::move(line));
      continue;
    }
    for (const auto& file : after->gone) missing.erase(file);
    removed->Add(after->counts);
    ManifestFile left = after->written.line;
    left.sequence_number = sequence_number;
    left.min_sequence_number = std::min(sequence_number, after->written.oldest);
    kept.push_back(std::move(left));
  }
  if (!missing.empty()) {
    return Error(ErrorKind::kValidationFailed, missing.begin()->file_path,
                 " is no longer a live file of the table: another commit removed it");
  }
  return kept;
}

Result<const SnapshotWriter::Rewritten*> SnapshotWriter::Rewrite(
    const TableMetadata& base, const ManifestFile& line, const std::set<RemovedFile>& removed,
    int64_t sequence_number) {
  ARROW_ASSIGN_OR_RAISE(auto manifest, ReadManifest(store_, line));
  Rewritten after;
  for (const auto& entry : manifest.entries) {
    const RemovedFile file = RemovedFile::Of(entry.data_file);
    if (entry.is_live() && removed.count(file) != 0) after.gone.insert(file);
  }
  auto& known = rewritten_[line.manifest_path];
  if (after.gone.empty() || known.gone == after.gone) {
    if (after.gone.empty()) known = std::move(after);
    return &known;
  }
  std::vector<ManifestEntry> entries;
  for (auto& entry : manifest.entries) {
    if (!entry.is_live()) continue;
    if (after.gone.count(RemovedFile::Of(entry.data_file)) != 0) {
      entry.status = EntryStatus::kDeleted;
      entry.snapshot_id = snapshot_id_;
      after.counts.Add(entry.data_file);
    } else {
      entry.status = EntryStatus::kExisting;
    }
    entries.push_back(std::move(entry));
  }
  manifest.entries = std::move(entries);
  ARROW_ASSIGN_OR_RAISE(after.written, Write(base, std::move(manifest), sequence_number));
  known = std::move(after);
  return &known;
}

Result<std::vector<ManifestFile>> SnapshotWriter::Merge(const TableMetadata& base,
                                                        std::vector<ManifestFile> lines,
                                                        int64_t sequence_number) {
  // Manifests of this commit stay apart: they hold what it added and removed.
  std::vector<ManifestFile> mine, others;
  for (auto& line : lines) {
    (line.added_snapshot_id == snapshot_id_ ? mine : others).push_back(std::move(line));
  }
  std::vector<bool> gone(others.size());
  for (const auto& group : ChooseMerges(others, MergePolicy::Of(base))) {
    std::vector<std::string> sources;
    for (const size_t place : group) sources.push_back(others[place].manifest_path);
    auto known = merged_.find(sources);
    if (known == merged_.end()) {
      Manifest merged;
      merged.content = others[group[0]].content;
      ARROW_ASSIGN_OR_RAISE(const auto* spec, SpecOf(base, others[group[0]].partition_spec_id));
      merged.spec = *spec;
      for (const size_t place : group) {
        ARROW_ASSIGN_OR_RAISE(auto manifest, ReadManifest(store_, others[place]));
        if (merged.schema.fields.empty()) merged.schema = std::move(manifest.schema);
        for (auto& entry : manifest.entries) {
          if (!entry.is_live()) continue;
          entry.status = EntryStatus::kExisting;
          merged.entries.push_back(std::move(entry));
        }
      }
      ARROW_ASSIGN_OR_RAISE(auto written, Write(base, std::move(merged), sequence_number));
      kSnapshotManifestsMerged.Reach();
      known = merged_.emplace(sources, std::move(written)).first;
    }
    others[group[0]] = known->second.line;
    others[group[0]].sequence_number = sequence_number;
    others[group[0]].min_sequence_number = std::min(sequence_number, known->second.oldest);
    for (size_t i = 1; i < group.size(); ++i) gone[group[i]] = true;
  }
  for (size_t i = 0; i < others.size(); ++i) {
    if (!gone[i]) mine.push_back(std::move(others[i]));
  }
  return mine;
}

Result<SnapshotWriter::Written> SnapshotWriter::Write(const TableMetadata& base, Manifest manifest,
                                                      int64_t sequence_number) {
  manifest.format_version = base.format_version;
  // An older manifest keeps its schema: columns that its spec partitions by may be gone by now.
  if (manifest.schema.fields.empty()) manifest.schema = base.CurrentSchema();
  Written written;
  for (const auto& entry : manifest.entries) {
    if (entry.is_live() && entry.sequence_number) {
      written.oldest = std::min(written.oldest, *entry.sequence_number);
    }
  }
  kSnapshotManifestBefore.Reach();
  const std::string location =
      MetadataFileLocation(base, commit_uuid_ + "-m" + std::to_string(manifests_.size()) + ".avro");
  ARROW_ASSIGN_OR_RAISE(const std::string path, store_.PathOf(location));
  // Remembered first: a write that fails may still have left a file.
  manifests_.emplace(location, path);
  ARROW_ASSIGN_OR_RAISE(written.line,
                        WriteManifest(store_, path, manifest, snapshot_id_, sequence_number));
  kSnapshotManifestWritten.Reach();
  written.line.manifest_path = location;
  return written;
}

Result<std::string> SnapshotWriter::WriteList(const TableMetadata& base, const Snapshot& snapshot,
                                              const std::vector<ManifestFile>& lines) {
  const std::string name = "snap-" + std::to_string(snapshot_id_.value()) + "-" +
                           std::to_string(++attempts_) + "-" + commit_uuid_ + ".avro";
  List list;
  list.location = MetadataFileLocation(base, name);
  ARROW_ASSIGN_OR_RAISE(list.path, store_.PathOf(list.location));
  ARROW_ASSIGN_OR_RAISE(const std::string bytes,
                        ManifestListToAvro({base.format_version, snapshot_id_, snapshot.parent_id,
                                            snapshot.sequence_number, snapshot.first_row_id},
                                           lines));
  for (const auto& line : lines) {
    if (manifests_.count(line.manifest_path) != 0) list.manifests.insert(line.manifest_path);
  }
  kSnapshotListBefore.Reach();
  lists_.push_back(list);
  ARROW_RETURN_NOT_OK(store_.PutUnsynced(list.path, bytes));
  kSnapshotListWritten.Reach();
  return list.location;
}

Status SnapshotWriter::DeleteWritten() {
  Status first;
  for (const auto& [location, path] : manifests_) first &= DeleteIfThere(store_, path);
  for (const auto& list : lists_) first &= DeleteIfThere(store_, list.path);
  if (first.ok()) lists_.clear();
  // Whatever happened, the manifests can no longer be relied on. Their names stay taken.
  new_manifests_.clear();
  rewritten_.clear();
  merged_.clear();
  return first;
}

Status SnapshotWriter::DeleteUnused(const std::string& committed_manifest_list) {
  const auto committed = std::find_if(lists_.begin(), lists_.end(), [&](const List& list) {
    return list.location == committed_manifest_list;
  });
  if (committed == lists_.end()) return Status::OK();
  Status first;
  for (const auto& list : lists_) {
    if (list.location != committed_manifest_list) first &= DeleteIfThere(store_, list.path);
  }
  for (const auto& [location, path] : manifests_) {
    if (committed->manifests.count(location) == 0) first &= DeleteIfThere(store_, path);
  }
  return first;
}

}  // namespace tarn::iceberg
