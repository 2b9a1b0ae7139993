// SPDX-License-Identifier: Apache-2.0
//
// Small files of known content, for the tests of writing and reading them.
#pragma once

#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "arrow/api.h"
#include "tarn/ailake_file.h"

namespace tarn {

/// Random unit vectors; with `null_every` n > 0 every n-th row is null.
inline EmbeddingsView RandomVectors(int64_t rows, int32_t dim, int64_t null_every, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  auto values = std::make_shared<arrow::FloatBuilder>();
  arrow::ListBuilder builder(arrow::default_memory_pool(), values);
  for (int64_t row = 0; row < rows; ++row) {
    if (null_every > 0 && row % null_every == null_every - 1) {
      (void)builder.AppendNull();
      continue;
    }
    std::vector<float> vector(dim);
    float norm = 0;
    for (float& v : vector) {
      v = normal(random);
      norm += v * v;
    }
    for (float& v : vector) v /= std::sqrt(norm);
    (void)builder.Append();
    (void)values->AppendValues(vector);
  }
  return EmbeddingsView::FromArrow(builder.Finish().ValueOrDie(), dim).ValueOrDie();
}

/// id int64, name string, tags list<string>, pair struct{a: int32, b: string}.
inline std::shared_ptr<arrow::RecordBatch> MakeRows(int64_t rows) {
  arrow::Int64Builder ids;
  arrow::StringBuilder names;
  auto tag = std::make_shared<arrow::StringBuilder>();
  arrow::ListBuilder tags(arrow::default_memory_pool(), tag);
  auto a = std::make_shared<arrow::Int32Builder>();
  auto b = std::make_shared<arrow::StringBuilder>();
  const auto pair =
      arrow::struct_({arrow::field("a", arrow::int32()), arrow::field("b", arrow::utf8())});
  arrow::StructBuilder pairs(pair, arrow::default_memory_pool(), {a, b});
  for (int64_t row = 0; row < rows; ++row) {
    (void)ids.Append(row);
    (void)(row % 5 == 0 ? names.AppendNull() : names.Append("name " + std::to_string(row)));
    (void)(row % 7 == 0 ? tags.AppendNull() : tags.Append());
    for (int64_t i = 0; row % 7 != 0 && i < row % 4; ++i)
      (void)tag->Append("tag " + std::to_string(row * 10 + i));
    (void)pairs.Append(row % 3 != 0);
    (void)(row % 11 == 0 ? a->AppendNull() : a->Append(static_cast<int32_t>(row)));
    (void)b->Append("b" + std::to_string(row % 13));
  }
  const auto schema =
      arrow::schema({arrow::field("id", arrow::int64(), false), arrow::field("name", arrow::utf8()),
                     arrow::field("tags", arrow::list(arrow::utf8())), arrow::field("pair", pair)});
  return arrow::RecordBatch::Make(schema, rows,
                                  {ids.Finish().ValueOrDie(), names.Finish().ValueOrDie(),
                                   tags.Finish().ValueOrDie(), pairs.Finish().ValueOrDie()});
}

inline VectorStoragePolicy PolicyOf(int32_t dim, VectorPrecision precision = VectorPrecision::kF32,
                                    VectorMetric metric = VectorMetric::kEuclidean) {
  VectorStoragePolicy policy;
  policy.column_name = "embedding";
  policy.dim = dim;
  policy.metric = metric;
  policy.precision = precision;
  return policy;
}

}  // namespace tarn
