// SPDX-License-Identifier: Apache-2.0
#include "tarn/table_info.h"

#include "iceberg/table_metadata.h"
#include "table/codebook/codebook_record.h"
#include "table/current_properties.h"

namespace tarn {

Result<TableInfo> DescribeTable(CatalogProvider& catalog, const TableIdent& table) {
  ARROW_ASSIGN_OR_RAISE(auto state, catalog.LoadTable(table));
  const auto& metadata = *state.metadata;
  TableInfo info;
  info.ident = table;
  info.uuid = metadata.table_uuid;
  info.location = metadata.location;
  info.metadata_path = state.metadata_path;
  info.format_version = metadata.format_version;
  info.last_updated_ms = metadata.last_updated_ms;
  if (metadata.current_snapshot_id != 0) info.current = metadata.current_snapshot_id;
  for (const auto& snapshot : metadata.snapshots) {
    SnapshotInfo line;
    line.id = snapshot.snapshot_id;
    line.parent = snapshot.parent_id;
    line.sequence_number = snapshot.sequence_number;
    line.timestamp_ms = snapshot.timestamp_ms;
    line.summary = snapshot.summary;
    if (const auto operation = line.summary.find(iceberg::summary::kOperation);
        operation != line.summary.end()) {
      line.operation = operation->second;
    }
    info.snapshots.push_back(std::move(line));
  }
  ARROW_ASSIGN_OR_RAISE(info.properties, CurrentProperties(metadata));
  for (const auto& policy : info.properties.vectors) {
    const auto* field = metadata.CurrentSchema().FindColumn(policy.column_name);
    if (field == nullptr) continue;
    ARROW_ASSIGN_OR_RAISE(const auto record, CodebookRecord::Find(metadata.properties, field->id));
    if (!record) continue;
    info.codebooks.push_back({policy.column_name, record->id, record->fingerprint, record->file});
  }
  return info;
}

}  // namespace tarn
