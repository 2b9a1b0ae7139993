// SPDX-License-Identifier: Apache-2.0
//
// `tarn bench ann`: writes a matrix as a table, with its indexes, and measures recall@10 against
// queries per second through a SearchSession with one thread.
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
  /// .npy, integers: the true neighbours of each query, nearest first, >= 10. "": found by exact
  /// search, as they are under a filter.
  std::string truth;
  VectorMetric metric = VectorMetric::kCosine;
  VectorPrecision precision = VectorPrecision::kF32;
  IndexType index = IndexType::kHnsw;
  HnswConfig hnsw;
  int build_threads = 1;
  int files = 1;  ///< the rows in equal parts
  /// Each part as a table of its own, searched with the whole effort, and the answers merged: what
  /// one search over many files is compared with. Without filter.
  bool fan_out = false;
  std::string table;              ///< BenchTableOptions::folder
  double filter = 1;              ///< share of the rows that a filter keeps, drawn by a fixed seed
  double deleted = 0;             ///< share of the rows that are then taken away
  std::vector<uint32_t> efs;      ///< empty: a sweep up to recall .995, or the default for kIvfPq
  std::vector<uint32_t> nprobes;  ///< empty: a sweep up to recall .995 for kIvfPq
  bool json = false;
  uint64_t query_begin = 0;
  uint64_t query_end = 0;  ///< 0: all queries from query_begin on
  int passes = 3;          ///< over the queries at each setting; the fastest counts
};

/// Prints {n, dim, metric, index, files, live, build_seconds, index_bytes, sweep: [{ef, nprobe,
/// recall, qps, p50_us, p99_us}]} as JSON or as a table; 0 stands for the table's default. A result
/// as near as the true tenth neighbour counts as right, whichever row it is. build_seconds is the
/// whole of TableWriter::WriteBatch: index and Parquet file. kBadInput when the files do not fit
/// each other.
Status RunBenchAnn(const BenchAnnOptions& options, std::ostream& out);

}  // namespace tarn::cli
