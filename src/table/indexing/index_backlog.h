// SPDX-License-Identifier: Apache-2.0
//
// IndexBacklog: which files of a table wait for an index. Found in the files themselves.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "iceberg/manifest_io.h"
#include "iceberg/name_mapping.h"
#include "table/indexing/wanted_index.h"
#include "tarn/catalog.h"
#include "tarn/indexing.h"

namespace tarn {

/// A vector column of one file. The table may call it otherwise than the file does.
struct BacklogColumn {
  VectorStoragePolicy policy;  ///< the table's
  int32_t field_id = 0;
  std::string name;  ///< in the file
};

/// A live file with a vector column that is to get an index.
struct BacklogFile {
  iceberg::ManifestEntry entry;
  std::string path;  ///< in the store
  std::vector<BacklogColumn> columns;
  WantedIndex wanted;
};

/// What the backlog rests on, as table properties have it.
struct IndexingPolicy {
  /// For files that say nothing themselves (`tarn.index.type`; "none": nullopt).
  std::optional<IndexType> type = IndexType::kAuto;
  int64_t min_rows = 500;  ///< `tarn.index.min-rows`: below, a scan is as fast
  /// `tarn.index.commit-interval-ms`: between two commits of background builds.
  std::chrono::milliseconds commit_interval{60'000};

  static IndexingPolicy Of(const iceberg::TableMetadata& table);
};

/// Looks into the files of the current snapshot, newest version given. Keeps what it saw of a file
/// for as long as it lives, since files never change. One thread at a time.
class IndexBacklog {
 public:
  explicit IndexBacklog(std::shared_ptr<Store> store) : store_(std::move(store)) {}

  /// The state of all vector columns; `pending`, when not nullptr, gets the files that wait.
  /// `small_files`: those below the least size wait too.
  Result<IndexStatus> Look(const TableState& table, bool small_files,
                           std::vector<BacklogFile>* pending);

 private:
  /// What a file's footer says.
  struct SeenColumn {
    std::string name;
    std::optional<IndexType> index;
    std::string hindrance;  ///< why it cannot get one
  };
  struct Seen {
    std::map<int32_t, SeenColumn> columns;  ///< by field id
    std::optional<WantedIndex> wanted;
    std::string unreadable;
  };
  const Seen& SeenOf(const std::string& path, const std::optional<iceberg::NameMapping>& mapping);

  std::shared_ptr<Store> store_;
  std::map<std::string, Seen> seen_;
  std::string name_mapping_;  // that files without field ids were seen with
  Seen unreadable_;           // of the file that was asked for last
};

}  // namespace tarn
