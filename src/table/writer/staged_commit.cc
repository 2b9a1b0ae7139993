// SPDX-License-Identifier: Apache-2.0
#include "table/writer/staged_commit.h"

#include <set>

#include "iceberg/table_metadata.h"
#include "table/ledger/batch_ledger.h"

namespace tarn {

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
  if (commit.files.empty()) return CommitPlan();
  return PlanAppend(commit, base);
}

}  // namespace tarn
