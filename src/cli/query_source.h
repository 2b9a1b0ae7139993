// SPDX-License-Identifier: Apache-2.0
//
// The query vectors of a search: typed on the command line, taken from a row of the table, or read
// from a file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tarn/read_view.h"

namespace tarn::cli {

struct QuerySource {
  std::string vector;     ///< "[0.1, 0.2]", "0.1,0.2" or "@file" that holds such a text
  std::string like_id;    ///< value of the id column
  std::string id_column;  ///< empty: "id", or else the table's first column whose name ends in "id"
  std::string file;       ///< .npy matrix, or Parquet / NDJSON with the embedding column

  /// Row-major, `policy.dim` floats each. Exactly one source must be given (kBadInput).
  Result<std::vector<float>> Read(const ReadView& view, const VectorStoragePolicy& policy) const;
};

}  // namespace tarn::cli
