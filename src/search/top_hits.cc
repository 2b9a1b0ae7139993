// SPDX-License-Identifier: Apache-2.0
#include "search/top_hits.h"

#include <limits>
#include <tuple>
#include <utility>

namespace tarn {
namespace {

bool Nearer(const SearchHit& a, const SearchHit& b) {
  return std::tie(a.distance, a.file, a.row) < std::tie(b.distance, b.file, b.row);
}

}  // namespace

void TopHits::Add(uint32_t file, std::span<const index::Neighbor> neighbors) {
  merged_.clear();
  size_t old = 0, fresh = 0;
  while (merged_.size() < k_ && (old < hits_.size() || fresh < neighbors.size())) {
    SearchHit hit;
    if (fresh < neighbors.size()) {
      hit = {neighbors[fresh].distance, file, neighbors[fresh].row};
    }
    if (fresh == neighbors.size() || (old < hits_.size() && Nearer(hits_[old], hit))) {
      merged_.push_back(hits_[old++]);
    } else {
      merged_.push_back(hit);
      ++fresh;
    }
  }
  std::swap(hits_, merged_);
}

float TopHits::limit() const {
  return hits_.size() < k_ || k_ == 0 ? std::numeric_limits<float>::infinity()
                                      : hits_.back().distance;
}

std::vector<SearchHit> TopHits::Take() { return std::exchange(hits_, {}); }

}  // namespace tarn
