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

/// Bytes of one stored value.
inline size_t ElementBytes(VectorPrecision precision) {
  return precision == VectorPrecision::kF32 ? 4 : precision == VectorPrecision::kF16 ? 2 : 1;
}

inline const kernels::ExactKernels& KernelsOf(const kernels::KernelTable& table,
                                              VectorPrecision precision) {
  return precision == VectorPrecision::kF32   ? table.f32
         : precision == VectorPrecision::kF16 ? table.f16
                                              : table.i8;
}

/// One thread at a time.
class ExactDistance {
 public:
  /// `step`: what 1 stands for in kI8 rows, a power of two.
  ExactDistance(VectorMetric metric, VectorPrecision precision, uint32_t dim, const float* query,
                float step = 1);

  /// For rows of another step. Distances are the bits that f32 rows of the same values would have.
  void UseStep(float step);

  size_t row_bytes() const { return dim_ * ElementBytes(precision_); }
  /// Distances to n rows anywhere; NaN where there is none (a zero or NaN row under cosine).
  void Gather(const std::byte* const* rows, size_t n, float* out);
  /// Distances to n rows that lie one after the other.
  void Block(const std::byte* rows, size_t n, float* out);

 private:
  const kernels::ExactKernels& kernels() const { return KernelsOf(table_, precision_); }
  float At(const std::byte* row, uint32_t d) const;
  // Turns the kernels' sums into distances; row(i) is the i-th row's bytes.
  template <class RowAt>
  void Finish(size_t n, float* out, RowAt row);
  float InDouble(const std::byte* row) const;

  VectorMetric metric_;
  VectorPrecision precision_;
  uint32_t dim_;
  std::vector<float> query_;   // of length 1 under both cosines
  std::vector<float> scaled_;  // what the kernels compare with rows that are counted in steps
  float step_ = 1;
  const kernels::KernelTable& table_;
  std::vector<float> pairs_;
};

/// One distance between f32 vectors, in double; NaN as above.
double ExactInDouble(VectorMetric metric, const float* query, const float* row, uint32_t dim);

}  // namespace tarn::index
