// SPDX-License-Identifier: Apache-2.0
//
// `tarn bench truth`: the exact nearest rows of many queries, and how fast they were found.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "tarn/types.h"

namespace tarn::cli {

struct BenchTruthOptions {
  std::string base;     ///< .npy, n x dim floats
  std::string queries;  ///< .npy, floats of the same dimension
  std::string out;      ///< .npy to write, queries x k int32, nearest first, ties by row; may be ""
  VectorMetric metric = VectorMetric::kCosine;
  VectorPrecision precision = VectorPrecision::kF32;
  uint32_t k = 100;
  int threads = 0;  ///< 0: all
  int passes = 3;   ///< the fastest counts
};

/// Writes the base as a table without an index, asks all queries in one exact batch and prints
/// {n, dim, metric, queries, k, threads, seconds, qps} as JSON. kBadInput when the files do not fit
/// each other or k is more than there are rows.
Status RunBenchTruth(const BenchTruthOptions& options, std::ostream& out);

}  // namespace tarn::cli
