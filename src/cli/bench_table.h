// SPDX-License-Identifier: Apache-2.0
//
// A matrix as a table in a temporary folder: what the search measurements run on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "cli/npy.h"
#include "tarn/search_session.h"
#include "tarn/types.h"

namespace tarn::cli {

struct BenchTableOptions {
  VectorMetric metric = VectorMetric::kCosine;
  VectorPrecision precision = VectorPrecision::kF32;
  std::optional<IndexType> index = IndexType::kHnsw;  ///< nullopt: none
  HnswConfig hnsw;
  int build_threads = 1;
  int files = 1;  ///< the rows in equal parts, all in one commit
  /// Where to make the table, and leave it; one that such a call left there is opened instead. "":
  /// a temporary folder, which goes with the object.
  std::string folder;
};

class BenchTable {
 public:
  BenchTable() = default;
  BenchTable(const BenchTable&) = delete;
  ~BenchTable();

  /// kBadInput when the folder holds a table of other rows.
  Status Build(const BenchTableOptions& options, const NpyMatrix& base);
  /// A session that searches with so many threads.
  Result<std::shared_ptr<SearchSession>> Open(int threads) const;

  double build_seconds() const { return build_seconds_; }  ///< of WriteBatch: index and Parquet
  uint64_t index_bytes() const { return index_bytes_; }

 private:
  Status MakeFolder(const BenchTableOptions& options);
  Status Write(const BenchTableOptions& options, const NpyMatrix& base);

  std::string folder_;
  bool temporary_ = false;
  std::shared_ptr<CatalogProvider> catalog_;
  double build_seconds_ = 0;
  uint64_t index_bytes_ = 0;
};

}  // namespace tarn::cli
