// SPDX-License-Identifier: Apache-2.0
//
// How one search finds its candidates: policy only, chosen from counts before anything is read.
//
// Costs are counted in rows of codes. Scoring one in a traversal costs about as much as scoring
// two or three in a scan, which reads in order and knows what comes next. A traversal that keeps w
// nodes scores about 300 + 12 w.
#pragma once

#include <cstdint>

#include "index/layout.h"
#include "index/vector_index.h"

namespace tarn::index {

struct SearchPlan {
  enum class Way {
    kScan,      ///< score every live node
    kTraverse,  ///< traverse as if all nodes were live; what is not falls out of the result
    kFiltered,  ///< traverse all nodes and keep the live ones apart
  };
  Way way = Way::kTraverse;
  uint32_t window = 0;  ///< nodes kept by a traversal to be expanded
  uint32_t kept = 0;    ///< live nodes kept as candidates of the result
  uint32_t enough = 0;  ///< kFiltered: live nodes nearer than what is not expanded end it
  uint64_t budget = 0;  ///< kFiltered: nodes scored before it gives way to a scan
  uint32_t beam = 0;    ///< nodes expanded even where a shared bound rules their keys out
};

/// `live_rows`: of the file, at most; row_count when there is no filter.
SearchPlan PlanSearch(const Params& params, const SearchOptions& options, uint64_t live_rows);

}  // namespace tarn::index
