// SPDX-License-Identifier: Apache-2.0
//
// The one implementation of VectorIndex: graph and flat differ only in how candidates are found.
#pragma once

#include "index/code_frame.h"
#include "index/layout.h"
#include "index/vector_index.h"

namespace tarn::index {

/// How one search finds its candidates.
struct SearchPlan {
  bool scan = false;
  uint32_t window = 0;  ///< nodes kept
};

/// `live_rows`: of the file, at most; row_count when there is no filter. Few live rows are scanned:
/// a traversal that is to meet `ef` live nodes must keep ef / share nodes and scores some 25 for
/// each, so it pays while 25 ef / share is less than the number of live nodes.
SearchPlan PlanSearch(const Params& params, const SearchOptions& options, uint64_t live_rows);

class OpenedIndex : public VectorIndex {
 public:
  explicit OpenedIndex(const IndexView& view);

  Result<std::vector<Neighbor>> Search(const float* query, const SearchOptions& options,
                                       SearchScratch& scratch, SearchStats* stats) const override;
  Status Verify() const override;

  IndexType type() const override { return static_cast<IndexType>(view_.params.type); }
  VectorMetric metric() const override { return view_.metric(); }
  uint32_t dim() const override { return view_.params.dim; }
  uint64_t row_count() const override { return view_.params.row_count; }
  uint64_t distinct_count() const override { return view_.params.node_count; }

 private:
  Status VerifyNumbers() const;
  Status VerifyRows() const;
  Status VerifyGraph() const;

  IndexView view_;
  std::vector<float> no_mean_;  // stands in for the mean of an empty index
  CodeFrame frame_;
};

}  // namespace tarn::index
