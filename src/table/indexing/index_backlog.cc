// SPDX-License-Identifier: Apache-2.0
#include "table/indexing/index_backlog.h"

#include <algorithm>
#include <charconv>

#include "iceberg/table_metadata.h"
#include "table/file/file_reader.h"

namespace tarn {
namespace {

/// Why the table as a whole cannot be given indexes; empty when it can.
std::string TableHindrance(const iceberg::TableMetadata& metadata) {
  if (metadata.format_version == 2) return "";
  return "this version adds indexes to tables of format version 2, not " +
         std::to_string(metadata.format_version);
}

}  // namespace

IndexingPolicy IndexingPolicy::Of(const std::map<std::string, std::string>& properties) {
  IndexingPolicy policy;
  const auto number = [&](const char* key, int64_t fallback) {
    const auto found = properties.find(key);
    if (found == properties.end()) return fallback;
    int64_t value = 0;
    const char* end = found->second.data() + found->second.size();
    const auto parsed = std::from_chars(found->second.data(), end, value);
    return parsed.ec == std::errc() && parsed.ptr == end && value >= 0 ? value : fallback;
  };
  policy.min_rows = number("tarn.index.min-rows", policy.min_rows);
  policy.commit_interval = std::chrono::milliseconds(
      number("tarn.index.commit-interval-ms", policy.commit_interval.count()));
  if (const auto type = properties.find("tarn.index.type"); type != properties.end()) {
    if (type->second == "none") {
      policy.type.reset();
    } else if (const auto parsed = ParseIndexType(type->second); parsed.ok()) {
      policy.type = *parsed;
    }
  }
  return policy;
}

const IndexBacklog::Seen& IndexBacklog::SeenOf(const std::string& path,
                                               const std::vector<VectorStoragePolicy>& policies) {
  const auto known = seen_.find(path);
  if (known != seen_.end()) return known->second;
  Seen seen;
  auto file = OpenFile(*store_, path);
  if (!file.ok()) {
    // May be a passing failure of the store: looked at again next time.
    static thread_local Seen unreadable;
    unreadable = Seen();
    unreadable.unreadable = file.status().message();
    return unreadable;
  }
  seen.wanted = WantedIndex::Of(*(*file)->metadata);
  const FileReader reader(*file);
  for (const auto& policy : policies) {
    const std::string& name = policy.column_name;
    if ((*file)->schema->GetFieldIndex(name) < 0) continue;
    const ColumnSections* sections = (*file)->Find(name);
    if (sections == nullptr) {
      seen.hindrances[name] = "another engine wrote the file";
      continue;
    }
    seen.hindrances[name] = "";
    if (!sections->index) continue;
    for (const auto& column : reader.vector_columns()) {
      if (column.policy.column_name == name) seen.indexes[name] = column.index_type;
    }
  }
  return seen_[path] = std::move(seen);
}

Result<IndexStatus> IndexBacklog::Look(const TableState& table, bool small_files,
                                       std::vector<BacklogFile>* pending) {
  const auto& metadata = *table.metadata;
  ARROW_ASSIGN_OR_RAISE(const auto properties, TableProperties::FromIceberg(metadata.properties));
  const IndexingPolicy policy = IndexingPolicy::Of(metadata.properties);
  const std::string table_hindrance = TableHindrance(metadata);
  IndexStatus status;
  status.snapshot = metadata.current_snapshot_id;
  if (pending != nullptr) pending->clear();
  if (metadata.CurrentSnapshot() == nullptr || properties.vectors.empty()) return status;
  ARROW_ASSIGN_OR_RAISE(const auto live,
                        iceberg::ReadLiveFiles(*store_, *metadata.CurrentSnapshot()));
  for (const auto& entry : live.data) {
    ARROW_ASSIGN_OR_RAISE(const std::string path, store_->PathOf(entry.data_file.file_path));
    const Seen& seen = SeenOf(path, properties.vectors);
    BacklogFile file{
        entry, path, {}, seen.wanted.value_or(WantedIndex{policy.type, properties.ivf_pq})};
    for (const auto& column : properties.vectors) {
      FileIndexState state{
          path, column.column_name, entry.data_file.record_count, IndexState::kPending, {}, ""};
      const auto hindrance = seen.hindrances.find(column.column_name);
      if (!seen.unreadable.empty()) {
        state.state = IndexState::kUnsupported;
        state.reason = seen.unreadable;
      } else if (hindrance == seen.hindrances.end()) {
        continue;  // the file is older than the column
      } else if (const auto index = seen.indexes.find(column.column_name);
                 index != seen.indexes.end()) {
        state.state = IndexState::kReady;
        state.type = index->second;
      } else if (!file.wanted.type) {
        state.state = IndexState::kUnwanted;
      } else if (!table_hindrance.empty() || !hindrance->second.empty()) {
        state.state = IndexState::kUnsupported;
        state.reason = table_hindrance.empty() ? hindrance->second : table_hindrance;
      } else if (!small_files && state.rows < policy.min_rows) {
        state.state = IndexState::kSmall;
      } else {
        file.columns.push_back(column);
      }
      status.columns.push_back(std::move(state));
    }
    if (pending != nullptr && !file.columns.empty()) pending->push_back(std::move(file));
  }
  return status;
}

}  // namespace tarn
