// SPDX-License-Identifier: Apache-2.0
#include "table/check/verify_metadata.h"

#include <algorithm>
#include <set>

#include "iceberg/location.h"
#include "iceberg/manifest_io.h"
#include "table/current_properties.h"

namespace tarn {
namespace {

/// Walks one table's metadata tree and collects what is wrong with it.
class MetadataWalk {
 public:
  MetadataWalk(CatalogProvider& catalog, const TableState& state, VerifyReport* report)
      : store_(catalog.store()), state_(state), metadata_(*state.metadata), report_(report) {}

  ReachableFiles Run() {
    ++report_->metadata_files;
    CheckMetadata();
    CheckVersionHint();
    for (const auto& snapshot : metadata_.snapshots) CheckSnapshot(snapshot);
    return std::move(files_);
  }

 private:
  template <typename... Parts>
  void Find(const std::string& path, Parts&&... parts) {
    report_->findings.push_back(
        {path, Error(ErrorKind::kCorrupt, std::forward<Parts>(parts)...).message()});
  }

  template <typename A, typename B>
  void Expect(const std::string& path, const std::string& what, const A& found, const B& expected) {
    if (!(found == expected)) Find(path, what, " is ", found, ", it should be ", expected);
  }

  void CheckMetadata();
  void CheckVersionHint();
  void CheckSnapshot(const iceberg::Snapshot& snapshot);
  void CheckSummary(const iceberg::Snapshot& snapshot,
                    const std::vector<iceberg::ManifestEntry>& live);
  const iceberg::Manifest* LoadManifest(const iceberg::ManifestFile& line);
  void CheckManifestLine(const std::string& path, const iceberg::ManifestFile& line,
                         const iceberg::Manifest& manifest);
  void CheckEntries(const std::string& path, const iceberg::Manifest& manifest);
  const iceberg::DataFile& Remember(const iceberg::DataFile& file);

