// SPDX-License-Identifier: Apache-2.0
//
// Exact search of many queries at once, without an index: a matrix product gives estimates of all
// distances (score_frame.h), and the few rows that may be among the nearest are compared again with
// the kernels of ExactScan. So the answers are ExactScan's, to the bit, at the speed of the
// product.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "index/vector_index.h"

namespace tarn::index {

/// All pointers must outlive the search.
struct ExactBatchQuery {
  VectorMetric metric = VectorMetric::kCosine;
  VectorPrecision precision = VectorPrecision::kF32;  ///< of the blocks
  uint32_t dim = 0;
  const float* queries = nullptr;  ///< `count` x `dim`, as CheckQuery lets them through
  size_t count = 0;
  uint32_t k = 10;
  const LiveRows* live = nullptr;  ///< nullptr: every row
  /// Where a better answer is known from elsewhere: rows farther than bounds[q] may be left out.
  const float* bounds = nullptr;
  int threads = 1;  ///< the answers are the same for any number
};

/// The k nearest rows of each query, nearest first, ties by row. Rows without a usable distance are
/// left out. Thread-safe.
std::vector<std::vector<Neighbor>> SearchExactBatch(const ExactBatchQuery& query,
                                                    std::span<const ExactBlock> blocks);

}  // namespace tarn::index
