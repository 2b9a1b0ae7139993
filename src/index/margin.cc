// SPDX-License-Identifier: Apache-2.0
#include "index/margin.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "index/aligned.h"
#include "index/exact_distance.h"
#include "kernels/kernels.h"

namespace tarn::index {
namespace {

constexpr size_t kQueries = 64;
constexpr size_t kRowsPerQuery = 64;
// 3.3 standard deviations of a normal error; the queries are rows, so their error is typical.
constexpr double kDeviations = 3.3;

}  // namespace

float MeasureMargin(const VectorSet& vectors, const std::vector<uint32_t>& nodes,
                    const CodeFrame& frame, VectorMetric metric, const MarginCodes& codes) {
  const size_t n = nodes.size();
  if (n < 2) return 0;
  const uint32_t dim = vectors.dim;
  const size_t stride = size_t{CodeBlocks(dim)} * 64;
  const auto& kernel = kernels::KernelsFor(kernels::SimdLevel::kScalar);
  AlignedBytes query(2 * stride), row(stride);
  std::vector<float> scratch(dim);
  RotatedQuery rotated;
  double squares = 0;
  size_t count = 0;
  for (size_t i = 0; i < std::min(kQueries, n); ++i) {
    const float* q = vectors.vector(nodes[i * n / std::min(kQueries, n)]);
    EncodedQuery encoded;
    if (!frame.EncodeQuery(q, rotated, scratch.data(), query.as<int8_t>(), encoded)) continue;
    for (size_t j = 0; j < kRowsPerQuery; ++j) {
      // Fixed but scattered rows.
      const size_t node = (i * 0x9e3779b1u + j * 0x85ebca77u) % n;
      const auto sum_of = [&](const std::vector<std::byte>& part) {
        std::memcpy(row.as<std::byte>(), part.data() + node * stride, stride);
        int32_t sum = 0;
        kernel.codes.dot4_block(query.as<int8_t>(), row.as<uint8_t>(), stride / 64, 1, &sum);
        return double(sum);
      };
      const double high = sum_of(codes.high) - double{encoded.offset};
      // Eight bits are 16 * high + low, and their middle 127.5 is 17 * 7.5.
      const double sum = codes.low ? 16 * high + sum_of(*codes.low) - double{encoded.offset} : high;
      const kernels::RowFactor factor = codes.factors[node];
      const double key =
          double{encoded.bias_factor} * factor.bias + double{factor.scale} * encoded.factor * sum;
      const double exact = ExactInDouble(metric, q, vectors.vector(nodes[node]), dim);
      if (!std::isfinite(exact)) continue;
      const bool euclidean = metric == VectorMetric::kEuclidean;
      const double unit = factor.scale * (euclidean ? frame.InUnits(exact) : encoded.reach);
      if (!(unit > 0)) continue;
      const double error = (key - frame.KeyOfDistance(encoded, exact)) / unit;
      if (!std::isfinite(error)) continue;
      squares += error * error;
      ++count;
    }
  }
  if (count == 0) return 0;
  return static_cast<float>(std::min(kDeviations * std::sqrt(squares / count), 1e30));
}

}  // namespace tarn::index
