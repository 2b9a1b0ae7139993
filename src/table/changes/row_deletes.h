// SPDX-License-Identifier: Apache-2.0
//
// RowDeletes: what a commit does to the rows for which a predicate is true, planned anew for each
// of its attempts against exactly the version that it replaces (docs/adr/0017).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/compute/expression.h"
#include "catalog/commit_attempt.h"
#include "iceberg/manifest_io.h"
#include "table/view/row_predicate.h"
#include "tarn/read_view.h"

namespace tarn {

/// Keeps over attempts which rows of a file match, and the delete files that it wrote for them:
/// files are immutable, so that a later attempt looks only at files that are new since. One thread
/// at a time.
class RowDeletes {
 public:
  RowDeletes(std::shared_ptr<CatalogProvider> catalog, arrow::compute::Expression predicate);

  const arrow::compute::Expression& predicate() const { return predicate_; }

  /// Adds to the plan's snapshot what deletes the matching live rows of the current snapshot of
  /// `base`: the removal of files that lose their last live rows, with the delete files that are of
  /// them alone, and position delete files of the others. Writes these, so that they are durable.
  /// kBadInput: the predicate does not fit the table's columns; kNotSupported: the format version
  /// is not 2.
  Status AddTo(const TableState& base, CommitPlan* plan);

  /// Does the work for a version ahead of the commit, so that its attempts, behind which other
  /// writers queue, find most of it done. On an error nothing is left behind.
  Status LookAhead(const TableState& state);

  int64_t rows() const { return rows_; }                    ///< that the newest plan deletes
  int64_t removed_files() const { return removed_files_; }  ///< by the newest plan

  /// The commit came to an end that is known: deletes the delete files that it does not name.
  /// `committed`: whether the newest plan went through. Best effort.
  void DeleteUnused(bool committed);

 private:
  /// What is known of a data file.
  struct Matches {
    std::shared_ptr<const RowBitmap> looked_at;  ///< the rows that were live then; nullptr: all
    std::vector<uint64_t> rows;                  ///< of these, the ones that match
  };
  /// Delete files, and the rows that they delete.
  struct Staged {
    std::vector<uint64_t> rows;
    std::vector<iceberg::DataFile> files;
  };
  /// Everything in the table that is the file at one path, and its rows that go.
  struct Target {
    std::vector<size_t> entries;  ///< numbers of live data entries; seldom more than one
    std::vector<uint64_t> rows = {};
    bool is_emptied = true;
  };

  Status Bind(const iceberg::TableMetadata& metadata);
  Result<std::vector<Target>> Resolve(const iceberg::Schema& schema, const ReadView& view,
                                      const iceberg::LiveFiles& live);
  Result<std::vector<uint64_t>> Look(const ReadView& view, size_t file, bool keep);
  void Remove(const iceberg::LiveFiles& live, const std::vector<Target>& targets,
              iceberg::SnapshotPlan* plan);
  Result<std::vector<iceberg::DataFile>> Write(const iceberg::TableMetadata& metadata,
                                               const iceberg::DataFile& data,
                                               const std::vector<uint64_t>& rows);
  std::string KeyOf(const std::string& location) const;

  std::shared_ptr<CatalogProvider> catalog_;
  arrow::compute::Expression predicate_;
  std::shared_ptr<FileCache> cache_;
  std::optional<RowPredicate> bound_;
  std::string bound_to_;  ///< what its answers rest on beside the files

  std::map<std::string, Matches> known_;        // by store path of the data file
  std::map<std::string, Staged> staged_;        // by location of the data file
  std::map<std::string, std::string> written_;  // every delete file: location, store path
  std::vector<std::string> named_;              // locations in the newest plan
  int64_t rows_ = 0;
  int64_t removed_files_ = 0;
};

}  // namespace tarn
