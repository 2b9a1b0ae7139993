// SPDX-License-Identifier: Apache-2.0
#include "index/ivf/assign.h"

#include <algorithm>
#include <limits>

#include "base/parallel.h"
#include "kernels/gemm.h"

namespace tarn::index {
namespace {

constexpr size_t kCentroids = 1024;

// The first of the largest values; eight running maxima, so that the compiler can keep them in
// vectors.
void TakeBest(const float* products, const float* offsets, size_t n, uint32_t first, float& best,
              uint32_t& nearest) {
  constexpr size_t kLanes = 16;
  size_t j = 0;
  float top = -std::numeric_limits<float>::infinity();
  if (n >= kLanes) {
    float tops[kLanes];
    for (size_t l = 0; l < kLanes; ++l) tops[l] = products[l] - offsets[l];
    for (j = kLanes; j + kLanes <= n; j += kLanes) {
      for (size_t l = 0; l < kLanes; ++l) {
        const float value = products[j + l] - offsets[j + l];
        tops[l] = tops[l] < value ? value : tops[l];
      }
    }
    top = *std::max_element(tops, tops + kLanes);
  }
  for (; j < n; ++j) top = std::max(top, products[j] - offsets[j]);
  if (!(top > best)) return;
  best = top;
  for (j = 0; j + 1 < n && products[j] - offsets[j] != top; ++j) {
  }
  nearest = first + static_cast<uint32_t>(j);
}

}  // namespace

void AssignTile(const float* rows, size_t n, const CentroidTable& centroids,
                std::vector<float>& products, uint32_t* nearest, float* best) {
  products.resize(kAssignRows * kCentroids);
  float bests[kAssignRows];
  std::fill(bests, bests + n, -std::numeric_limits<float>::infinity());
  std::fill(nearest, nearest + n, 0u);
  for (size_t begin = 0; begin < centroids.count(); begin += kCentroids) {
    const size_t count = std::min(kCentroids, centroids.count() - begin);
    kernels::MultiplyTransposed(rows, n, centroids.row(begin), count, centroids.dim,
                                products.data());
    for (size_t i = 0; i < n; ++i) {
      TakeBest(products.data() + i * count, centroids.offsets.data() + begin, count,
               static_cast<uint32_t>(begin), bests[i], nearest[i]);
    }
  }
  if (best != nullptr) std::copy(bests, bests + n, best);
}

void AssignRows(const float* rows, size_t n, const CentroidTable& centroids, int threads,
                uint32_t* nearest, float* best) {
  std::vector<std::vector<float>> products(static_cast<size_t>(std::max(threads, 1)));
  ParallelFor(n, kAssignRows, threads, [&](size_t begin, size_t end, int thread) {
    AssignTile(rows + begin * centroids.dim, end - begin, centroids,
               products[static_cast<size_t>(thread)], nearest + begin,
               best == nullptr ? nullptr : best + begin);
  });
}

}  // namespace tarn::index
