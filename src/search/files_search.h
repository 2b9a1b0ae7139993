// SPDX-License-Identifier: Apache-2.0
//
// One query over the files of a view: asks them as PlanFiles says, shares the distance of the k-th
// best hit so far among them, and merges what they answer.
#pragma once

#include <span>
#include <vector>

#include "search/batch_scan.h"
#include "search/file_search.h"
#include "tarn/search_session.h"

namespace tarn {

/// What all files are asked.
struct FilesQuery {
  const float* query = nullptr;
  uint32_t k = 10;
  uint32_t ef = 0;  ///< what one file of all rows would be searched with; not 0
  uint32_t nprobe = 0;
  bool exact = false;
  const RowFilter* filter = nullptr;  ///< of the same view
  int threads = 1;                    ///< at most; with one, equal calls give equal answers
  /// What a comparison of many queries at once has found already, this one's under its number.
  const BatchScan* scanned = nullptr;
  size_t query_number = 0;
};

/// `files`: those of the view, in its order. Nearest first, ties by file, then by row. Thread-safe.
Result<std::vector<SearchHit>> SearchFiles(const ReadView& view,
                                           std::span<const SearchableFile> files,
                                           const FilesQuery& query);

}  // namespace tarn
