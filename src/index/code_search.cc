// SPDX-License-Identifier: Apache-2.0
#include "index/code_search.h"

#include <algorithm>
#include <numeric>

namespace tarn::index {

void CodeSearch::MakeKeys(size_t n) {
  auto& walk = scratch_.walk;
  kernels_.search.keys(walk.sums, n, encoded_.offset, encoded_.factor, encoded_.bias_factor,
                       view_.factors, walk.ids, walk.keys);
  stats_.code_distances += n;
}

void CodeSearch::Score(size_t n) {
  auto& walk = scratch_.walk;
  kernels_.codes.dot4_gather(scratch_.query.as<int8_t>(), view_.codes, view_.params.code_blocks,
                             walk.ids, n, walk.sums);
  MakeKeys(n);
}

void CodeSearch::Traverse(uint32_t window) {
  auto& walk = scratch_.walk;
  const uint32_t nodes = view_.nodes();
  walk.Start(window);
  walk.visited.Reset(nodes);
  const auto start_from = [&](uint32_t node) {
    if (node >= nodes || !walk.visited.Insert(node)) return;
    walk.ids[0] = node;
    Score(1);
    kernels_.search.pool_insert(walk.pool, walk.keys, walk.ids, 1);
  };
  start_from(view_.params.entry);
  for (uint32_t node : view_.extra_entries) start_from(node);
  // Longer rows are left to the kernel's own prefetch.
  const size_t bytes = std::min<size_t>(view_.params.code_blocks, 6) * 64;
  const size_t stride = size_t{view_.params.code_blocks} * 64;
  stats_.expanded_nodes += Walk(
      {view_.links, view_.params.degree, nodes}, walk, kernels_.search,
      [&](const uint32_t*, size_t n, float*) { Score(n); },
      [&](uint32_t id) {
        PrefetchLines(view_.codes + id * stride, bytes);
        __builtin_prefetch(view_.factors + id);
      });
}

Result<bool> CodeSearch::NodeIsLive(uint32_t node, const LiveRows& live) const {
  uint32_t self;
  NodeRows rows;
  if (!view_.RowsOf(node, self, rows)) {
    return Error(ErrorKind::kCorrupt, "vector index: the row list of node ", node,
                 " is damaged; rebuild the index");
  }
  return std::any_of(rows.rows, rows.rows + rows.count,
                     [&](uint32_t row) { return live.contains(row); });
}

Status CodeSearch::Scan(uint32_t window, const LiveRows* live) {
  auto& walk = scratch_.walk;
  const uint32_t nodes = view_.nodes();
  const size_t stride = size_t{view_.params.code_blocks} * 64;
  walk.Start(window);
  if (live == nullptr) {
    for (uint32_t begin = 0; begin < nodes; begin += WalkScratch::kBatch) {
      const auto n = std::min<size_t>(WalkScratch::kBatch, nodes - begin);
      std::iota(walk.ids, walk.ids + n, begin);
      kernels_.codes.dot4_block(scratch_.query.as<int8_t>(), view_.codes + begin * stride,
                                view_.params.code_blocks, n, walk.sums);
      MakeKeys(n);
      kernels_.search.pool_insert(walk.pool, walk.keys, walk.ids, n);
    }
    return Status::OK();
  }
  size_t n = 0;
  const auto flush = [&] {
    if (n == 0) return;
    Score(n);
    kernels_.search.pool_insert(walk.pool, walk.keys, walk.ids, n);
    n = 0;
  };
  const auto take = [&](uint32_t node) {
    walk.ids[n++] = node;
    if (n == WalkScratch::kBatch) flush();
  };
  if (view_.row_offsets == nullptr) {
    for (size_t w = 0; w < live->words.size() && w * 64 < nodes; ++w) {
      for (uint64_t bits = live->words[w]; bits != 0; bits &= bits - 1) {
        const size_t node = w * 64 + static_cast<size_t>(__builtin_ctzll(bits));
        if (node < nodes) take(static_cast<uint32_t>(node));
      }
    }
  } else {
    for (uint32_t node = 0; node < nodes; ++node) {
      ARROW_ASSIGN_OR_RAISE(const bool is_live, NodeIsLive(node, *live));
      if (is_live) take(node);
    }
  }
  flush();
  return Status::OK();
}

}  // namespace tarn::index
