// SPDX-License-Identifier: Apache-2.0
//
// k-means (Lloyd's iterations) over rows in memory: the same centroids for any number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "index/ivf/assign.h"

namespace tarn::index {

struct KmeansOptions {
  uint32_t clusters = 0;
  int iterations = 8;
  /// Rows have length 1 and belong to the centroid with the most similar direction (Dhillon &
  /// Modha, Machine Learning 2001); else to the nearest.
  bool spherical = false;
  uint64_t seed = 42;
  int threads = 1;
};

/// Means of the clusters of n rows of `dim` values, one after the other: options.clusters of them,
/// fewer where there are not that many different rows. A cluster that loses all its rows takes half
/// of a large one. n >= 1.
std::vector<float> Kmeans(const float* rows, size_t n, uint32_t dim, const KmeansOptions& options);

/// How rows are assigned to means, as Kmeans does it.
CentroidTable TableOfMeans(const std::vector<float>& means, uint32_t dim, bool spherical);

}  // namespace tarn::index
