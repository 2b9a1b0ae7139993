// SPDX-License-Identifier: Apache-2.0
//
// The nearest of many centroids for many rows: tiles of products by the BLAS, each reduced to its
// best before the next. Tiles have fixed shapes, so that results do not depend on threads.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace tarn::index {

/// Centroids as rows of `dim` values: the nearest to x has the largest <x, c> - offset.
struct CentroidTable {
  std::vector<float> values;
  std::vector<float> offsets;
  uint32_t dim = 0;
  uint32_t count() const { return static_cast<uint32_t>(offsets.size()); }
  const float* row(size_t i) const { return values.data() + i * dim; }
};

inline constexpr size_t kAssignRows = 256;

/// The nearest centroids of n <= kAssignRows rows; ties go to the first. `products` is scratch.
/// `best` may be null; it gets <x, c> - offset.
void AssignTile(const float* rows, size_t n, const CentroidTable& centroids,
                std::vector<float>& products, uint32_t* nearest, float* best);

/// The same for many rows that lie one after the other.
void AssignRows(const float* rows, size_t n, const CentroidTable& centroids, int threads,
                uint32_t* nearest, float* best);

}  // namespace tarn::index
