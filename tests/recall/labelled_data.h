// SPDX-License-Identifier: Apache-2.0
//
// Data sets for recall tests, with exact answers by plain comparison in double precision.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tarn/types.h"

namespace tarn::testing {

/// Rows and queries, row-major.
struct LabelledData {
  std::string name;
  uint32_t dim = 0;
  std::vector<float> base;
  std::vector<float> queries;

  size_t rows() const { return base.size() / dim; }
  size_t query_count() const { return queries.size() / dim; }
  const float* row(size_t i) const { return base.data() + i * dim; }
  const float* query(size_t i) const { return queries.data() + i * dim; }
};

/// The 8,000 WordNet definitions and 50 example sentences of data/wordnet-sample (unit vectors of
/// 384 dimensions; the queries are of another kind than the rows).
const LabelledData& WordNetSample();

/// `rows` rows around `clusters` centres, in a space of 16 dimensions that is turned into `dim`,
/// with some noise in all of them; 5 % of the rows repeat an earlier one exactly. Fixed seed.
LabelledData Mixture(size_t rows, uint32_t dim, size_t clusters);

/// As VectorMetric defines it.
double DistanceOf(VectorMetric metric, const float* a, const float* b, uint32_t dim);

/// The rows nearest first; `live`: which rows count (empty: all).
std::vector<uint32_t> RowsByDistance(const LabelledData& data, VectorMetric metric, size_t query,
                                     const std::function<bool(uint32_t)>& live);

}  // namespace tarn::testing
