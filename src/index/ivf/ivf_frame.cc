// SPDX-License-Identifier: Apache-2.0
#include "index/ivf/ivf_frame.h"

#include <algorithm>
#include <cmath>

#include "index/code_frame.h"
#include "index/layout.h"

namespace tarn::index {
namespace {

double Dot(const float* a, const float* b, uint32_t dim) {
  double sum = 0;
  for (uint32_t d = 0; d < dim; ++d) sum += double{a[d]} * b[d];
  return sum;
}

constexpr double kFarthest = 1e15;

// Keys stay finite whatever the rows are.
float Bounded(double value) { return static_cast<float>(std::clamp(value, -1e37, 1e37)); }

}  // namespace

IvfFrame::IvfFrame(VectorMetric metric, uint32_t dim, const float* mean, float unit, bool rotated)
    : metric_(metric),
      dim_(dim),
      mean_(mean),
      unit_(unit),
      rotated_(rotated),
      mean_squared_(Dot(mean, mean, dim)),
      rotation_(dim, kRotationSeed),
      rotated_mean_(dim) {
  Rotate(mean, rotated_mean_.data());
}

bool IvfFrame::compares_angles() const { return ComparesAngles(metric_); }

void IvfFrame::ScaleRow(const float* row, float* out) const {
  const double scale = compares_angles() ? InverseLength(row, dim_) : 1 / double{unit_};
  for (uint32_t d = 0; d < dim_; ++d) out[d] = static_cast<float>(row[d] * scale);
}

void IvfFrame::Rotate(const float* in, float* out) const {
  if (rotated_) {
    rotation_.Apply(in, out);
  } else if (in != out) {
    std::copy_n(in, dim_, out);
  }
}

void IvfFrame::PrepareRow(const float* row, float* out) const {
  ScaleRow(row, out);
  for (uint32_t d = 0; d < dim_; ++d) out[d] -= mean_[d];
  Rotate(out, out);
}

bool IvfFrame::PrepareQuery(const float* query, float* out, FramedQuery& framed) const {
  const double length = std::sqrt(Dot(query, query, dim_));
  if (!std::isfinite(length)) return false;
  framed.length = static_cast<float>(length);
  framed.with_mean = 0;
  framed.mean_share = 0;
  if (metric_ == VectorMetric::kEuclidean) {
    PrepareRow(query, out);
  } else {
    const double inverse = length > 0 ? 1 / length : 0;
    for (uint32_t d = 0; d < dim_; ++d) out[d] = static_cast<float>(query[d] * inverse);
    const double with_mean = Dot(out, mean_, dim_);
    framed.with_mean = static_cast<float>(with_mean);
    if (!compares_products()) {
      framed.mean_share = 1;
    } else if (mean_squared_ > 1e-12) {
      framed.mean_share = static_cast<float>(with_mean / mean_squared_);
    }
    for (uint32_t d = 0; d < dim_; ++d) out[d] -= framed.mean_share * mean_[d];
    Rotate(out, out);
  }
  double squared = Dot(out, out, dim_);
  if (!std::isfinite(squared)) return false;
  if (squared > kFarthest * kFarthest) {
    // From so far away only the direction tells rows apart, and keys must not overflow.
    const double shrink = kFarthest / std::sqrt(squared);
    for (uint32_t d = 0; d < dim_; ++d) out[d] = static_cast<float>(out[d] * shrink);
    squared = kFarthest * kFarthest;
  }
  framed.squared = static_cast<float>(squared);
  framed.reach = static_cast<float>(std::sqrt(squared));
  return true;
}

IvfFrame::Factors IvfFrame::RowFactors(const float* y, const float* centroid,
                                       const float* decoded) const {
  double squared = 0, with_decoded = 0;
  for (uint32_t d = 0; d < dim_; ++d) {
    const double r = double{y[d]} - centroid[d];
    squared += r * r;
    with_decoded += r * decoded[d];
  }
  // A code that is far off must not be drawn out: its error would grow with it.
  const double most = 2 * std::sqrt(squared);
  const double scale = with_decoded > 0 ? std::min(squared / with_decoded, most) : 0;
  double bias = 0;
  if (compares_products()) {
    bias = -Dot(rotated_mean_.data(), y, dim_);
  } else {
    for (uint32_t d = 0; d < dim_; ++d) {
      const double error = scale * decoded[d] - (double{y[d]} - centroid[d]);
      bias += double{y[d]} * y[d] + 2 * error * centroid[d];
    }
  }
  return {Bounded(scale), Bounded(bias)};
}

double IvfFrame::KeyOfDistance(const FramedQuery& query, double distance) const {
  if (compares_products()) {
    return query.length > 0 ? distance / (double{query.length} * unit_) + query.with_mean : 0;
  }
  if (compares_angles()) return 2 * distance - query.squared;
  return (distance / unit_) * (distance / unit_) - query.squared;
}

double IvfFrame::DistanceOfKey(const FramedQuery& query, double key) const {
  if (compares_products()) return (key - query.with_mean) * query.length * unit_;
  const double squared = std::max(key + query.squared, 0.0);
  return compares_angles() ? squared / 2 : std::sqrt(squared) * unit_;
}

double IvfFrame::ErrorUnit(double spread, const FramedQuery& query, double key) const {
  if (compares_products()) return query.reach;
  return 2 * std::sqrt(std::max(key + query.squared, 0.0) + spread);
}

double IvfFrame::Margin(const CodebookParams& params, const FramedQuery& query,
                        double distance) const {
  return params.margin * ErrorUnit(params.spread, query, KeyOfDistance(query, distance));
}

}  // namespace tarn::index
