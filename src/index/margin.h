// SPDX-License-Identifier: Apache-2.0
//
// How far the code distance of a row may lie from its exact one: measured when an index is built,
// so that a search knows which candidates the exact rerank may leave out.
#pragma once

#include <cstddef>
#include <vector>

#include "index/code_frame.h"
#include "index/vector_index.h"

namespace tarn::index {

/// The error of a key that is exceeded by about one row in a thousand, in units of
/// the row's scale times the query's reach (euclidean: times distance / unit).
/// `nodes` are the vectors behind the code rows. Uses a fixed sample.
struct MarginCodes {
  const std::vector<std::byte>& high;
  const std::vector<std::byte>* low;               ///< nullptr: the high four bits alone
  const std::vector<kernels::RowFactor>& factors;  ///< of what is measured
};
float MeasureMargin(const VectorSet& vectors, const std::vector<uint32_t>& nodes,
                    const CodeFrame& frame, VectorMetric metric, const MarginCodes& codes);

}  // namespace tarn::index
