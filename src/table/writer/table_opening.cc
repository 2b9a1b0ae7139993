// SPDX-License-Identifier: Apache-2.0
#include "table/writer/table_opening.h"

#include <algorithm>
#include <optional>

#include "arrow/api.h"
#include "format/storable_schema.h"
#include "iceberg/table_metadata.h"
#include "table/current_properties.h"
#include "table/schema_arrow.h"
#include "tarn/table_writer.h"

namespace tarn {
namespace {

/// The id of the column that has this name, or had it in the newest schema that knew it.
std::optional<int32_t> FieldIdOf(const iceberg::TableMetadata& metadata, const std::string& name) {
  if (const auto* field = metadata.CurrentSchema().FindColumn(name)) return field->id;
  std::optional<int32_t> id;
  int32_t newest = -1;
  for (const auto& schema : metadata.schemas) {
    const auto* field = schema.FindColumn(name);
    if (field == nullptr || schema.schema_id < newest) continue;
    newest = schema.schema_id;
    id = field->id;
  }
  return id;
}

/// The table's policy of what the caller calls `name`; nullptr when the column is gone.
Result<const VectorStoragePolicy*> PolicyOf(const TableState& state,
                                            const std::vector<VectorStoragePolicy>& existing,
                                            const std::string& name) {
  const auto find = [&](const std::string& column) -> const VectorStoragePolicy* {
    const auto found = std::find_if(existing.begin(), existing.end(),
                                    [&](const auto& p) { return p.column_name == column; });
    return found == existing.end() ? nullptr : &*found;
  };
  const auto& metadata = *state.metadata;
  const auto id = FieldIdOf(metadata, name);
  // A table without columns yet has the policies alone.
  const VectorStoragePolicy* policy = id ? nullptr : find(name);
  if (policy != nullptr) return policy;
  if (!id) {
    return Error(ErrorKind::kBadInput, "table ", state.ident.ToString(),
                 " exists with other vector columns: it never had a column '", name, "'");
  }
  for (const auto& field : metadata.CurrentSchema().fields) {
    if (field.id != *id) continue;
    policy = find(field.name);
    if (policy != nullptr) return policy;
    return Error(ErrorKind::kBadInput, "table ", state.ident.ToString(),
                 " exists with other vector columns: its column '", field.name,
                 "' holds no vectors");
  }
  return nullptr;
}

}  // namespace

Status CheckWritable(const TableState& state) {
  const auto& metadata = *state.metadata;
  if (metadata.format_version != 2) {
    return Error(ErrorKind::kNotSupported, "table ", state.ident.ToString(), " has format version ",
                 metadata.format_version, "; this version writes version 2 tables");
  }
  if (!metadata.DefaultSpec().is_unpartitioned()) {
    return Error(ErrorKind::kNotSupported, "table ", state.ident.ToString(),
                 " is partitioned; this version writes unpartitioned tables");
  }
  return Status::OK();
}

Status CheckPolicies(const TableState& state, const std::vector<VectorStoragePolicy>& policies) {
  ARROW_ASSIGN_OR_RAISE(const auto properties, CurrentProperties(*state.metadata));
  const auto& existing = properties.vectors;
  for (const auto& given : policies) {
    ARROW_ASSIGN_OR_RAISE(const auto* found, PolicyOf(state, existing, given.column_name));
    if (&given == policies.data() && (found == nullptr || found != existing.data())) {
      return Error(ErrorKind::kBadInput, "table ", state.ident.ToString(),
                   " exists with other vector columns: '", given.column_name,
                   "' is not its primary one any more");
    }
    if (found == nullptr) continue;
    if (given.dim != found->dim || given.metric != found->metric ||
        given.precision != found->precision) {
      return Error(ErrorKind::kBadInput, "table ", state.ident.ToString(),
                   " exists with other dimensions, metrics or precisions: '", given.column_name,
                   "' is not what the given policy says");
    }
  }
  return Status::OK();
}

Result<TableState> CreateTableWithSchema(CatalogProvider& catalog, const TableIdent& table,
                                         const TableProperties& properties,
                                         const arrow::Schema& schema) {
  arrow::FieldVector fields;
  for (const auto& field : schema.fields()) {
    const bool vector = std::any_of(properties.vectors.begin(), properties.vectors.end(),
                                    [&](const auto& p) { return p.column_name == field->name(); });
    if (!vector) fields.push_back(field);
  }
  ARROW_ASSIGN_OR_RAISE(auto storable, format::StorableSchema(*arrow::schema(std::move(fields))));
  ARROW_ASSIGN_OR_RAISE(auto columns, NewTableSchema(*storable, properties.vectors));
  return catalog.CreateTable(table, properties, columns);
}

}  // namespace tarn
