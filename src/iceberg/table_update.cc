// SPDX-License-Identifier: Apache-2.0
#include "iceberg/table_update.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/random_id.h"

namespace tarn::iceberg {
namespace {

using namespace update;  // the alternatives, named in full in the header

template <typename... Parts>
Status Bad(Parts&&... parts) {
  return Error(ErrorKind::kBadInput, std::forward<Parts>(parts)...);
}

/// Applies one update after the other to a copy of the metadata.
class Applier {
 public:
  Applier(TableMetadata metadata, int64_t now_ms) : table_(std::move(metadata)) {
    table_.last_updated_ms = std::max(table_.last_updated_ms, now_ms);
  }

  TableMetadata Take() { return std::move(table_); }

  Status operator()(const AssignUuid& update) {
    if (!table_.table_uuid.empty() && table_.table_uuid != update.uuid) {
      return Bad("the table's uuid is ", table_.table_uuid, " and cannot be changed");
    }
    table_.table_uuid = update.uuid;
    return Status::OK();
  }

  Status operator()(const UpgradeFormatVersion& update) {
    if (update.format_version > kNewestFormatVersion) {
      return Error(ErrorKind::kNotSupported, "format version ", update.format_version);
    }
    if (update.format_version < table_.format_version) {
      return Bad("the table has format version ", table_.format_version,
                 " and cannot go back to version ", update.format_version);
    }
    table_.format_version = update.format_version;
    if (table_.table_uuid.empty()) table_.table_uuid = NewUuid4();
    return Status::OK();
  }

  Status operator()(const AddSchema& update) {
    ARROW_RETURN_NOT_OK(update.schema.Validate(table_.format_version));
    table_.last_column_id = std::max(table_.last_column_id, update.schema.HighestFieldId());
    int32_t next = 0;
    for (const auto& schema : table_.schemas) {
      next = std::max(next, schema.schema_id + 1);
      if (schema.SameAs(update.schema)) {
        last_schema_ = schema.schema_id;
        return Status::OK();
      }
    }
    table_.schemas.push_back(update.schema);
    table_.schemas.back().schema_id = next;
    last_schema_ = next;
    return Status::OK();
  }

  Status operator()(const SetCurrentSchema& update) {
    const int32_t id = update.schema_id == kLastAdded ? last_schema_ : update.schema_id;
    if (table_.FindSchema(id) == nullptr) return Bad("there is no schema ", id);
    table_.current_schema_id = id;
    return Status::OK();
  }

  Status operator()(const AddPartitionSpec& update) {
    PartitionSpec spec = update.spec;
    for (auto& field : spec.fields) {
      if (field.field_id == 0) field.field_id = ++table_.last_partition_id;
      table_.last_partition_id = std::max(table_.last_partition_id, field.field_id);
    }
    ARROW_RETURN_NOT_OK(PartitionType(spec, table_.CurrentSchema()).status());
    int32_t next = 0;
    for (const auto& known : table_.partition_specs) {
      next = std::max(next, known.spec_id + 1);
      if (known.fields == spec.fields) {
        last_spec_ = known.spec_id;
        return Status::OK();
      }
    }
    spec.spec_id = last_spec_ = next;
    table_.partition_specs.push_back(std::move(spec));
    return Status::OK();
  }

  Status operator()(const SetDefaultPartitionSpec& update) {
    const int32_t id = update.spec_id == kLastAdded ? last_spec_ : update.spec_id;
    if (table_.FindSpec(id) == nullptr) return Bad("there is no partition spec ", id);
    table_.default_spec_id = id;
    return Status::OK();
  }

  Status operator()(const AddSortOrder& update) {
    // Order 0 is kept for "unsorted".
    int32_t next = 1;
    for (const auto& known : table_.sort_orders) {
      next = std::max(next, known.order_id + 1);
      if (known.fields == update.order.fields) {
        last_order_ = known.order_id;
        return Status::OK();
      }
    }
    for (const auto& field : update.order.fields) {
      if (table_.CurrentSchema().FindField(field.source_id) == nullptr) {
        return Bad("a sort field has the source column ", field.source_id, ", which is missing");
      }
    }
    last_order_ = update.order.fields.empty() ? 0 : next;
    table_.sort_orders.push_back({last_order_, update.order.fields});
    return Status::OK();
  }

  Status operator()(const SetDefaultSortOrder& update) {
    const int32_t id = update.order_id == kLastAdded ? last_order_ : update.order_id;
    if (table_.FindSortOrder(id) == nullptr) return Bad("there is no sort order ", id);
    table_.default_sort_order_id = id;
    return Status::OK();
  }

  Status operator()(const AddSnapshot& update) {
    const Snapshot& snapshot = update.snapshot;
    if (table_.FindSnapshot(snapshot.snapshot_id) != nullptr || snapshot.snapshot_id == 0) {
      return Bad("there is a snapshot ", snapshot.snapshot_id, " already");
    }
    if (table_.format_version >= 2 && snapshot.sequence_number <= table_.last_sequence_number) {
      return Error(ErrorKind::kCommitConflict, "snapshot ", snapshot.snapshot_id,
                   " has the sequence number ", snapshot.sequence_number, ", the table is at ",
                   table_.last_sequence_number, " already");
    }
    if (table_.format_version >= 3) ARROW_RETURN_NOT_OK(TakeRowIds(snapshot));
    table_.last_sequence_number = std::max(table_.last_sequence_number, snapshot.sequence_number);
    table_.last_updated_ms = std::max(table_.last_updated_ms, snapshot.timestamp_ms);
    table_.snapshots.push_back(snapshot);
    added_.insert(snapshot.snapshot_id);
    return Status::OK();
  }

