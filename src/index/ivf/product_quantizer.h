// SPDX-License-Identifier: Apache-2.0
//
// The product quantiser (Jégou, Douze, Schmid, PAMI 2011): the coordinates of a row are cut into m
// sub-vectors of about equal size, and each is replaced by the nearest of 16 or 256 centroids.
#pragma once

#include <cstdint>
#include <vector>

#include "index/ivf/ivf_layout.h"

namespace tarn::index {

/// Rows coordinate by coordinate, a tile at a time: what the kernels want.
inline constexpr size_t kPqTileRows = 256;

class ProductQuantizer {
 public:
  /// From stored columns: value j of coordinate d is columns[d * count + j].
  ProductQuantizer(uint32_t dim, uint32_t m, uint32_t bits, const float* columns);

  /// Trains on n rows of `dim` values; the same bits for any number of threads and at every SIMD
  /// level. Returns the columns.
  static std::vector<float> Train(const float* rows, size_t n, uint32_t dim, uint32_t m,
                                  uint32_t bits, int iterations, int threads);

  uint32_t m() const { return m_; }
  /// Codes of n <= kPqTileRows rows: code of sub-vector s of row i is codes[s * kPqTileRows + i].
  /// `scratch` is resized as needed.
  void Encode(const float* rows, size_t n, std::vector<float>& scratch, uint8_t* codes) const;
  /// Row i of such a tile, decoded.
  void Decode(const uint8_t* codes, size_t i, float* out) const;

 private:
  uint32_t start(uint32_t s) const { return static_cast<uint32_t>(uint64_t{s} * dim_ / m_); }

  uint32_t dim_;
  uint32_t m_;
  uint32_t count_;
  const float* columns_;           // must outlive this
  std::vector<float> centroids_;   // of each sub-vector in turn, row by row
  std::vector<float> half_norms_;  // m * count
};

}  // namespace tarn::index
