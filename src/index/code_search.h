// SPDX-License-Identifier: Apache-2.0
//
// Fills the pool with the nodes whose codes are nearest to a query: by traversing the graph, or by
// scoring every (live) node.
#pragma once

#include "index/code_frame.h"
#include "index/layout.h"
#include "index/search_scratch.h"

namespace tarn::index {

/// One search. All references must outlive it.
class CodeSearch {
 public:
  CodeSearch(const IndexView& view, const EncodedQuery& encoded, SearchBuffers& scratch,
             SearchStats& stats)
      : view_(view),
        encoded_(encoded),
        scratch_(scratch),
        stats_(stats),
        kernels_(kernels::Kernels()) {}

  /// Leaves the `window` nearest nodes that the graph leads to in the pool, whether live or not.
  void Traverse(uint32_t window);
  /// Leaves the `window` nearest live nodes in the pool. kCorrupt when a row list is damaged.
  Status Scan(uint32_t window, const LiveRows* live);

 private:
  // Sums of walk.sums become keys in walk.keys, for the nodes in walk.ids.
  void MakeKeys(size_t n);
  void Score(size_t n);
  Result<bool> NodeIsLive(uint32_t node, const LiveRows& live) const;

  const IndexView& view_;
  const EncodedQuery& encoded_;
  SearchBuffers& scratch_;
  SearchStats& stats_;
  const kernels::KernelTable& kernels_;
};

}  // namespace tarn::index
