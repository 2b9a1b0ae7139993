// SPDX-License-Identifier: Apache-2.0
#include "tarn/delete_rows.h"

#include "base/crash_point.h"
#include "catalog/commit_attempt.h"
#include "iceberg/table_metadata.h"
#include "table/changes/row_deletes.h"

namespace tarn {
namespace {

CrashPoint kDeleteCommitted("delete/committed");

}  // namespace

Result<DeleteRowsResult> DeleteRows(std::shared_ptr<CatalogProvider> catalog,
                                    const TableIdent& table,
                                    const arrow::compute::Expression& predicate) {
  RowDeletes deletes(catalog, predicate);
  ARROW_ASSIGN_OR_RAISE(const auto now, catalog->LoadTable(table));
  ARROW_RETURN_NOT_OK(deletes.LookAhead(now));
  CommitAttempt attempt(*catalog, table, [&](const TableState& base) -> Result<CommitPlan> {
    CommitPlan plan;
    plan.snapshot.emplace();
    plan.snapshot->operation = iceberg::operation::kDelete;
    ARROW_RETURN_NOT_OK(deletes.AddTo(base, &plan));
    return deletes.rows() > 0 ? std::move(plan) : CommitPlan();
  });
  const auto done = attempt.Commit();
  kDeleteCommitted.Reach();
  // A storage that failed, or that gave no answer for a while, may have published what it denies.
  if (!attempt.was_in_doubt() && !IsKind(done.status(), ErrorKind::kIo)) {
    deletes.DeleteUnused(done.ok());
  }
  ARROW_RETURN_NOT_OK(done.status());
  const bool committed = done->snapshot != 0;
  return DeleteRowsResult{committed ? done->snapshot : done->state.metadata->current_snapshot_id,
                          deletes.rows(), deletes.removed_files()};
}

}  // namespace tarn
