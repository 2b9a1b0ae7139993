// SPDX-License-Identifier: Apache-2.0
//
// Vectors of a file without a page map (another engine wrote or rewrote it, or the precision has no
// raw pages): decoded through Parquet.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "index/vector_index.h"
#include "table/file/opened_file.h"

namespace tarn {

/// The usable vectors of a column, in row order. Immutable once filled.
struct DecodedVectors {
  uint32_t dim = 0;
  std::vector<float> values;   ///< rows.size() x dim
  std::vector<uint32_t> rows;  ///< ascending
};

/// Reads the column. Rows that are null, of another length, or refused by EmbeddingProblem are left
/// out, never an error.
Status DecodeVectors(const OpenedFile& file, const VectorStoragePolicy& policy,
                     DecodedVectors* out);

/// Fetches rows of `vectors`, which must outlive the source.
std::unique_ptr<index::RowSource> NewDecodedSource(const DecodedVectors& vectors,
                                                   const std::string& path);

}  // namespace tarn
