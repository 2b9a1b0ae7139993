// SPDX-License-Identifier: Apache-2.0
//
// The k best hits over several files.
#pragma once

#include <span>
#include <vector>

#include "index/vector_index.h"
#include "tarn/search_session.h"

namespace tarn {

/// Keeps the k nearest hits of the files added so far; ties go to the earlier file, then the
/// earlier row, so that the answer does not depend on the order of the files. One thread at a time.
class TopHits {
 public:
  explicit TopHits(size_t k) : k_(k) {}

  /// The neighbours of one file, nearest first.
  void Add(uint32_t file, std::span<const index::Neighbor> neighbors);
  /// The distance of the k-th; infinite until there are k.
  float limit() const;
  /// Nearest first. Leaves the object empty.
  std::vector<SearchHit> Take();

 private:
  size_t k_;
  std::vector<SearchHit> hits_;  // sorted, at most k
  std::vector<SearchHit> merged_;
};

}  // namespace tarn
