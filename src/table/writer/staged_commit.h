// SPDX-License-Identifier: Apache-2.0
//
// StagedCommit: the files that a writer wants to publish, alone or in place of the rows for which a
// predicate is true, as a plan that is made anew for each attempt: batches that another writer
// committed meanwhile are left out of it.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "catalog/append.h"
#include "table/changes/row_deletes.h"
#include "table/writer/staged_file.h"

namespace tarn {

/// One thread at a time.
class StagedCommit {
 public:
  /// `rest`: what is committed beside the files; its own list of files is ignored.
  StagedCommit(std::vector<StagedFile> files, AppendCommit rest)
      : files_(std::move(files)), rest_(std::move(rest)), left_out_(files_.size()) {}

  /// Makes it an overwrite. `repeated`: ids of batches that were to be a part of it, and that the
  /// table held already when they came.
  void Replace(std::unique_ptr<RowDeletes> rows, std::set<std::string> repeated);

  /// The append of those files whose batch ids the table does not hold yet, and their ids; empty
  /// when there is no such file. A PlanCommit.
  ///
  /// Of an overwrite, with the deletes of the rows to be replaced; empty when it changes nothing.
  /// Rows that match may be those of a batch that is in the table already. So it is empty, too,
  /// when all of its batches are; kValidationFailed when only some are.
  Result<CommitPlan> Plan(const TableState& base, int64_t now_ms);

  std::vector<StagedFile>& files() { return files_; }
  /// Whether the newest plan left the file out.
  bool is_left_out(size_t file) const { return left_out_[file]; }
  /// nullptr: it is a plain append.
  RowDeletes* deletes() const { return deletes_.get(); }

 private:
  Result<CommitPlan> PlanOverwrite(const AppendCommit& commit, const TableState& base);

  std::vector<StagedFile> files_;
  AppendCommit rest_;
  std::unique_ptr<RowDeletes> deletes_;
  std::set<std::string> repeated_;
  std::vector<bool> left_out_;
};

}  // namespace tarn
