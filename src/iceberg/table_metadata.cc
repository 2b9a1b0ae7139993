// SPDX-License-Identifier: Apache-2.0
#include "iceberg/table_metadata.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/random_id.h"

namespace tarn::iceberg {
namespace {

std::optional<int64_t> ParseNumber(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <typename T, typename Matches>
const T* FindIf(const std::vector<T>& all, Matches matches) {
  const auto it = std::find_if(all.begin(), all.end(), matches);
  return it == all.end() ? nullptr : &*it;
}

}  // namespace

std::optional<int64_t> Snapshot::SummaryNumber(const std::string& key) const {
  const auto it = summary.find(key);
  return it == summary.end() ? std::nullopt : ParseNumber(it->second);
}

const Schema* TableMetadata::FindSchema(int32_t schema_id) const {
  return FindIf(schemas, [&](const Schema& schema) { return schema.schema_id == schema_id; });
}

const PartitionSpec* TableMetadata::FindSpec(int32_t spec_id) const {
  return FindIf(partition_specs,
                [&](const PartitionSpec& spec) { return spec.spec_id == spec_id; });
}

const SortOrder* TableMetadata::FindSortOrder(int32_t order_id) const {
  return FindIf(sort_orders, [&](const SortOrder& order) { return order.order_id == order_id; });
}

const Snapshot* TableMetadata::FindSnapshot(SnapshotId id) const {
  if (id == 0) return nullptr;
  return snapshots.Find(id);
}

const Schema& TableMetadata::CurrentSchema() const {
  static const Schema kEmpty;
  const Schema* schema = FindSchema(current_schema_id);
  return schema == nullptr ? kEmpty : *schema;
}

const PartitionSpec& TableMetadata::DefaultSpec() const {
  static const PartitionSpec kUnpartitioned;
  const PartitionSpec* spec = FindSpec(default_spec_id);
  return spec == nullptr ? kUnpartitioned : *spec;
}

const std::string* TableMetadata::FindProperty(const std::string& key) const {
  const auto it = properties.find(key);
  return it == properties.end() ? nullptr : &it->second;
}

int64_t TableMetadata::PropertyNumber(const std::string& key, int64_t fallback) const {
  const std::string* text = FindProperty(key);
  return text == nullptr ? fallback : ParseNumber(*text).value_or(fallback);
}

Result<TableMetadata> NewTableMetadata(std::string location, Schema schema,
                                       std::map<std::string, std::string> properties,
                                       int64_t now_ms, int32_t format_version) {
  if (format_version < 2 || format_version > kNewestFormatVersion) {
    return Error(ErrorKind::kNotSupported, "tables of format version ", format_version,
                 " cannot be created; use 2 or 3");
  }
  ARROW_RETURN_NOT_OK(schema.Validate(format_version));
  TableMetadata metadata;
  metadata.format_version = format_version;
  metadata.table_uuid = NewUuid4();
  metadata.location = std::move(location);
  metadata.last_updated_ms = now_ms;
  metadata.last_column_id = schema.HighestFieldId();
  schema.schema_id = 0;
  metadata.schemas.push_back(std::move(schema));
  metadata.partition_specs.emplace_back();
  metadata.sort_orders.emplace_back();
  metadata.properties = std::move(properties);
  return metadata;
}

Status CheckTableMetadata(const TableMetadata& metadata) {
  const auto corrupt = [](auto&&... parts) { return Error(ErrorKind::kCorrupt, parts...); };
  if (metadata.location.empty()) return corrupt("the table has no location");
  if (metadata.FindSchema(metadata.current_schema_id) == nullptr) {
    return corrupt("the current schema ", metadata.current_schema_id, " is not among the schemas");
  }
  if (metadata.FindSpec(metadata.default_spec_id) == nullptr) {
    return corrupt("the default partition spec ", metadata.default_spec_id, " is missing");
  }
  if (metadata.FindSortOrder(metadata.default_sort_order_id) == nullptr) {
    return corrupt("the default sort order ", metadata.default_sort_order_id, " is missing");
  }
  if (metadata.current_snapshot_id != 0 && metadata.CurrentSnapshot() == nullptr) {
    return corrupt("the current snapshot ", metadata.current_snapshot_id, " is missing");
  }
  for (const auto& [name, ref] : metadata.refs) {
    if (metadata.FindSnapshot(ref.snapshot_id) == nullptr) {
      return corrupt("ref '", name, "' names the snapshot ", ref.snapshot_id, ", which is missing");
    }
  }
  const auto main = metadata.refs.find(kMainBranch);
  const SnapshotId named = main == metadata.refs.end() ? SnapshotId(0) : main->second.snapshot_id;
  if (named != metadata.current_snapshot_id) {
    return corrupt("the current snapshot is ", metadata.current_snapshot_id,
                   " but branch main is at ", named);
  }
  return Status::OK();
}

}  // namespace tarn::iceberg
