// SPDX-License-Identifier: Apache-2.0
//
// One query over one file: through its index where it has one, else by comparing every vector.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "index/vector_index.h"
#include "table/file/searchable_vectors.h"
#include "tarn/row_filter.h"

namespace tarn {

/// What one file is asked. `query` has as many floats as the column has dimensions.
struct FileQuery {
  const float* query = nullptr;
  uint32_t k = 10;
  uint32_t ef = 0;    ///< 0: the table's default
  uint32_t beam = 0;  ///< see index::SearchOptions
  uint32_t nprobe = 0;
  bool exact = false;
  const index::LiveRows* live = nullptr;  ///< nullptr: every row
  std::atomic<float>* bound = nullptr;    ///< shared with searches of other files
  int threads = 1;                        ///< for an exhaustive comparison of a large file
};

/// A vector column of one file, opened for searching. Immutable.
struct SearchableFile {
  std::shared_ptr<const SearchableVectors> vectors;  ///< nullptr: the file lacks the column
  const index::VectorIndex* index = nullptr;         ///< nullptr: none, the file is scanned
  std::shared_ptr<const RowBitmap> live;             ///< nullptr: no row is deleted
};

/// The rows of file `number` that may be returned: those that the filter keeps, which are live, or
/// the live ones; nullopt when that is all of them.
std::optional<index::LiveRows> AllowedRows(const SearchableFile& file, size_t number,
                                           const RowFilter* filter);

/// The nearest live rows of the file, nearest first, ties by row; with a bound, those beyond it may
/// be missing. Thread-safe.
Result<std::vector<index::Neighbor>> SearchFile(const SearchableFile& file, const FileQuery& query);

}  // namespace tarn
