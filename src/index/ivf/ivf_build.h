// SPDX-License-Identifier: Apache-2.0
//
// Builds an inverted-file index: codes every row and files it in its list.
#pragma once

#include <vector>

#include "index/vector_index.h"

namespace tarn::index {

/// BuildIndex for kIvfPq. kBadInput when the codebook is for other vectors.
Result<std::vector<IndexChunk>> BuildIvfIndex(const VectorSet& vectors,
                                              const BuildOptions& options);

}  // namespace tarn::index
