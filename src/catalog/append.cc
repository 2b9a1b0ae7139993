// SPDX-License-Identifier: Apache-2.0
#include "catalog/append.h"

#include <algorithm>
#include <utility>

#include "iceberg/table_metadata.h"

namespace tarn {
namespace {

Status Validate(const AppendCommit& commit, const TableState& base) {
  const iceberg::TableMetadata& metadata = *base.metadata;
  const std::string table = base.ident.ToString();
  if (commit.parent && *commit.parent != metadata.current_snapshot_id) {
    return Error(ErrorKind::kValidationFailed, "table ", table, ": the current snapshot is ",
                 metadata.current_snapshot_id, ", the commit expects ", *commit.parent);
  }
  for (const auto& [key, expected] : commit.expected_properties) {
    const std::string* found = metadata.FindProperty(key);
    if (found == nullptr ? !expected : expected == *found) continue;
    return Error(ErrorKind::kValidationFailed, "table ", table, ": the property '", key, "' is ",
                 found != nullptr ? "'" + *found + "'" : "not set", ", the commit expects ",
                 expected ? "'" + *expected + "'" : "that it is not set");
  }
  const iceberg::Schema& schema = metadata.CurrentSchema();
  if (schema.fields.empty()) {
    if (commit.schema) return Status::OK();
    return Error(ErrorKind::kBadInput, "table ", table,
                 " has no columns yet: the first commit must give its schema");
  }
  // Files carry field ids: any schema that the table ever had tells what is in them.
  const auto& known = metadata.schemas;
  if (commit.schema && std::none_of(known.begin(), known.end(),
                                    [&](const auto& one) { return one.SameAs(*commit.schema); })) {
    return Error(ErrorKind::kValidationFailed, "table ", table,
                 ": another writer gave it a different schema meanwhile");
  }
  return Status::OK();
}

}  // namespace

Result<CommitPlan> PlanAppend(const AppendCommit& commit, const TableState& base) {
  ARROW_RETURN_NOT_OK(Validate(commit, base));
  CommitPlan plan;
  if (base.metadata->CurrentSchema().fields.empty()) {
    plan.requirements.push_back(
        {iceberg::requirement::AssertCurrentSchemaId{base.metadata->current_schema_id}});
    plan.updates.push_back({iceberg::update::AddSchema{*commit.schema}});
    plan.updates.push_back({iceberg::update::SetCurrentSchema{}});
  }
  if (!commit.properties.empty()) {
    plan.updates.push_back({iceberg::update::SetProperties{commit.properties}});
  }
  plan.snapshot.emplace();
  plan.snapshot->summary = commit.summary;
  for (const auto& file : commit.files) plan.snapshot->added.push_back({file, std::nullopt});
  return plan;
}

AppendAttempt::AppendAttempt(CatalogProvider& catalog, TableIdent ident, AppendCommit commit,
                             CommitOptions options)
    : CommitAttempt(
          catalog, std::move(ident),
          [commit = std::move(commit)](const TableState& base) { return PlanAppend(commit, base); },
          options) {}

Result<Committed> CommitAppend(CatalogProvider& catalog, const TableIdent& ident,
                               const AppendCommit& commit, const CommitOptions& options) {
  return AppendAttempt(catalog, ident, commit, options).Commit();
}

}  // namespace tarn
