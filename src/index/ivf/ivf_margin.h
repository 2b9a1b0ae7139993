// SPDX-License-Identifier: Apache-2.0
//
// How far the keys of an inverted-file index lie from the exact ones: measured when a codebook is
// trained, so that a search knows which candidates the exact rerank may leave out.
#pragma once

#include <vector>

#include "index/ivf/row_coder.h"

namespace tarn::index {

/// The root mean square error of a key in units of IvfFrame::ErrorUnit. `tiles` are the coded rows
/// of `vectors`, kPqTileRows each. Some of the rows are the queries; their errors are measured on
/// the rows that look nearest, since those are what a rerank has to tell apart. `spread` is the
/// codebook's, which it does not hold yet.
float MeasureIvfMargin(const VectorSet& vectors, const RowCoder& coder,
                       const std::vector<CodedTile>& tiles, float spread, int threads);

}  // namespace tarn::index