  Status operator()(const RemoveSnapshots& update) {
    const std::set<SnapshotId> gone(update.snapshot_ids.begin(), update.snapshot_ids.end());
    for (const auto& [name, ref] : table_.refs) {
      if (gone.count(ref.snapshot_id) != 0) {
        return Bad("snapshot ", ref.snapshot_id, " is still named by ref '", name, "'");
      }
    }
    const auto is_gone = [&](const auto& item) { return gone.count(item.snapshot_id) != 0; };
    table_.snapshots.EraseIf(is_gone);
    std::erase_if(table_.statistics, is_gone);
    std::erase_if(table_.partition_statistics, is_gone);
    // History with a hole in it would tell lies about time travel: it begins after the last hole.
    auto& log = table_.snapshot_log;
    log.erase(log.begin(), std::find_if(log.rbegin(), log.rend(), is_gone).base());
    return Status::OK();
  }

  Status operator()(const SetSnapshotRef& update) {
    const Snapshot* snapshot = table_.FindSnapshot(update.ref.snapshot_id);
    if (snapshot == nullptr) return Bad("there is no snapshot ", update.ref.snapshot_id);
    const auto known = table_.refs.find(update.name);
    if (known != table_.refs.end() && known->second.is_branch != update.ref.is_branch) {
      return Bad("ref '", update.name, "' cannot turn from a branch into a tag or back");
    }
    if (update.name == kMainBranch) {
      if (!update.ref.is_branch) return Bad("main must be a branch");
      if (table_.current_snapshot_id != update.ref.snapshot_id) {
        const bool is_new = added_.count(update.ref.snapshot_id) != 0;
        table_.snapshot_log.push_back(
            {is_new ? snapshot->timestamp_ms : table_.last_updated_ms, update.ref.snapshot_id});
      }
      table_.current_snapshot_id = update.ref.snapshot_id;
    }
    table_.refs[update.name] = update.ref;
    return Status::OK();
  }

  Status operator()(const RemoveSnapshotRef& update) {
    table_.refs.erase(update.name);
    if (update.name == kMainBranch) {
      table_.current_snapshot_id = SnapshotId(0);
      table_.snapshot_log.clear();
    }
    return Status::OK();
  }

  Status operator()(const SetProperties& update) {
    for (const auto& [key, value] : update.properties) table_.properties[key] = value;
    return Status::OK();
  }

  Status operator()(const RemoveProperties& update) {
    for (const auto& key : update.keys) table_.properties.erase(key);
    return Status::OK();
  }

  Status operator()(const SetLocation& update) {
    if (update.location.empty()) return Bad("the location must not be empty");
    table_.location = update.location;
    return Status::OK();
  }

  Status operator()(const SetStatistics& update) {
    ARROW_RETURN_NOT_OK((*this)(RemoveStatistics{update.file.snapshot_id}));
    table_.statistics.push_back(update.file);
    return Status::OK();
  }

  Status operator()(const RemoveStatistics& update) {
    std::erase_if(table_.statistics,
                  [&](const auto& file) { return file.snapshot_id == update.snapshot_id; });
    return Status::OK();
  }

 private:
  /// Version 3: a snapshot takes row ids from the table's counter.
  Status TakeRowIds(const Snapshot& snapshot) {
    if (!snapshot.first_row_id || !snapshot.added_rows || *snapshot.added_rows < 0) {
      return Bad("snapshot ", snapshot.snapshot_id, " needs first-row-id and added-rows");
    }
    if (*snapshot.first_row_id < table_.next_row_id) {
      return Error(ErrorKind::kCommitConflict, "snapshot ", snapshot.snapshot_id,
                   " begins at row id ", *snapshot.first_row_id, ", the table is at ",
                   table_.next_row_id, " already");
    }
    table_.next_row_id = *snapshot.first_row_id + *snapshot.added_rows;
    return Status::OK();
  }

  TableMetadata table_;
  std::set<SnapshotId> added_;
  int32_t last_schema_ = kLastAdded;
  int32_t last_spec_ = kLastAdded;
  int32_t last_order_ = kLastAdded;
};

// In the order of TableUpdate's alternatives.
constexpr std::string_view kUpdateNames[] = {
    "assign-uuid",      "upgrade-format-version", "add-schema",       "set-current-schema",
    "add-spec",         "set-default-spec",       "add-sort-order",   "set-default-sort-order",
    "add-snapshot",     "remove-snapshots",       "set-snapshot-ref", "remove-snapshot-ref",
    "set-properties",   "remove-properties",      "set-location",     "set-statistics",
    "remove-statistics"};
static_assert(std::size(kUpdateNames) == std::variant_size_v<decltype(TableUpdate::change)>);

}  // namespace

std::string_view UpdateName(const TableUpdate& update) {
  return kUpdateNames[update.change.index()];
}

Result<TableMetadata> ApplyUpdates(const TableMetadata& base,
                                   const std::vector<TableUpdate>& updates, int64_t now_ms) {
  Applier applier(base, now_ms);
  for (const auto& update : updates) {
    const Status status = std::visit(applier, update.change);
    if (!status.ok()) return WithContext(status, UpdateName(update));
  }
  return applier.Take();
}

}  // namespace tarn::iceberg
