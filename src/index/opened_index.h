// SPDX-License-Identifier: Apache-2.0
//
// The one implementation of VectorIndex: graph and flat differ only in how candidates are found.
#pragma once

#include <mutex>
#include <optional>

#include "index/code_frame.h"
#include "index/code_search.h"
#include "index/layout.h"
#include "index/rerank.h"
#include "index/row_map.h"
#include "index/vector_index.h"

namespace tarn::index {

class OpenedIndex : public VectorIndex {
 public:
  explicit OpenedIndex(const IndexView& view);

  Result<std::vector<Neighbor>> Search(const float* query, const SearchOptions& options,
                                       SearchScratch& scratch, SearchStats* stats) const override;
  Distance Reach(const float* query) const override;
  Status Verify() const override;

  IndexType type() const override { return static_cast<IndexType>(view_.params.type); }
  VectorMetric metric() const override { return view_.metric(); }
  uint32_t dim() const override { return view_.params.dim; }
  uint64_t row_count() const override { return view_.params.row_count; }
  uint64_t distinct_count() const override { return view_.params.node_count; }

 private:
  /// nullptr: node i is row i. kCorrupt when a row list is damaged.
  Result<const RowMap*> Rows() const;
  Result<std::vector<Neighbor>> SearchLive(const SearchPlan& plan, const LiveNodes& live,
                                           const SearchOptions& options, CodeSearch& search,
                                           Rerank& rerank, uint64_t live_rows) const;
  Status VerifyNumbers() const;
  Status VerifyPivots() const;
  Status VerifyRows() const;
  Status VerifyGraph() const;

  IndexView view_;
  std::vector<float> no_mean_;  // stands in for the mean of an empty index
  CodeFrame frame_;
  // Made by the first search with a filter.
  mutable std::once_flag row_map_once_;
  mutable std::optional<Result<RowMap>> row_map_;
};

}  // namespace tarn::index
