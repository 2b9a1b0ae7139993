// SPDX-License-Identifier: Apache-2.0
//
// StagedCommit: the files that a writer wants to publish, as an append plan that is made anew for
// each attempt: batches that another writer committed meanwhile are left out of it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "catalog/append.h"

namespace tarn {

/// A file that is durable in the store and that no snapshot names yet.
struct StagedFile {
  std::string path;  ///< in the store
  iceberg::DataFile file;
  /// No table can name it: it was never part of a commit, or only of one that lost for certain.
  bool surely_unused = true;
  /// Columns with an index that is coded with a codebook, and its fingerprint.
  std::map<std::string, std::string> codebooks = {};
  std::string batch_id = {};  ///< empty: none
  bool awaits_index = false;  ///< is to be indexed after the commit
};

/// One thread at a time.
class StagedCommit {
 public:
  /// `rest`: what is committed beside the files; its own list of files is ignored.
  StagedCommit(std::vector<StagedFile> files, AppendCommit rest)
      : files_(std::move(files)), rest_(std::move(rest)), left_out_(files_.size()) {}

  /// The append of those files whose batch ids the table does not hold yet, and their ids; empty
  /// when there is no such file. A PlanCommit.
  Result<CommitPlan> Plan(const TableState& base, int64_t now_ms);

  std::vector<StagedFile>& files() { return files_; }
  /// Whether the newest plan left the file out.
  bool is_left_out(size_t file) const { return left_out_[file]; }

 private:
  std::vector<StagedFile> files_;
  AppendCommit rest_;
  std::vector<bool> left_out_;
};

}  // namespace tarn
