// SPDX-License-Identifier: Apache-2.0
//
// From the candidate nodes of a search to its result rows.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "index/code_frame.h"
#include "index/layout.h"
#include "index/nearest_rows.h"
#include "index/search_scratch.h"

namespace tarn::index {

/// One search after its candidates are in the pool of `scratch` (sorted by key).
class Rerank {
 public:
  Rerank(const IndexView& view, const CodeFrame& frame, const EncodedQuery& encoded,
         const float* query, const SearchOptions& options, SearchBuffers& scratch,
         SearchStats& stats)
      : view_(view),
        frame_(frame),
        encoded_(encoded),
        query_(query),
        options_(options),
        scratch_(scratch),
        stats_(stats) {}

  /// The nearest live rows among the candidates: by exact distance where there is a source, else by
  /// the finest codes there are. kCorrupt when a row list is damaged.
  Result<std::vector<Neighbor>> Run();

  /// After Run: whether nodes that were not candidates may belong to the result, since the error of
  /// their codes may be larger than what separates the last candidate from the last result.
  bool IsUnsure() const { return unsure_; }
  /// The key that the last result has, and the margin that a node's key may exceed it by for each
  /// unit of the node's scale.
  float last_key() const { return last_key_; }
  float margin() const { return margin_; }
  /// Compares these {key, node}, nearest first, as far as their keys allow; after Run.
  Result<std::vector<Neighbor>> RunOver(std::span<const std::pair<float, uint32_t>> candidates);

 private:
  Status ByExactDistance(NearestRows& nearest);
  Status ByCodes(NearestRows& nearest);
  void RescoreWithAllBits();
  /// Adds the live rows of a node that must be compared; false when the node is damaged.
  bool Collect(uint32_t node);
  /// Compares the collected rows and empties the collection.
  Status Compare(class ExactDistance& exact, NearestRows& nearest);
  Status AddCopies(uint32_t node, uint32_t compared, float distance, NearestRows& nearest) const;
  bool IsLive(uint32_t row) const {
    return options_.live == nullptr || options_.live->contains(row);
  }
  Status Damaged(uint32_t node) const;
  void LowerBound(const NearestRows& nearest) const;
  float MarginOfScale(float kth_distance) const;
  /// The pool is then ordered by all eight bits, whose margin is smaller.
  void RefinePool();
  /// Whether a candidate may be nearer than the k-th row, or than the shared bound.
  bool MayCount(float key, uint32_t node, const NearestRows& nearest) const;
  float Limit(const NearestRows& nearest) const;

  const IndexView& view_;
  const CodeFrame& frame_;
  const EncodedQuery& encoded_;
  const float* query_;
  const SearchOptions& options_;
  SearchBuffers& scratch_;
  SearchStats& stats_;
  bool fine_ = false;  // keys of the pool are of all eight bits
  bool unsure_ = false;
  float last_key_ = 0;
  float margin_ = 0;
};

}  // namespace tarn::index
