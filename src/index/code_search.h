// SPDX-License-Identifier: Apache-2.0
//
// Finds the nodes whose codes are nearest to a query: by traversing the graph, or by scoring every
// (live) node.
#pragma once

#include <utility>
#include <vector>

#include "index/code_frame.h"
#include "index/layout.h"
#include "index/row_map.h"
#include "index/search_plan.h"
#include "index/search_scratch.h"

namespace tarn::index {

/// The live nodes of a search.
struct LiveNodes {
  const LiveRows& rows;
  const RowMap* map;  ///< nullptr: node i is row i

  bool contains(uint32_t node, const IndexView& view) const {
    return map == nullptr ? rows.contains(node) : map->NodeIsLive(node, rows, view);
  }
};

/// One search. All references must outlive it.
class CodeSearch {
 public:
  CodeSearch(const IndexView& view, const CodeFrame& frame, const EncodedQuery& encoded,
             const std::atomic<float>* bound, SearchBuffers& scratch, SearchStats& stats)
      : view_(view),
        frame_(frame),
        encoded_(encoded),
        bound_(bound),
        scratch_(scratch),
        stats_(stats),
        kernels_(kernels::Kernels()) {}

  /// Leaves the plan.window nearest nodes that the graph leads to in the pool, whether live or not.
  /// True when the shared bound ended it early: what is left lies beyond.
  bool Traverse(const SearchPlan& plan);
  /// Live nodes in the pool.
  uint32_t CountLive(const LiveNodes& live) const;
  /// Leaves the plan.kept nearest live nodes that the graph leads to in the pool. False when it
  /// gave up: the live nodes lie elsewhere than near the query, and a scan costs less.
  bool TraverseFiltered(const SearchPlan& plan, const LiveNodes& live);
  /// Leaves the `kept` nearest live nodes (nullptr: of all) in the pool.
  void Scan(uint32_t kept, const LiveNodes* live);
  /// The live nodes whose keys exceed `key` by no more than `margin` times their scale, nearest
  /// first: {key, node}.
  std::vector<std::pair<float, uint32_t>> Within(float key, float margin, const LiveNodes& live);

 private:
  void Score(const uint32_t* ids, size_t n, float* keys);
  void Start(uint32_t window);
  void StartFromPivots();
  bool WithinBound(float key);
  template <class Use>
  void ForEachNode(Use use);
  template <class Use>
  void ForEachLiveNode(const LiveNodes& live, Use use);
  void PrefetchNode(uint32_t node) const;

  const IndexView& view_;
  const CodeFrame& frame_;
  const EncodedQuery& encoded_;
  const std::atomic<float>* bound_;
  SearchBuffers& scratch_;
  SearchStats& stats_;
  const kernels::KernelTable& kernels_;
  float seen_bound_ = std::numeric_limits<float>::infinity();
  float bound_key_ = std::numeric_limits<float>::infinity();
};

}  // namespace tarn::index
