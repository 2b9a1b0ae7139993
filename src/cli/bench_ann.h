// SPDX-License-Identifier: Apache-2.0
//
// `tarn bench ann`: writes a matrix as a table of one file, with its index, and measures recall@10
// against queries per second through a SearchSession with one thread.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "tarn/types.h"

namespace tarn::cli {

struct BenchAnnOptions {
  std::string base;     ///< .npy, n x dim floats
  std::string queries;  ///< .npy, floats of the same dimension
  std::string truth;    ///< .npy, integers: the true neighbours of each query, nearest first, >= 10
  VectorMetric metric = VectorMetric::kCosine;
  HnswConfig hnsw;
  int build_threads = 1;
  std::vector<uint32_t> efs;  ///< empty: a sweep up to recall .995
  bool json = false;
  uint64_t query_begin = 0;
  uint64_t query_end = 0;  ///< 0: all queries from query_begin on
  int passes = 3;          ///< over the queries at each ef; the fastest counts
};

/// Prints {n, dim, metric, build_seconds, index_bytes, sweep: [{ef, recall, qps, p50_us, p99_us}]}
/// as JSON or as a table. A result as near as the true tenth neighbour counts as right, whichever
/// row it is. build_seconds is the whole of TableWriter::WriteBatch: index and Parquet file.
/// kBadInput when the files do not fit each other.
Status RunBenchAnn(const BenchAnnOptions& options, std::ostream& out);

}  // namespace tarn::cli
