// SPDX-License-Identifier: Apache-2.0
//
// Vectors that the codes cannot tell apart become one node of the graph with a list of rows: exact
// duplicates first of all, which would otherwise link only to each other, and vectors that lie
// closer together than the codes can resolve. Every row stays findable through its node.
#pragma once

#include <cstdint>
#include <vector>

#include "index/build_codes.h"
#include "index/vector_index.h"

namespace tarn::index {

struct NodeGroups {
  std::vector<uint32_t> first;    ///< the first vector of each node, ascending
  std::vector<uint32_t> offsets;  ///< into `members`, one more than nodes
  std::vector<uint32_t> members;  ///< vectors by node, ascending
  std::vector<bool> copies;       ///< per node: all its vectors have the same bytes

  size_t size() const { return first.size(); }
};

/// Groups vectors with equal codes (and, where rows have factors, scales equal to about 2^-15).
NodeGroups GroupVectors(const VectorSet& vectors, const BuildCodes& codes, int threads);

}  // namespace tarn::index
