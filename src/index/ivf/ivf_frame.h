// SPDX-License-Identifier: Apache-2.0
//
// From vectors to what an inverted-file index codes and compares. A row x becomes
//   y = R(x / unit - mean)      (both cosines: x / |x| - mean),
// R being the codebook's rotation, or nothing. Cosine is compared as euclidean distance between
// vectors of length 1, so that all metrics but the dot product share one kind of key:
//   key = |y|^2 - 2 <q', y>,  q' = y of the query           distance^2 = (key + |q'|^2) unit^2
//   key = -<q', y> - t <mean, y>,  q' = R(q / |q| - t mean)                 (dot product)
// where t takes away what the query has in common with the mean. Smaller is nearer.
#pragma once

#include <cstdint>
#include <vector>

#include "index/ivf/ivf_layout.h"
#include "kernels/rotation.h"

namespace tarn::index {

/// What a search needs to know of a query besides its rotated values.
struct FramedQuery {
  float length = 0;      ///< of the query as given
  float reach = 0;       ///< |q'|
  float squared = 0;     ///< |q'|^2
  float with_mean = 0;   ///< <q, mean> of the query of length 1; 0 under euclidean
  float mean_share = 0;  ///< t; 1 under both cosines, 0 under euclidean
};

/// Immutable; any number of threads may use it. The mean must outlive it.
class IvfFrame {
 public:
  static constexpr uint64_t kRotationSeed = 0x49564650;

  IvfFrame(VectorMetric metric, uint32_t dim, const float* mean, float unit, bool rotated);

  bool compares_products() const { return metric_ == VectorMetric::kDotProduct; }
  bool compares_angles() const;
  /// x / unit, or x / |x|: `out` may be `row`.
  void ScaleRow(const float* row, float* out) const;
  /// y: `out` has dim values and may be `row`.
  void PrepareRow(const float* row, float* out) const;
  /// R, or nothing.
  void Rotate(const float* in, float* out) const;
  const std::vector<float>& rotated_mean() const { return rotated_mean_; }

  /// q' into `out`. False when a value is not finite.
  bool PrepareQuery(const float* query, float* out, FramedQuery& framed) const;

  /// What a row's factor pair is made of: the row is centroid + r, and `decoded` is the code of
  /// r / |r|. At most 2 |r|,
  /// scale = |r|^2 / <r, decoded> (Gao & Long, RaBitQ, SIGMOD 2024): what is left of the error is
  /// at right angles to r. The bias holds what does not depend on the query, and what the error
  /// has in common with the centroid.
  struct Factors {
    float scale;
    float bias;
  };
  Factors RowFactors(const float* y, const float* centroid, const float* decoded) const;

  /// What multiplies <q', y>, and a row's bias, in a key.
  float product_factor() const { return compares_products() ? -1.0f : -2.0f; }
  float bias_factor(const FramedQuery& query) const {
    return compares_products() ? query.mean_share : 1.0f;
  }

  double KeyOfDistance(const FramedQuery& query, double distance) const;
  double DistanceOfKey(const FramedQuery& query, double key) const;
  /// How far a key may be wrong for rows about `distance` away.
  double Margin(const CodebookParams& params, const FramedQuery& query, double distance) const;
  /// Margin's unit.
  double ErrorUnit(double spread, const FramedQuery& query, double key) const;

 private:
  VectorMetric metric_;
  uint32_t dim_;
  const float* mean_;
  float unit_;
  bool rotated_;
  double mean_squared_;
  kernels::Rotation rotation_;
  std::vector<float> rotated_mean_;
};

}  // namespace tarn::index
