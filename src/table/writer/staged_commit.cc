// SPDX-License-Identifier: Apache-2.0
#include "table/writer/staged_commit.h"

#include <algorithm>

#include "arrow/api.h"
#include "iceberg/table_metadata.h"
#include "table/ledger/batch_ledger.h"
#include "table/schema_arrow.h"

namespace tarn {

void StagedCommit::Replace(std::unique_ptr<RowDeletes> rows, std::set<std::string> repeated) {
  deletes_ = std::move(rows);
  repeated_ = std::move(repeated);
}

Result<CommitPlan> StagedCommit::Plan(const TableState& base, int64_t now_ms) {
  const auto& properties = base.metadata->properties;
  std::set<std::string> ids;
  for (const StagedFile& file : files_) {
    if (!file.batch_id.empty()) ids.insert(file.batch_id);
  }
  AppendCommit commit = rest_;
  commit.files.clear();
  std::set<std::string> known;
  if (!ids.empty()) {
    ARROW_ASSIGN_OR_RAISE(BatchLedger ledger, BatchLedger::Of(properties));
    for (const auto& id : ids) {
      if (ledger.Contains(id)) known.insert(id);
    }
    for (const auto& id : ids) ledger.Add(id, now_ms);
    ledger.Trim(now_ms, LedgerLimits::Of(properties));
    commit.properties[BatchLedger::kProperty] = ledger.ToProperty();
  }
  for (size_t i = 0; i < files_.size(); ++i) {
    left_out_[i] = known.count(files_[i].batch_id) != 0;
    if (!left_out_[i]) commit.files.push_back(files_[i].file);
  }
  if (deletes_ != nullptr) return PlanOverwrite(commit, base);
  if (commit.files.empty()) return CommitPlan();
  return PlanAppend(commit, base);
}

Result<CommitPlan> StagedCommit::PlanOverwrite(const AppendCommit& commit, const TableState& base) {
  std::string known = repeated_.empty() ? "" : *repeated_.begin();
  bool is_repeated = !repeated_.empty();
  for (size_t i = 0; i < files_.size(); ++i) {
    if (!left_out_[i]) continue;
    is_repeated = true;
    known = files_[i].batch_id;
  }
  if (is_repeated) {
    if (commit.files.empty()) return CommitPlan();
    return Error(ErrorKind::kValidationFailed, "table ", base.ident.ToString(),
                 " holds the batch '", known,
                 "' already, but not the others: replacing the rows that match may delete its own. "
                 "Write the others by a new writer, without that batch");
  }
  ARROW_ASSIGN_OR_RAISE(CommitPlan plan, PlanAppend(commit, base));
  if (base.metadata->CurrentSchema().fields.empty()) {
    // No rows yet. What the predicate would say of the first ones is checked all the same.
    ARROW_ASSIGN_OR_RAISE(const auto schema, ToArrowSchema(*commit.schema));
    ARROW_RETURN_NOT_OK(RowPredicate::Bind(deletes_->predicate(), *schema).status());
    return plan;
  }
  ARROW_RETURN_NOT_OK(deletes_->AddTo(base, &plan));
  const bool deletes = deletes_->rows() > 0;
  if (commit.files.empty() && !deletes) return CommitPlan();
  plan.snapshot->operation = !deletes               ? iceberg::operation::kAppend
                             : commit.files.empty() ? iceberg::operation::kDelete
                                                    : iceberg::operation::kOverwrite;
  return plan;
}

}  // namespace tarn
