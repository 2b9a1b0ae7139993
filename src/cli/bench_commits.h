// SPDX-License-Identifier: Apache-2.0
//
// `tarn bench commits`: how long small commits take, and how that grows with their number.
#pragma once

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>

#include "tarn/catalog.h"
#include "tarn/status.h"

namespace tarn::cli {

struct BenchCommitsOptions {
  std::string table;
  int64_t rows = 100;  ///< of a commit
  int64_t commits = 1000;
  int32_t dim = 0;       ///< of an embedding; 0: rows without one
  bool index = false;    ///< follow each commit by one that replaces its file by an indexed
  int64_t pause_ms = 0;  ///< between two commits
};

/// Makes the table, appends to it, and prints a line of JSON: commits, seconds (the whole), the
/// medians in milliseconds of the commits around the 1st, 100th, 1,000th and so on, the files of
/// its metadata folder and their bytes, and the snapshots that are left.
Status RunBenchCommits(const BenchCommitsOptions& options, std::shared_ptr<CatalogProvider> catalog,
                       std::ostream& out);

}  // namespace tarn::cli
