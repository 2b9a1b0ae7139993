// SPDX-License-Identifier: Apache-2.0
//
// A fixed random rotation of any dimension in O(D log D): random signs, then a Hadamard transform
// of the first P dimensions, P being the largest power of two that is not above D; where P < D,
// again with other signs for the last P dimensions. It spreads a dimension of large values over the
// others, so that one quantisation step serves all. Distances and inner products are kept up to
// rounding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tarn::kernels {

/// Immutable; any number of threads may apply it. The same seed and dimension give the same bits at
/// every SIMD level.
class Rotation {
 public:
  /// `dim` >= 1. The sign of dimension d in round r is bit d % 64 of SplitMix64's output number
  /// r * ceil(dim / 64) + d / 64 (from 0) for the seed; a set bit means minus.
  Rotation(uint32_t dim, uint64_t seed);

  uint32_t dim() const { return dim_; }
  /// `in` and `out` have dim() values and may be the same.
  void Apply(const float* in, float* out) const;

 private:
  uint32_t dim_;
  uint32_t power_;              // P
  std::vector<float> factors_;  // sign and the transform's 1 / sqrt(P), for each round
};

}  // namespace tarn::kernels
