// SPDX-License-Identifier: Apache-2.0
//
// Many queries over the files of a column that are compared whole: those without an index, or all
// when exact answers are asked for. A product of all queries with all rows is an order of magnitude
// faster than one comparison after the other.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "index/vector_index.h"
#include "search/file_search.h"
#include "tarn/search_session.h"

namespace tarn {

/// What such a comparison found. Empty until it is worth its while. Immutable.
class BatchScan {
 public:
  BatchScan() = default;
  /// Compares the queries with every file that has to be compared whole, with `threads` threads, or
  /// does nothing where there are so few queries that each had better be asked alone. kBadInput
  /// names the query that cannot be asked.
  static Result<BatchScan> Run(const ReadView& view, std::span<const SearchableFile> files,
                               const VectorStoragePolicy& policy, const EmbeddingsView& queries,
                               const SearchRequest& request, int threads);

  /// Whether the file has been dealt with.
  bool covers(size_t file) const { return file < found_.size() && !found_[file].empty(); }
  /// The query's nearest rows of a file that is covered, nearest first, ties by row, as SearchFile
  /// gives them, but without rows that are farther than k rows of other files.
  const std::vector<index::Neighbor>& nearest(size_t file, size_t query) const {
    return found_[file][query];
  }

 private:
  std::vector<std::vector<std::vector<index::Neighbor>>> found_;  // of each file, of each query
};

}  // namespace tarn
