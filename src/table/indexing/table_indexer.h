// SPDX-License-Identifier: Apache-2.0
//
// TableIndexer: builds the indexes that the files of one table wait for, one file after the other,
// and commits what it has built.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "table/codebook/codebook_shelf.h"
#include "table/file/index_request.h"
#include "table/indexing/index_backlog.h"
#include "table/indexing/index_commit.h"
#include "tarn/ailake_file.h"
#include "tarn/indexing.h"

namespace tarn {

/// One thread at a time. Files that were built and are never committed are deleted with it.
class TableIndexer {
 public:
  struct Options {
    int threads = 0;
    bool small_files = false;
    const std::atomic<bool>* stop = nullptr;  ///< must outlive it; see IndexRequest
  };

  TableIndexer(std::shared_ptr<CatalogProvider> catalog, TableIdent table, Options options);
  ~TableIndexer();
  TableIndexer(const TableIndexer&) = delete;

  /// Builds the next file that waits: true, or false when there is none. A file that cannot be
  /// indexed becomes a failure and is not tried again until ForgetFailures. An error is of the
  /// table, not of a file; kCancelled when stopped.
  Result<bool> BuildNext();
  /// The two halves of BuildNext; the second only after the first has found a file. Files of
  /// `first`, by location, come before all others.
  Result<bool> FindNext(const std::set<std::string>& first = {});
  Status BuildFound();

  /// Replaces the built files. Those that somebody else replaced are dropped.
  Status Commit();

  const std::vector<IndexFailure>& failures() const { return failures_; }
  void ForgetFailures() { failures_.clear(); }
  size_t built() const { return built_.size(); }
  /// Locations of the files that waited when it last looked and were not given up, and of each
  /// whether it still waits: false once it is built.
  std::map<std::string, bool> Uncommitted() const;
  /// So far, and what is left to do of what it saw when it last looked.
  const IndexProgress& progress() const { return progress_; }
  int64_t committed_files() const { return committed_files_; }
  int64_t committed_rows() const { return committed_rows_; }
  int commits() const { return commits_; }
  const IndexingPolicy& policy() const { return policy_; }

 private:
  Status Refresh();
  Status Build(const BacklogFile& file);
  Result<std::map<std::string, IndexRequest>> RequestsFor(const BacklogFile& file);
  Status CodeAgain(BuiltIndex* built);
  void NoteHindrance(const BuiltIndex& built);
  static BuiltIndex Describe(const WrittenFile& written, const std::string& uri,
                             const iceberg::ManifestEntry& old, std::vector<BacklogColumn> columns);
  Result<Committed> TryCommit(bool* in_doubt);

  std::shared_ptr<CatalogProvider> catalog_;
  TableIdent table_;
  Options options_;
  IndexBacklog backlog_;
  CodebookShelf shelf_;
  IndexingPolicy policy_;
  std::optional<TableState> state_;
  TableProperties properties_;
  std::vector<BacklogFile> pending_;
  const BacklogFile* next_ = nullptr;  ///< of the pending ones, as FindNext left it
  std::vector<BuiltIndex> built_;
  std::vector<IndexFailure> failures_;
  std::set<std::string> passed_over_;  ///< locations of files that a commit could not replace
  IndexProgress progress_;
  int64_t committed_files_ = 0;
  int64_t committed_rows_ = 0;
  int commits_ = 0;
};

}  // namespace tarn
