// SPDX-License-Identifier: Apache-2.0
#include "index/code_frame.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"

namespace tarn::index {
namespace {

bool IsCosine(VectorMetric metric) { return metric == VectorMetric::kCosine; }

double SquaredLength(const float* v, uint32_t dim) {
  double sum = 0;
  for (uint32_t d = 0; d < dim; ++d) sum += double{v[d]} * v[d];
  return sum;
}

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
    // underflow.
    out.unit = static_cast<float>(std::clamp(rms * std::sqrt(dim), 1e-37, 1e37));
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
      rotation_(dim, seed) {}

void CodeFrame::CentreRow(const float* row, float* out) const {
  const double scale = IsCosine(metric_) ? InverseLength(row, dim_) : 1 / double{unit_};
  for (uint32_t d = 0; d < dim_; ++d) out[d] = static_cast<float>(row[d] * scale) - mean_[d];
}

void CodeFrame::RotateRow(const float* row, float* scratch, float* out) const {
  CentreRow(row, scratch);
  rotation_.Apply(scratch, out);
}

bool CodeFrame::EncodeQuery(const float* query, float* scratch, int8_t* codes,
                            EncodedQuery& out) const {
  const double length = std::sqrt(SquaredLength(query, dim_));
  if (!std::isfinite(length)) return false;
  const double inverse = length > 0 ? 1 / length : 0;
  out.length = length;
  const bool euclidean = metric_ == VectorMetric::kEuclidean;
  if (euclidean) {
    CentreRow(query, scratch);
    out.bias_factor = 1;
    out.base = static_cast<float>(std::min(SquaredLength(scratch, dim_), 1e38));
  } else {
    double with_mean = 0;
    for (uint32_t d = 0; d < dim_; ++d) {
      scratch[d] = static_cast<float>(query[d] * inverse);
      with_mean += double{scratch[d]} * mean_[d];
    }
    out.base = static_cast<float>(with_mean);
    // What the query has in common with the mean meets the rows' exact products with it.
    out.bias_factor = mean_squared_ > 1e-12 ? static_cast<float>(with_mean / mean_squared_) : 0;
    for (uint32_t d = 0; d < dim_; ++d) scratch[d] -= out.bias_factor * mean_[d];
  }
  out.reach = static_cast<float>(std::sqrt(SquaredLength(scratch, dim_)));
  rotation_.Apply(scratch, scratch);
  float largest = 0;
  for (uint32_t d = 0; d < dim_; ++d) largest = std::max(largest, std::abs(scratch[d]));
  if (!std::isfinite(largest)) return false;
  const float per_step = largest > 1e-30f ? 127 / largest : 0;
  int32_t sum = 0;
  for (uint32_t d = 0; d < dim_; ++d) {
    const int code = static_cast<int>(std::lrintf(scratch[d] * per_step));
    codes[d] = static_cast<int8_t>(code);
    sum += code;
  }
  std::fill(codes + dim_, codes + size_t{CodeBlocks(dim_)} * 128, int8_t{0});
  out.offset = 7.5f * static_cast<float>(sum);
  const float step = largest / 127;
  out.factor = euclidean ? -2 * step : -step;
  return true;
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
