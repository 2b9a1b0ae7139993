// SPDX-License-Identifier: Apache-2.0
#include "table/indexing/index_backlog.h"

#include <algorithm>
#include <set>

#include "format/parquet_writer.h"
#include "format/storable_schema.h"
#include "iceberg/table_metadata.h"
#include "table/current_properties.h"
#include "table/file/file_reader.h"
#include "table/view/file_schema.h"

namespace tarn {
namespace {

/// Why the table as a whole cannot be given indexes; empty when it can.
std::string TableHindrance(const iceberg::TableMetadata& metadata) {
  if (metadata.format_version == 2) return "";
  return "this version adds indexes to tables of format version 2, not " +
         std::to_string(metadata.format_version);
}

}  // namespace

IndexingPolicy IndexingPolicy::Of(const iceberg::TableMetadata& table) {
  IndexingPolicy policy;
  const auto number = [&](const char* key, int64_t fallback) {
    const int64_t value = table.PropertyNumber(key, fallback);
    return value >= 0 ? value : fallback;
  };
  policy.min_rows = number("tarn.index.min-rows", policy.min_rows);
  policy.commit_interval = std::chrono::milliseconds(
      number("tarn.index.commit-interval-ms", policy.commit_interval.count()));
  if (const std::string* type = table.FindProperty("tarn.index.type")) {
    if (*type == "none") {
      policy.type.reset();
    } else if (const auto parsed = ParseIndexType(*type); parsed.ok()) {
      policy.type = *parsed;
    }
  }
  return policy;
}

const IndexBacklog::Seen& IndexBacklog::SeenOf(const std::string& path,
                                               const std::optional<iceberg::NameMapping>& mapping) {
  const auto known = seen_.find(path);
  if (known != seen_.end()) return known->second;
  // May be a passing failure of the store: looked at again next time.
  const auto unreadable = [this](const Status& why) -> const Seen& {
    unreadable_ = Seen();
    unreadable_.unreadable = why.message();
    return unreadable_;
  };
  auto file = OpenFile(*store_, path);
  if (!file.ok()) return unreadable(file.status());
  const auto schema = WithFieldIds((*file)->schema, mapping);
  if (!schema.ok()) return unreadable(schema.status());
  Seen seen;
  seen.wanted = WantedIndex::Of(*(*file)->metadata);
  std::map<std::string, IndexType> indexes;
  for (const auto& column : FileReader(*file).vector_columns()) {
    if (column.has_index) indexes[column.policy.column_name] = column.index_type;
  }
  for (const auto& field : (*schema)->fields()) {
    const auto id = format::FieldIdOf(*field);
    if (!id.ok() || *id < 0) continue;
    SeenColumn& column = seen.columns[*id];
    column.name = field->name();
    if (format::EmbeddingLeaf(*(*file)->metadata, column.name) < 0) {
      column.hindrance = "the file holds no lists of floats there";
    }
    if (const auto index = indexes.find(column.name); index != indexes.end()) {
      column.index = index->second;
    }
  }
  return seen_[path] = std::move(seen);
}

Result<IndexStatus> IndexBacklog::Look(const TableState& table, bool small_files,
                                       std::vector<BacklogFile>* pending) {
  const auto& metadata = *table.metadata;
  ARROW_ASSIGN_OR_RAISE(const auto properties, CurrentProperties(metadata));
  const IndexingPolicy policy = IndexingPolicy::Of(metadata);
  const std::string hindrance = TableHindrance(metadata);
  IndexStatus status;
  status.snapshot = metadata.current_snapshot_id;
  if (pending != nullptr) pending->clear();
  if (metadata.CurrentSnapshot() == nullptr) return status;
  std::optional<iceberg::NameMapping> mapping;
  const std::string* json = metadata.FindProperty(iceberg::kNameMappingProperty);
  if (json != nullptr) {
    ARROW_ASSIGN_OR_RAISE(mapping, iceberg::NameMapping::FromJson(*json));
  }
  if (name_mapping_ != (json != nullptr ? *json : "")) {
    seen_.clear();
    name_mapping_ = json != nullptr ? *json : "";
  }
  std::vector<BacklogColumn> columns;
  for (const auto& vectors : properties.vectors) {
    const auto* field = metadata.CurrentSchema().FindColumn(vectors.column_name);
    if (field != nullptr) columns.push_back({vectors, field->id, ""});
  }
  if (columns.empty()) return status;
  ARROW_ASSIGN_OR_RAISE(const auto live,
                        iceberg::ReadLiveFiles(*store_, *metadata.CurrentSnapshot()));
  std::set<std::string> paths;
  for (const auto& entry : live.data) {
    ARROW_ASSIGN_OR_RAISE(const std::string path, store_->PathOf(entry.data_file.file_path));
    paths.insert(path);
    const Seen& seen = SeenOf(path, mapping);
    BacklogFile file{
        entry, path, {}, seen.wanted.value_or(WantedIndex{policy.type, properties.ivf_pq})};
    for (BacklogColumn column : columns) {
      FileIndexState state{
          path, column.policy.column_name, entry.data_file.record_count, IndexState::kPending, {},
          ""};
      const auto found = seen.columns.find(column.field_id);
      if (!seen.unreadable.empty()) {
        state.state = IndexState::kUnsupported;
        state.reason = seen.unreadable;
      } else if (found == seen.columns.end()) {
        continue;  // the file is older than the column
      } else if (found->second.index) {
        state.state = IndexState::kReady;
        state.type = found->second.index;
      } else if (!file.wanted.type) {
        state.state = IndexState::kUnwanted;
      } else if (!hindrance.empty() || !found->second.hindrance.empty()) {
        state.state = IndexState::kUnsupported;
        state.reason = hindrance.empty() ? found->second.hindrance : hindrance;
      } else if (!small_files && state.rows < policy.min_rows) {
        state.state = IndexState::kSmall;
      } else {
        column.name = found->second.name;
        file.columns.push_back(std::move(column));
      }
      status.columns.push_back(std::move(state));
    }
    if (pending != nullptr && !file.columns.empty()) pending->push_back(std::move(file));
  }
  std::erase_if(seen_, [&](const auto& known) { return paths.count(known.first) == 0; });
  return status;
}

}  // namespace tarn
