// SPDX-License-Identifier: Apache-2.0
//
// Indexes that are built after the rows are committed. A file without an index is complete: it is
// searched by comparing every vector until a build replaces it by one with the same row groups,
// byte for byte, and the index inside. Whether a file has its index is seen in the file itself, so
// nothing is lost with the process that was to build it: whoever comes next takes it up.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tarn/catalog.h"
#include "tarn/types.h"

namespace tarn {

enum class IndexState {
  kReady,        ///< the file has an index for the column
  kPending,      ///< it is to get one
  kSmall,        ///< a scan is as fast; compaction will make a larger file of it
  kUnwanted,     ///< its writer, or the table, wants none
  kUnsupported,  ///< it cannot get one; `reason` says why
};

/// One vector column of one live file.
struct FileIndexState {
  std::string path;  ///< in the catalog's store
  std::string column;
  int64_t rows = 0;
  IndexState state = IndexState::kPending;
  std::optional<IndexType> type;  ///< of the index it has
  std::string reason;
};

struct IndexStatus {
  SnapshotId snapshot;
  std::vector<FileIndexState> columns;

  int64_t files(IndexState state) const;  ///< file columns in this state
  int64_t rows(IndexState state) const;
};

/// The state of every index of the table's current snapshot; opens the footers of its files.
Result<IndexStatus> DescribeIndexes(CatalogProvider& catalog, const TableIdent& table);

struct IndexProgress {
  int64_t built_files = 0;
  int64_t built_rows = 0;
  int64_t pending_files = 0;
  int64_t pending_rows = 0;
};

struct BuildIndexesOptions {
  int threads = 0;           ///< of one build; 0: as many as the process may use
  bool small_files = false;  ///< index those as well for which a scan is as fast
  /// Files of one commit at most. Each commit is a snapshot, and may fail a foreign MERGE.
  int files_per_commit = 64;
  /// Called before each build; false: commits what is built and stops.
  std::function<bool(const IndexProgress&)> progress = {};
};

/// A file that could not be indexed. It stays as it is, and searchable.
struct IndexFailure {
  std::string path;
  Status status;
};

struct BuildIndexesResult {
  int64_t files = 0;  ///< that were replaced by one with an index
  int64_t rows = 0;
  int commits = 0;
  std::vector<IndexFailure> failures;
};

/// Builds the indexes of all files that wait for one, here and now. Safe beside other writers and
/// other builders: a file that somebody else replaced meanwhile is left to them.
Result<BuildIndexesResult> BuildIndexes(std::shared_ptr<CatalogProvider> catalog,
                                        const TableIdent& table,
                                        const BuildIndexesOptions& options = {});

/// Waits until the background builds of this process have nothing left to do for the table, without
/// regard to the commit interval. The first error of a file that could not be indexed, else kIo
/// when the time is over. Thread-safe.
Status WaitForIndexes(std::shared_ptr<CatalogProvider> catalog, const TableIdent& table,
                      std::optional<std::chrono::milliseconds> timeout = {});

/// Stops the background builds of this process: a build at work is given up, what is built is
/// committed; writers that wait for builds go on. Happens by itself at the end of the process.
/// Later commits start them again. Thread-safe.
void StopIndexBuilds();

}  // namespace tarn
