// SPDX-License-Identifier: Apache-2.0
//
// Exact distances from one query to stored vectors, as VectorMetric defines them. Where f32 sums
// over- or underflow (lengths near 1e19 or 1e-19) the distance is computed again in double.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/kernels.h"
#include "tarn/types.h"

namespace tarn::index {

/// One thread at a time. `precision` is kF32 or kF16.
class ExactDistance {
 public:
  ExactDistance(VectorMetric metric, VectorPrecision precision, uint32_t dim, const float* query);

  size_t row_bytes() const { return size_t{dim_} * (half_ ? 2 : 4); }
  /// Distances to n rows anywhere; NaN where there is none (a zero or NaN row under cosine).
  void Gather(const std::byte* const* rows, size_t n, float* out);
  /// Distances to n rows that lie one after the other.
  void Block(const std::byte* rows, size_t n, float* out);

 private:
  const kernels::ExactKernels& kernels() const { return half_ ? table_.f16 : table_.f32; }
  // Turns the kernels' sums into distances; row(i) is the i-th row's bytes.
  template <class RowAt>
  void Finish(size_t n, float* out, RowAt row);
  float InDouble(const std::byte* row) const;

  VectorMetric metric_;
  bool half_;
  uint32_t dim_;
  std::vector<float> query_;  // of length 1 under both cosines
  const kernels::KernelTable& table_;
  std::vector<float> pairs_;
};

/// One distance between f32 vectors, in double; NaN as above.
double ExactInDouble(VectorMetric metric, const float* query, const float* row, uint32_t dim);

}  // namespace tarn::index
