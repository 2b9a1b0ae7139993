// SPDX-License-Identifier: Apache-2.0
//
// SearchableVectors: the vectors of some rows, wherever they lie, as a search takes them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "index/vector_index.h"
#include "tarn/types.h"

namespace tarn {

/// Thread-safe.
class SearchableVectors {
 public:
  virtual ~SearchableVectors() = default;

  virtual const VectorStoragePolicy& policy() const = 0;
  /// Rows, those without a vector too.
  virtual uint64_t rows() const = 0;
  /// Exact vectors for one searching thread; nullptr when the policy keeps none for reranking. Must
  /// not outlive this object.
  virtual Result<std::unique_ptr<index::RowSource>> NewRowSource() const = 0;
  /// Precision of the blocks of ForEachBlock.
  virtual VectorPrecision block_precision() const = 0;
  /// Every vector, in row order. Stops at the first error, which it returns.
  virtual Status ForEachBlock(
      const std::function<Status(const index::ExactBlock&)>& visit) const = 0;
};

}  // namespace tarn
