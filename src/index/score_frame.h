// SPDX-License-Identifier: Apache-2.0
//
// Estimates of distances from f32 products of many queries with many rows, and how wrong they can
// be. A row's score for a query is <query, row> + bias, where both were prepared here; nearer rows
// have larger scores. The error bounds are those of summation in any order (Higham, Accuracy and
// Stability of Numerical Algorithms, 2002, section 3.1), for the product and for the exact kernels
// alike, so that a row below Limit(d) is certainly farther than d by the exact kernels.
#pragma once

#include <cstdint>

#include "tarn/types.h"

namespace tarn::index {

/// Immutable and thread-safe.
class ScoreFrame {
 public:
  struct Row {
    float scale = 1;  ///< to multiply the row's values with
    float bias = 0;   ///< NaN: nothing can be said, compare exactly
  };
  struct Query {
    double scale = 1;  ///< to multiply the query's values with
    double squares = 0;
  };

  ScoreFrame(VectorMetric metric, uint32_t dim);

  /// `squares`: the row's squared length as an f32 kernel sums it up.
  Row PrepareRow(float squares) const;
  /// Writes the values to multiply rows with.
  Query PrepareQuery(const float* query, float* out) const;
  /// Scores below it are certainly farther than `distance`.
  float Limit(const Query& query, float distance) const;
  /// Of two rows of at most this squared length whose scores differ by more, the one of the larger
  /// score is certainly nearer.
  float Width(const Query& query, float most_squares) const;

 private:
  VectorMetric metric_;
  uint32_t dim_;
  double relative_;  // of a sum, to the sum of its terms' sizes
  double absolute_;  // of sums that underflow
};

}  // namespace tarn::index
