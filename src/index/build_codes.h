// SPDX-License-Identifier: Apache-2.0
//
// The temporary 8-bit codes that the graph is built with, and the squared distances between them.
// Sums are integers and the rest is plain float arithmetic in one order, so that every SIMD level
// and any number of threads see the same distances.
#pragma once

#include <cstdint>
#include <vector>

#include "index/aligned.h"
#include "index/vector_index.h"
#include "kernels/kernels.h"

namespace tarn::index {

/// Codes of all nodes: signed values -127..127, stored with 128 added.
class BuildCodes {
 public:
  BuildCodes(uint32_t dim, size_t nodes);

  /// Sets node i from its rotated vector, with a scale of its own.
  void Set(size_t i, const float* rotated);
  /// Gives every node the length 1. Dot product: a row is an answer for its direction or for its
  /// length; the graph leads to directions, and the long rows are looked at anyway (pivots).
  /// Turning products into distances with one more coordinate instead (Bachrach et al., RecSys
  /// 2014) makes all rows about equally far from every query: no graph finds its way there.
  void UseDirections();
  /// Keeps the nodes `kept`, in that order.
  void Select(const std::vector<uint32_t>& kept);

  size_t size() const { return factors_.size(); }
  size_t stride() const { return blocks_ * 64; }
  const uint8_t* row(size_t i) const { return codes_.as<uint8_t>() + i * stride(); }
  const kernels::RowFactor& factor(size_t i) const {
    return factors_[i];
  }  ///< bias: squared length

 private:
  friend class NodeDistances;

  uint32_t dim_;
  size_t blocks_;
  AlignedBytes codes_;
  std::vector<kernels::RowFactor> factors_;
  std::vector<float> sums_;  // 128 times the sum of the signed codes
};

/// Squared distances from one node to others. One thread at a time; cheap to point elsewhere.
class NodeDistances {
 public:
  NodeDistances(const BuildCodes& codes, const kernels::KernelTable& kernels);
  void From(uint32_t node);
  /// out[i]: never negative.
  void To(const uint32_t* ids, size_t n, float* out);
  void Prefetch(uint32_t id) const;

 private:
  const BuildCodes& codes_;
  const kernels::KernelTable& kernels_;
  AlignedBytes query_;
  std::vector<int32_t> sums_;
  uint32_t node_ = 0;
};

}  // namespace tarn::index
