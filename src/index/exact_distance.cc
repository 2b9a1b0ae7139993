// SPDX-License-Identifier: Apache-2.0
#include "index/exact_distance.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/bytes.h"
#include "base/float16.h"
#include "index/code_frame.h"

namespace tarn::index {
namespace {

// Squares outside of these have lost digits, or everything.
constexpr float kTiny = 1e-30f;
constexpr float kHuge = 1e38f;

float ToFloat(double value) {
  constexpr double kMost = std::numeric_limits<float>::max();
  return static_cast<float>(std::isnan(value) ? value : std::clamp(value, -kMost, kMost));
}

struct Sums {
  double dot = 0;
  double row_norm = 0;
  double l2 = 0;
  void Add(double q, double x) {
    dot += q * x;
    row_norm += x * x;
    l2 += (q - x) * (q - x);
  }
  // For a query of length 1 under both cosines.
  double Distance(VectorMetric metric) const {
    switch (metric) {
      case VectorMetric::kEuclidean:
        return std::sqrt(l2);
      case VectorMetric::kDotProduct:
        return -dot;
      case VectorMetric::kCosine:
        return row_norm > 0 ? 1 - dot / std::sqrt(row_norm) : std::nan("");
      default:
        return 1 - dot;
    }
  }
};

}  // namespace

double ExactInDouble(VectorMetric metric, const float* query, const float* row, uint32_t dim) {
  const double scale = ComparesAngles(metric) ? InverseLength(query, dim) : 1;
  Sums sums;
  for (uint32_t d = 0; d < dim; ++d) sums.Add(query[d] * scale, row[d]);
  return sums.Distance(metric);
}

ExactDistance::ExactDistance(VectorMetric metric, VectorPrecision precision, uint32_t dim,
                             const float* query, float step)
    : metric_(metric),
      precision_(precision),
      dim_(dim),
      query_(query, query + dim),
      table_(kernels::Kernels()) {
  if (ComparesAngles(metric)) {
    const double inverse = InverseLength(query, dim);
    for (float& v : query_) v = static_cast<float>(v * inverse);
  }
  scaled_ = query_;
  UseStep(step);
}

// Scaling by a power of two commutes with rounding. Instead of the row, the query is scaled for
// products, and its inverse for differences, whose length Finish scales back; an angle needs
// neither.
void ExactDistance::UseStep(float step) {
  if (step == step_) return;
  step_ = step;
  if (metric_ == VectorMetric::kCosine) return;
  const float factor = metric_ == VectorMetric::kEuclidean ? 1 / step : step;
  for (size_t d = 0; d < query_.size(); ++d) scaled_[d] = query_[d] * factor;
}

float ExactDistance::At(const std::byte* row, uint32_t d) const {
  switch (precision_) {
    case VectorPrecision::kF16:
      return HalfToFloat(LoadLe<uint16_t>(row + 2 * size_t{d}));
    case VectorPrecision::kI8:
      return step_ * static_cast<float>(LoadLe<int8_t>(row + d));
    default:
      return LoadLe<float>(row + 4 * size_t{d});
  }
}

float ExactDistance::InDouble(const std::byte* row) const {
  Sums sums;
  for (uint32_t d = 0; d < dim_; ++d) sums.Add(query_[d], At(row, d));
  return ToFloat(sums.Distance(metric_));
}

template <class RowAt>
void ExactDistance::Finish(size_t n, float* out, RowAt row) {
  switch (metric_) {
    case VectorMetric::kEuclidean:
      for (size_t i = 0; i < n; ++i) {
        const bool sound = out[i] >= kTiny && out[i] <= kHuge;
        out[i] = sound ? step_ * std::sqrt(out[i]) : InDouble(row(i));
      }
      return;
    case VectorMetric::kDotProduct:
      for (size_t i = 0; i < n; ++i) {
        const float size = std::abs(out[i]);
        out[i] = size >= kTiny && size <= kHuge ? -out[i] : InDouble(row(i));
      }
      return;
    case VectorMetric::kCosine:
      for (size_t i = 0; i < n; ++i) {
        const float dot = pairs_[2 * i], norm = pairs_[2 * i + 1];
        const bool sound = norm >= kTiny && norm <= kHuge && std::isfinite(dot);
        out[i] = sound ? 1 - dot / std::sqrt(norm) : InDouble(row(i));
      }
      return;
    default:
      for (size_t i = 0; i < n; ++i) out[i] = 1 - out[i];
  }
}

void ExactDistance::Gather(const std::byte* const* rows, size_t n, float* out) {
  if (metric_ == VectorMetric::kCosine) {
    pairs_.resize(2 * n);
    kernels().dot_norm_gather(scaled_.data(), dim_, rows, n, pairs_.data());
  } else if (metric_ == VectorMetric::kEuclidean) {
    kernels().l2_gather(scaled_.data(), dim_, rows, n, out);
  } else {
    kernels().dot_gather(scaled_.data(), dim_, rows, n, out);
  }
  Finish(n, out, [&](size_t i) { return rows[i]; });
}

void ExactDistance::Block(const std::byte* rows, size_t n, float* out) {
  if (metric_ == VectorMetric::kCosine) {
    pairs_.resize(2 * n);
    kernels().dot_norm_block(scaled_.data(), dim_, rows, n, pairs_.data());
  } else if (metric_ == VectorMetric::kEuclidean) {
    kernels().l2_block(scaled_.data(), dim_, rows, n, out);
  } else {
    kernels().dot_block(scaled_.data(), dim_, rows, n, out);
  }
  Finish(n, out, [&](size_t i) { return rows + i * row_bytes(); });
}

}  // namespace tarn::index