  Store& store_;
  const TableState& state_;
  const iceberg::TableMetadata& metadata_;
  VerifyReport* report_;
  ReachableFiles files_;
  std::map<std::string, iceberg::Manifest> manifests_;
  std::set<std::string> broken_manifests_;
};

void MetadataWalk::CheckMetadata() {
  const std::string& path = state_.metadata_path;
  if (const Status status = iceberg::CheckTableMetadata(metadata_); !status.ok())
    Find(path, status.message());
  // Properties keep the vector policies: without them nothing can be searched.
  if (const auto properties = CurrentProperties(metadata_); !properties.ok()) {
    Find(path, "properties: ", properties.status().message());
  } else if (!metadata_.CurrentSchema().fields.empty()) {
    for (const auto& policy : properties->vectors) {
      if (metadata_.CurrentSchema().FindColumn(policy.column_name) == nullptr) {
        Find(path, "properties: vector column '", policy.column_name,
             "' is not in the current schema");
      }
    }
  }
  const auto folder = store_.PathOf(metadata_.location);
  if (!folder.ok()) {
    Find(path, "location: ", folder.status().message());
  } else if (path.compare(0, folder->size(), *folder) != 0) {
    Find(path, "location is ", metadata_.location, ", but this file lies elsewhere");
  }
  int64_t last_sequence = 0;
  for (const auto& snapshot : metadata_.snapshots) {
    last_sequence = std::max(last_sequence, snapshot.sequence_number);
    if (snapshot.schema_id && metadata_.FindSchema(*snapshot.schema_id) == nullptr) {
      Find(path, "snapshot ", snapshot.snapshot_id, ": schema ", *snapshot.schema_id,
           " does not exist");
    }
  }
  if (last_sequence > metadata_.last_sequence_number) {
    Find(path, "last-sequence-number is ", metadata_.last_sequence_number, ", a snapshot has ",
         last_sequence);
  }
  for (const auto& schema : metadata_.schemas) {
    if (const Status status = schema.Validate(metadata_.format_version); !status.ok()) {
      Find(path, "schema ", schema.schema_id, ": ", status.message());
    }
    if (schema.HighestFieldId() > metadata_.last_column_id) {
      Find(path, "last-column-id is ", metadata_.last_column_id, ", schema ", schema.schema_id,
           " has field id ", schema.HighestFieldId());
    }
  }
}

/// Readers survive any hint, but some engines follow it blindly. A catalog without hints has none.
void MetadataWalk::CheckVersionHint() {
  const size_t slash = state_.metadata_path.rfind('/');
  const std::string path = state_.metadata_path.substr(0, slash + 1) + "version-hint.text";
  const auto hint = store_.Read(path);
  if (!hint.ok()) return;
  const std::string_view text = (*hint)->text();
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(),
                                                   [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) {
    Find(path, "version hint: is not a number");
  } else if (text.size() > 18 || std::stoll(std::string(text)) > state_.version) {
    Find(path, "version hint: is ", text, ", the newest version is ", state_.version);
  }
}

void MetadataWalk::CheckSnapshot(const iceberg::Snapshot& snapshot) {
  const std::string list_path =
      store_.PathOf(snapshot.manifest_list).ValueOr(snapshot.manifest_list);
  auto lines = iceberg::ReadManifestList(store_, snapshot);
  if (!lines.ok()) {
    Find(list_path, "manifest list: ", lines.status().message());
    return;
  }
  ++report_->metadata_files;
  std::vector<iceberg::ManifestEntry> live;
  bool complete = true;
  for (const auto& line : *lines) {
    Expect(list_path, "manifest list: sequence-number of " + line.manifest_path + " at most",
           std::max(line.sequence_number, snapshot.sequence_number), snapshot.sequence_number);
    const iceberg::Manifest* manifest = LoadManifest(line);
    complete &= manifest != nullptr;
    if (manifest == nullptr) continue;
    CheckManifestLine(list_path, line, *manifest);
    for (const auto& entry : manifest->entries) {
      if (entry.is_live() && manifest->content == iceberg::ManifestContent::kData)
        live.push_back(entry);
    }
  }
  if (complete) CheckSummary(snapshot, live);
}

void MetadataWalk::CheckSummary(const iceberg::Snapshot& snapshot,
                                const std::vector<iceberg::ManifestEntry>& live) {
  int64_t rows = 0;
  for (const auto& entry : live) rows += entry.data_file.record_count;
  const std::string what =
      "snapshot " + std::to_string(snapshot.snapshot_id.value()) + " summary: ";
  if (const auto total = snapshot.SummaryNumber(iceberg::summary::kTotalRecords)) {
    Expect(state_.metadata_path, what + "total-records", *total, rows);
  }
  if (const auto total = snapshot.SummaryNumber(iceberg::summary::kTotalDataFiles)) {
    Expect(state_.metadata_path, what + "total-data-files", *total,
           static_cast<int64_t>(live.size()));
  }
}

const iceberg::Manifest* MetadataWalk::LoadManifest(const iceberg::ManifestFile& line) {
  if (const auto known = manifests_.find(line.manifest_path); known != manifests_.end())
    return &known->second;
  if (broken_manifests_.contains(line.manifest_path)) return nullptr;
  const std::string path = store_.PathOf(line.manifest_path).ValueOr(line.manifest_path);
  if (const auto info = store_.Stat(path); info.ok()) {
    Expect(path, "manifest: size in the store", static_cast<int64_t>(info->size),
           line.manifest_length);
  }
  auto manifest = iceberg::ReadManifest(store_, line);
  if (!manifest.ok()) {
    Find(path, "manifest: ", manifest.status().message());
    broken_manifests_.insert(line.manifest_path);
    return nullptr;
  }
  ++report_->metadata_files;
  CheckEntries(path, *manifest);
  return &manifests_.emplace(line.manifest_path, *std::move(manifest)).first->second;
}

void MetadataWalk::CheckManifestLine(const std::string& path, const iceberg::ManifestFile& line,
                                     const iceberg::Manifest& manifest) {
  auto expected = iceberg::SummarizeManifest(manifest, line.sequence_number);
  if (!expected.ok()) {
    Find(path, "manifest list: ", line.manifest_path, ": ", expected.status().message());
    return;
  }
  const std::string what = "manifest list: " + line.manifest_path + ": ";
  const auto compare = [&](const char* name, const auto& found, const auto& wanted) {
    if (found && wanted) Expect(path, what + name, *found, *wanted);
  };
  compare("added-files-count", line.added_files_count, expected->added_files_count);
  compare("existing-files-count", line.existing_files_count, expected->existing_files_count);
  compare("deleted-files-count", line.deleted_files_count, expected->deleted_files_count);
  compare("added-rows-count", line.added_rows_count, expected->added_rows_count);
  compare("existing-rows-count", line.existing_rows_count, expected->existing_rows_count);
  compare("deleted-rows-count", line.deleted_rows_count, expected->deleted_rows_count);
  if (metadata_.format_version > 1) {
    Expect(path, what + "min-sequence-number", line.min_sequence_number,
           expected->min_sequence_number);
  }
}

/// The first entry that was seen of the same file, or of the same deletion vector.
const iceberg::DataFile& MetadataWalk::Remember(const iceberg::DataFile& file) {
  if (file.content == iceberg::FileContent::kData) {
    return files_.data.emplace(file.file_path, file).first->second;
  }
  auto& entries = files_.deletes[file.file_path];
  const auto known = std::find_if(entries.begin(), entries.end(), [&](const auto& other) {
    return other.content_offset == file.content_offset;
  });
  return known != entries.end() ? *known : entries.emplace_back(file);
}

void MetadataWalk::CheckEntries(const std::string& path, const iceberg::Manifest& manifest) {
  std::set<std::string> seen;
  for (const auto& entry : manifest.entries) {
    const auto& file = entry.data_file;
    if (!entry.is_live()) continue;
    if (file.content == iceberg::FileContent::kData && !seen.insert(file.file_path).second) {
      Find(path, "manifest: ", file.file_path, " is listed twice");
    }
    if (entry.snapshot_id && *entry.snapshot_id == SnapshotId(0)) {
      Find(path, "manifest: ", file.file_path, " has no snapshot id");
    }
    if (file.record_count < 0 || file.file_size_in_bytes <= 0) {
      Find(path, "manifest: ", file.file_path, " has ", file.record_count, " rows in ",
           file.file_size_in_bytes, " bytes");
    }
    const iceberg::DataFile& known = Remember(file);
    if (known.record_count != file.record_count) {
      Find(path, "manifest: ", file.file_path, " has ", file.record_count, " rows here and ",
           known.record_count, " in another manifest");
    }
  }
}

}  // namespace

ReachableFiles VerifyMetadata(CatalogProvider& catalog, const TableState& state,
                              VerifyReport* report) {
  return MetadataWalk(catalog, state, report).Run();
}

}  // namespace tarn
