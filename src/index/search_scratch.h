// SPDX-License-Identifier: Apache-2.0
//
// What SearchScratch holds.
#pragma once

#include <vector>

#include "index/aligned.h"
#include "index/code_frame.h"
#include "index/graph_walk.h"
#include "index/ivf/ivf_query.h"
#include "index/vector_index.h"

namespace tarn::index {

/// One thread's.
struct SearchBuffers {
  WalkScratch walk;
  RotatedQuery rotated;
  std::vector<float> floats;  // the rotated query as one index sees it
  AlignedBytes query;         // its codes

  // Rerank: rows to compare, the node each stands for, and their distances.
  std::vector<uint32_t> rows;
  std::vector<uint32_t> row_nodes;
  std::vector<const std::byte*> pointers;
  std::vector<float> distances;

  // Inverted files: the query for a codebook, and the live rows of some blocks.
  IvfQuery ivf;
  uint16_t ivf_live[WalkScratch::kBatch / kernels::kPqBlockRows] = {};
};

struct SearchScratch::Impl : SearchBuffers {};

}  // namespace tarn::index
