// SPDX-License-Identifier: Apache-2.0
#include "tests/recall/labelled_data.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "arrow/api.h"
#include "arrow/io/file.h"
#include "parquet/arrow/reader.h"

namespace tarn::testing {
namespace {

std::vector<float> ReadVectors(const std::string& path) {
  auto file = arrow::io::ReadableFile::Open(path).ValueOrDie();
  auto reader = parquet::arrow::OpenFile(file, arrow::default_memory_pool()).ValueOrDie();
  const auto table = reader->ReadTable().ValueOrDie();
  std::vector<float> values;
  for (const auto& chunk : table->GetColumnByName("embedding")->chunks()) {
    const auto flat = static_cast<const arrow::ListArray&>(*chunk).Flatten().ValueOrDie();
    const auto& floats = static_cast<const arrow::FloatArray&>(*flat);
    values.insert(values.end(), floats.raw_values(), floats.raw_values() + floats.length());
  }
  return values;
}

}  // namespace

const LabelledData& WordNetSample() {
  static const LabelledData data = [] {
    LabelledData sample;
    sample.name = "wordnet";
    sample.dim = 384;
    sample.base = ReadVectors("data/wordnet-sample/wordnet-sample.parquet");
    sample.queries = ReadVectors("data/wordnet-sample/wordnet-sample-queries.parquet");
    return sample;
  }();
  return data;
}

LabelledData Mixture(size_t rows, uint32_t dim, size_t clusters) {
  constexpr uint32_t kInner = 16;
  constexpr size_t kQueries = 50;
  LabelledData data;
  data.name = "mixture";
  data.dim = dim;
  std::mt19937 random(20261121);
  std::normal_distribution<float> normal;
  std::vector<float> turn(size_t{kInner} * dim), centres(clusters * kInner);
  for (float& v : turn) v = normal(random) / std::sqrt(float{kInner});
  for (float& v : centres) v = normal(random);
  const auto draw = [&](std::vector<float>* out) {
    const size_t centre = random() % clusters;
    float inner[kInner];
    for (uint32_t i = 0; i < kInner; ++i)
      inner[i] = centres[centre * kInner + i] + 0.5f * normal(random);
    for (uint32_t d = 0; d < dim; ++d) {
      float value = 0.03f * normal(random);
      for (uint32_t i = 0; i < kInner; ++i) value += inner[i] * turn[i * dim + d];
      out->push_back(value);
    }
  };
  for (size_t row = 0; row < rows; ++row) {
    if (row > 100 && row % 20 == 0) {
      const size_t copied = random() % row;
      for (uint32_t d = 0; d < dim; ++d) data.base.push_back(data.base[copied * dim + d]);
    } else {
      draw(&data.base);
    }
  }
  for (size_t query = 0; query < kQueries; ++query) draw(&data.queries);
  return data;
}

double DistanceOf(VectorMetric metric, const float* a, const float* b, uint32_t dim) {
  double dot = 0, a_norm = 0, b_norm = 0, squares = 0;
  for (uint32_t d = 0; d < dim; ++d) {
    const double x = a[d], y = b[d];
    dot += x * y;
    a_norm += x * x;
    b_norm += y * y;
    squares += (x - y) * (x - y);
  }
  if (metric == VectorMetric::kEuclidean) return std::sqrt(squares);
  if (metric == VectorMetric::kDotProduct) return -dot;
  return 1 - dot / std::sqrt(a_norm * b_norm);
}

std::vector<uint32_t> RowsByDistance(const LabelledData& data, VectorMetric metric, size_t query,
                                     const std::function<bool(uint32_t)>& live) {
  std::vector<std::pair<double, uint32_t>> scored;
  for (uint32_t row = 0; row < data.rows(); ++row) {
    if (live && !live(row)) continue;
    scored.emplace_back(DistanceOf(metric, data.query(query), data.row(row), data.dim), row);
  }
  std::sort(scored.begin(), scored.end());
  std::vector<uint32_t> rows;
  for (const auto& [distance, row] : scored) rows.push_back(row);
  return rows;
}

}  // namespace tarn::testing
