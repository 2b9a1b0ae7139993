// SPDX-License-Identifier: Apache-2.0
//
// The k nearest rows seen so far, by distance, then by row. One thread at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "index/vector_index.h"

namespace tarn::index {

class NearestRows {
 public:
  explicit NearestRows(uint32_t k) : k_(k) {}

  bool full() const { return heap_.size() >= k_; }
  size_t size() const { return heap_.size(); }
  /// The distance that a row must not exceed to come in; infinite until k rows are there.
  float limit() const {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    if (!full()) return kInfinity;
    return k_ == 0 ? -kInfinity : heap_[0].distance;
  }

  /// NaN is no distance and is left out.
  void Add(float distance, uint32_t row) {
    if (k_ == 0 || std::isnan(distance)) return;
    const Neighbor neighbor{distance, row};
    if (full()) {
      if (!Nearer(neighbor, heap_[0])) return;
      std::pop_heap(heap_.begin(), heap_.end(), Nearer);
      heap_.back() = neighbor;
    } else {
      heap_.push_back(neighbor);
    }
    std::push_heap(heap_.begin(), heap_.end(), Nearer);
  }

  /// Nearest first. Leaves the object empty.
  std::vector<Neighbor> Take() {
    std::sort(heap_.begin(), heap_.end(), Nearer);
    return std::exchange(heap_, {});
  }

 private:
  static bool Nearer(const Neighbor& a, const Neighbor& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.row < b.row;
  }

  uint32_t k_;
  std::vector<Neighbor> heap_;  // the farthest first
};

}  // namespace tarn::index
