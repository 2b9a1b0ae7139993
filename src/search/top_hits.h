// SPDX-License-Identifier: Apache-2.0
//
// The k best hits over several files.
#pragma once

#include <span>
#include <vector>

#include "index/vector_index.h"
#include "tarn/search_session.h"

namespace tarn {

/// Merges the neighbours of each file (nearest first) into the k nearest hits, nearest first; ties
/// go to the earlier file, then the earlier row, so that the answer does not depend on threads.
std::vector<SearchHit> MergeHits(std::span<const std::vector<index::Neighbor>> files, size_t k);

}  // namespace tarn
