// SPDX-License-Identifier: Apache-2.0
#include "index/score_frame.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "index/code_frame.h"

namespace tarn::index {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// Outside of these, squares have lost digits or everything (exact_distance.cc).
constexpr float kTiny = 1e-30f;
constexpr float kHuge = 1e38f;

float RoundDown(double value) { return std::nextafter(static_cast<float>(value), -kInfinity); }

}  // namespace

// Each rounding is at most 2^-24 of its result; the constants leave room for the few roundings that
// are not part of the sums.
ScoreFrame::ScoreFrame(VectorMetric metric, uint32_t dim)
    : metric_(metric),
      dim_(dim),
      relative_((dim + 16) * 0x1p-24 * 1.01),
      absolute_(dim * 0x1p-120) {}

ScoreFrame::Row ScoreFrame::PrepareRow(float squares) const {
  constexpr Row kUnknown{0, std::numeric_limits<float>::quiet_NaN()};
  if (!(squares <= kHuge)) return kUnknown;
  switch (metric_) {
    case VectorMetric::kCosine:
      if (squares < kTiny) return kUnknown;
      return {static_cast<float>(1 / std::sqrt(double{squares})), 0};
    case VectorMetric::kEuclidean:
      return {1, static_cast<float>(-0.5 * squares * (1 - 4 * relative_) + absolute_)};
    default: {
      const double length = std::sqrt(double{std::max(squares, kTiny)});
      return {1, static_cast<float>(3 * relative_ * length + absolute_)};
    }
  }
}

ScoreFrame::Query ScoreFrame::PrepareQuery(const float* query, float* out) const {
  Query prepared;
  for (uint32_t d = 0; d < dim_; ++d) prepared.squares += double{query[d]} * query[d];
  if (metric_ != VectorMetric::kEuclidean) prepared.scale = InverseLength(query, dim_);
  for (uint32_t d = 0; d < dim_; ++d) out[d] = static_cast<float>(query[d] * prepared.scale);
  return prepared;
}

float ScoreFrame::Limit(const Query& query, float distance) const {
  // An infinite distance, a clamped one, or one that is no number: every row has to be compared.
  if (!(std::abs(distance) < kHuge)) return -kInfinity;
  switch (metric_) {
    case VectorMetric::kCosine:
      return RoundDown(1 - double{distance} - 4 * relative_);
    case VectorMetric::kEuclidean: {
      if (!(query.squares < kHuge)) return -kInfinity;
      const double squares = double{distance} * distance;
      return RoundDown(0.5 * (query.squares * (1 - 2 * relative_) - squares * (1 + 3 * relative_)) -
                       absolute_);
    }
    case VectorMetric::kDotProduct: {
      const double score = -double{distance} * query.scale;
      return RoundDown(score - relative_ * std::abs(score) - absolute_);
    }
    default: {
      const double score = 1 - double{distance};
      return RoundDown(score - relative_ * (1 + std::abs(score)) - absolute_);
    }
  }
}

float ScoreFrame::Width(const Query& query, float most_squares) const {
  const double squares = most_squares;
  double width = 0;
  if (metric_ == VectorMetric::kCosine) {
    width = 8 * relative_;
  } else if (metric_ == VectorMetric::kEuclidean) {
    width = 16 * relative_ * (squares + query.squares);
  } else {
    width = 8 * relative_ * (1 + std::sqrt(squares));
    if (metric_ == VectorMetric::kDotProduct) {
      width = 8 * relative_ * std::sqrt(std::max(squares, double{kTiny}));
    }
  }
  return static_cast<float>(width + 2 * absolute_);
}

}  // namespace tarn::index
