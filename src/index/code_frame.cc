// SPDX-License-Identifier: Apache-2.0
#include "index/code_frame.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/parallel.h"

namespace tarn::index {
namespace {

bool IsCosine(VectorMetric metric) { return metric == VectorMetric::kCosine; }

// Eight sums side by side, in one order everywhere: the compiler may use vectors and the result
// does not depend on them.
double Product(const float* a, const float* b, uint32_t dim) {
  constexpr uint32_t kLanes = 8;
  double sums[kLanes] = {};
  uint32_t d = 0;
  for (; d + kLanes <= dim; d += kLanes) {
    for (uint32_t i = 0; i < kLanes; ++i) sums[i] += double{a[d + i]} * b[d + i];
  }
  for (uint32_t i = 0; d < dim; ++d, ++i) sums[i] += double{a[d]} * b[d];
  return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}
double SquaredLength(const float* v, uint32_t dim) { return Product(v, v, dim); }

// Sums of `width` doubles over all rows, the same bits for any number of threads: ranges of rows
// are fixed and their sums are added in order.
template <class AddRow>
std::vector<double> SumRows(size_t rows, size_t width, int threads, AddRow add_row) {
  constexpr size_t kRange = 4096;
  const size_t ranges = (rows + kRange - 1) / kRange;
  std::vector<std::vector<double>> partial(ranges);
  ParallelFor(rows, kRange, threads, [&](size_t begin, size_t end, int) {
    auto& sums = partial[begin / kRange];
    sums.assign(width, 0);
    for (size_t i = begin; i < end; ++i) add_row(i, sums.data());
  });
  std::vector<double> total(width, 0);
  for (const auto& sums : partial) {
    for (size_t d = 0; d < width; ++d) total[d] += sums[d];
  }
  return total;
}

}  // namespace

double InverseLength(const float* v, uint32_t dim) {
  const double length = std::sqrt(SquaredLength(v, dim));
  return length > 0 ? 1 / length : 0;
}

FrameStatistics MeasureRows(const VectorSet& vectors, VectorMetric metric, int threads) {
  FrameStatistics out;
  const uint32_t dim = vectors.dim;
  const size_t n = vectors.count;
  out.mean.assign(dim, 0);
  if (n == 0) return out;

  std::vector<double> lengths(n);
  ParallelFor(n, 4096, threads, [&](size_t begin, size_t end, int) {
    for (size_t i = begin; i < end; ++i)
      lengths[i] = std::sqrt(SquaredLength(vectors.vector(i), dim));
  });
  std::vector<double> sorted = lengths;
  std::nth_element(sorted.begin(), sorted.begin() + n / 2, sorted.end());
  const double longest = IsCosine(metric) ? 0 : 8 * sorted[n / 2];
  const auto counts = [&](size_t i) { return IsCosine(metric) || lengths[i] <= longest; };
  const auto scale = [&](size_t i) {
    return IsCosine(metric) ? (lengths[i] > 0 ? 1 / lengths[i] : 0) : 1.0;
  };

  const auto sums = SumRows(n, dim + 1, threads, [&](size_t i, double* sum) {
    if (!counts(i)) return;
    const float* v = vectors.vector(i);
    const double s = scale(i);
    for (uint32_t d = 0; d < dim; ++d) sum[d] += v[d] * s;
    sum[dim] += 1;
  });
  std::vector<double> mean(dim);
  for (uint32_t d = 0; d < dim; ++d) mean[d] = sums[dim] > 0 ? sums[d] / sums[dim] : 0;

  const auto spread = SumRows(n, 1, threads, [&](size_t i, double* sum) {
    const float* v = vectors.vector(i);
    const double s = scale(i);
    for (uint32_t d = 0; d < dim; ++d) {
      const double centred = v[d] * s - mean[d];
      *sum += centred * centred;
    }
  });
  const double rms = std::sqrt(spread[0] / (static_cast<double>(n) * dim));
  if (!ComparesAngles(metric)) {
    // The unit makes the mean square of |y| about 1, far from where squares of floats over- or
    // underflow. Rows nearer to each other than floats of their size can tell have no spread to
    // measure by: a unit of nothing would make the mean infinite.
    double largest = 0;
    for (const double m : mean) largest = std::max(largest, std::abs(m));
    const double least = std::max(1e-37, std::ldexp(largest, -24));
    out.unit = static_cast<float>(std::clamp(rms * std::sqrt(dim), least, 1e37));
  }
  for (uint32_t d = 0; d < dim; ++d) out.mean[d] = static_cast<float>(mean[d] / out.unit);

  return out;
}

CodeFrame::CodeFrame(VectorMetric metric, uint32_t dim, const float* mean, float unit,
                     uint64_t seed)
    : metric_(metric),
      dim_(dim),
      mean_(mean),
      unit_(unit),
      mean_squared_(SquaredLength(mean, dim)),
      seed_(seed),
      rotation_(dim, seed),
      rotated_mean_(dim) {
  rotation_.Apply(mean, rotated_mean_.data());
}

void CodeFrame::CentreRow(const float* row, float* out) const {
  const double scale = IsCosine(metric_) ? InverseLength(row, dim_) : 1 / double{unit_};
  for (uint32_t d = 0; d < dim_; ++d) out[d] = static_cast<float>(row[d] * scale) - mean_[d];
}

void CodeFrame::RotateRow(const float* row, float* scratch, float* out) const {
  CentreRow(row, scratch);
  rotation_.Apply(scratch, out);
}

bool RotatedQuery::Set(const float* query, uint32_t dim, uint64_t seed,
                       const kernels::Rotation& rotation) {
  const size_t bytes = size_t{dim} * sizeof(float);
  if (seed_ == seed && given_.size() == dim && std::memcmp(given_.data(), query, bytes) == 0) {
    return finite_;
  }
  seed_ = seed;
  given_.assign(query, query + dim);
  length_ = std::sqrt(SquaredLength(query, dim));
  finite_ = std::isfinite(length_);
  if (!finite_) return false;
  const double inverse = length_ > 0 ? 1 / length_ : 0;
  unit_.resize(dim);
  rotated_.resize(dim);
  for (uint32_t d = 0; d < dim; ++d) unit_[d] = static_cast<float>(query[d] * inverse);
  rotation.Apply(unit_.data(), rotated_.data());
  return true;
}

bool CodeFrame::EncodeQuery(const float* query, RotatedQuery& rotated, float* scratch,
                            int8_t* codes, EncodedQuery& out) const {
  if (!rotated.Set(query, dim_, seed_, rotation_)) return false;
  out.length = static_cast<float>(rotated.length_);
  const bool euclidean = metric_ == VectorMetric::kEuclidean;
  float scale = 1, means = 1;
  if (euclidean) {
    scale = static_cast<float>(rotated.length_ / unit_);
    out.bias_factor = 1;
  } else {
    const double with_mean = Product(rotated.unit_.data(), mean_, dim_);
    out.base = static_cast<float>(with_mean);
    // What the query has in common with the mean meets the rows' exact products with it.
    out.bias_factor = mean_squared_ > 1e-12 ? static_cast<float>(with_mean / mean_squared_) : 0;
    means = out.bias_factor;
  }
  const float* __restrict from = rotated.rotated_.data();
  const float* __restrict mean = rotated_mean_.data();
  float* __restrict to = scratch;
  float largest = 0;
  for (uint32_t d = 0; d < dim_; ++d) to[d] = from[d] * scale - mean[d] * means;
  for (uint32_t d = 0; d < dim_; ++d) largest = std::max(largest, std::abs(to[d]));
  const double squared = SquaredLength(to, dim_);
  if (!std::isfinite(largest)) return false;
  out.reach = static_cast<float>(std::sqrt(squared));
  if (euclidean) out.base = static_cast<float>(std::min(squared, 1e38));
  const float per_step = largest > 1e-30f ? 127 / largest : 0;
  int32_t sum = 0;
  for (uint32_t d = 0; d < dim_; ++d) {
    // Rounds to nearest: the shifted value is positive.
    const int code = static_cast<int>(to[d] * per_step + 128.5f) - 128;
    codes[d] = static_cast<int8_t>(code);
    sum += code;
  }
  std::fill(codes + dim_, codes + size_t{CodeBlocks(dim_)} * 128, int8_t{0});
  out.offset = 7.5f * static_cast<float>(sum);
  const float step = largest / 127;
  out.factor = euclidean ? -2 * step : -step;
  return true;
}

VectorIndex::Distance CodeFrame::Reach(const float* query, float radius) const {
  const double squared = SquaredLength(query, dim_);
  const double with_mean = Product(query, mean_, dim_);
  VectorIndex::Distance out;
  if (metric_ == VectorMetric::kDotProduct) {
    out.expected = static_cast<float>(-with_mean * unit_);
    return out;
  }
  const bool euclidean = metric_ == VectorMetric::kEuclidean;
  const double scale = euclidean ? 1 / double{unit_} : squared > 0 ? 1 / std::sqrt(squared) : 0;
  const double query_squared = squared * scale * scale;
  const double apart =
      std::sqrt(std::max(query_squared - 2 * with_mean * scale + mean_squared_, 0.0));
  if (!std::isfinite(apart)) return out;
  out.expected = static_cast<float>(euclidean ? apart * unit_ : apart);
  // Rows of normalised cosine are not quite of length 1, and nothing says how far they may be off.
  if (metric_ == VectorMetric::kNormalizedCosine) return out;
  // Rounding of rows, means and exact distances to f32.
  const double slack = 1e-4 + 1e-5 * (std::sqrt(query_squared) + radius);
  const double least = apart - radius - slack;
  if (!(least > 0)) return out;
  // |q - x|^2 = 2 (1 - <q, x>) for directions.
  out.least = static_cast<float>(euclidean ? least * unit_ : least * least / 2);
  return out;
}

double CodeFrame::KeyOfDistance(const EncodedQuery& query, double distance) const {
  switch (metric_) {
    case VectorMetric::kEuclidean:
      return (distance / unit_) * (distance / unit_) - query.base;
    case VectorMetric::kDotProduct:
      return query.length > 0 ? distance / (double{query.length} * unit_) + query.base : 0;
    default:
      return distance - 1 + query.base;
  }
}

double CodeFrame::DistanceOfKey(const EncodedQuery& query, double key) const {
  switch (metric_) {
    case VectorMetric::kEuclidean:
      return std::sqrt(std::max(key + query.base, 0.0)) * unit_;
    case VectorMetric::kDotProduct:
      return (key - query.base) * query.length * unit_;
    default:
      return key - query.base + 1;
  }
}

float CodeFrame::RowBias(const float* centred) const {
  if (metric_ == VectorMetric::kEuclidean) return static_cast<float>(SquaredLength(centred, dim_));
  double with_mean = 0;
  for (uint32_t d = 0; d < dim_; ++d) with_mean += double{centred[d]} * mean_[d];
  return static_cast<float>(-with_mean);
}

RowFactors EncodeRow(const float* rotated, uint32_t dim, float bias, uint8_t* high, uint8_t* low) {
  const double squared = SquaredLength(rotated, dim);
  const auto rms = static_cast<float>(std::sqrt(squared / dim));
  const float per_step = rms > 1e-30f ? 128 / (CodeFrame::kClip * rms) : 0;
  const uint32_t blocks = CodeBlocks(dim);
  std::fill(high, high + size_t{blocks} * 64, uint8_t{0});
  if (low) std::fill(low, low + size_t{blocks} * 64, uint8_t{0});
  double with_high = 0, with_all = 0;
  for (uint32_t d = 0; d < dim; ++d) {
    const float place = std::clamp(rotated[d] * per_step + 128, 0.0f, 255.0f);
    const auto code = static_cast<uint8_t>(place);
    const size_t at = size_t{d / 128} * 64 + d % 64;
    const int shift = d % 128 < 64 ? 0 : 4;
    high[at] |= static_cast<uint8_t>((code >> 4) << shift);
    if (low) low[at] |= static_cast<uint8_t>((code & 15) << shift);
    with_high += rotated[d] * ((code >> 4) - 7.5);
    with_all += rotated[d] * (code - 127.5);
  }

  const auto ratio = [&](double with) { return static_cast<float>(with > 0 ? squared / with : 0); };
  return {{ratio(with_high), bias}, {ratio(with_all), bias}};
}

}  // namespace tarn::index
