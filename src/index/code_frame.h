// SPDX-License-Identifier: Apache-2.0
//
// From vectors to codes. A row x becomes y = R(x / unit - mean) (cosine: x normalised first), R
// being the rotation, and y is quantised to 8 bits of which the high four are searched:
//   c = floor(y / clip * 128 + 128) in 0..255, clip = 3 rms of the row's own coordinates.
// Each row has a factor f = |y|^2 / <y, c_high - 7.5> (Gao & Long, RaBitQ, SIGMOD 2024), which
// makes f <q, c_high - 7.5> an estimate of <q, y> whose error is at right angles to y. A query
// loses what it has in common with the mean before it is rotated and rounded to int8 (under
// euclidean: the mean itself); the rows' products with the mean are stored and put back exactly.
#pragma once

#include <cstdint>
#include <vector>

#include "index/layout.h"
#include "kernels/rotation.h"

namespace tarn::index {

/// What centring and scaling need to know about the rows.
struct FrameStatistics {
  float unit = 1;
  std::vector<float> mean;  ///< of x / unit
};

/// Reads all rows; the same bits for any number of threads. The mean leaves out rows far longer
/// than the others, which would drag it away from all of them.
FrameStatistics MeasureRows(const VectorSet& vectors, VectorMetric metric, int threads);

/// A query of length 1, rotated: what all frames of one dimension and seed share. Made once for a
/// search of many indexes.
class RotatedQuery {
 public:
  /// False when a value is not finite. Does nothing when it holds this query already.
  bool Set(const float* query, uint32_t dim, uint64_t seed, const kernels::Rotation& rotation);

 private:
  friend class CodeFrame;
  uint64_t seed_ = 0;
  bool finite_ = false;
  double length_ = 0;
  std::vector<float> given_;
  std::vector<float> unit_;  // the query with length 1
  std::vector<float> rotated_;
};

/// A query as the code kernels take it. `codes` is 64-byte aligned and owned by the caller.
struct EncodedQuery {
  float offset = 0;  ///< 7.5 times the sum of the codes
  float factor = 0;  ///< key = bias_factor * bias + scale * factor * (sum - offset)
  float bias_factor = 0;
  float reach = 0;   ///< length of what was rounded
  float length = 0;  ///< of the query as given
  float base = 0;    ///< what to add to a key: see CodeFrame::KeyOfDistance
};

/// Immutable; any number of threads may use it.
class CodeFrame {
 public:
  static constexpr float kClip = 3.0f;
  static constexpr uint64_t kRotationSeed = 0x5441524e;

  CodeFrame(VectorMetric metric, uint32_t dim, const float* mean, float unit, uint64_t seed);

  /// Prepares and rotates a row: `out` has dim values; `scratch` too.
  void RotateRow(const float* row, float* scratch, float* out) const;
  /// What of a row's key does not depend on its code: |y|^2 under euclidean, else -<mean, y>.
  float RowBias(const float* centred) const;
  /// The centred row before its rotation.
  void CentreRow(const float* row, float* out) const;

  /// Encodes a query into `codes` (128 * CodeBlocks(dim) bytes); `scratch` has dim values. False
  /// when a value is not finite.
  bool EncodeQuery(const float* query, RotatedQuery& rotated, float* scratch, int8_t* codes,
                   EncodedQuery& out) const;

  /// See VectorIndex::Reach; `radius`: no row lies farther from the mean, in units.
  VectorIndex::Distance Reach(const float* query, float radius) const;

  /// Keys order rows like distances do: cosine -<q^, y>, dot product -<q^, y> (q^ has length 1),
  /// euclidean |q' - y|^2 - |q'|^2.
  double KeyOfDistance(const EncodedQuery& query, double distance) const;
  /// A euclidean distance as a multiple of the unit.
  double InUnits(double distance) const { return distance / unit_; }
  double DistanceOfKey(const EncodedQuery& query, double key) const;

 private:
  VectorMetric metric_;
  uint32_t dim_;
  const float* mean_;  // must outlive this
  float unit_;
  double mean_squared_;
  uint64_t seed_;
  kernels::Rotation rotation_;
  std::vector<float> rotated_mean_;
};

/// Sets the code rows of one rotated row; `low` may be null. Returns the row's factors for the high
/// codes and for all eight bits.
struct RowFactors {
  kernels::RowFactor high;
  kernels::RowFactor all;
};
RowFactors EncodeRow(const float* rotated, uint32_t dim, float bias, uint8_t* high, uint8_t* low);

/// 1 / length in double, or 0 for a zero vector.
double InverseLength(const float* v, uint32_t dim);

}  // namespace tarn::index
