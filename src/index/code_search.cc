// SPDX-License-Identifier: Apache-2.0
#include "index/code_search.h"

#include <algorithm>
#include <numeric>

namespace tarn::index {
namespace {

// Nodes of a scan that are asked for before the first of them is scored.
constexpr size_t kScanBatch = 64;

}  // namespace

void CodeSearch::PrefetchNode(uint32_t node) const {
  // Longer rows are left to the kernel's own prefetch.
  const size_t bytes = std::min<size_t>(view_.params.code_blocks, 6) * 64;
  PrefetchLines(view_.codes + size_t{node} * view_.params.code_blocks * 64, bytes);
  __builtin_prefetch(view_.factors + node);
}

void CodeSearch::Score(const uint32_t* ids, size_t n, float* keys) {
  auto& walk = scratch_.walk;
  kernels_.codes.dot4_gather(scratch_.query.as<int8_t>(), view_.codes, view_.params.code_blocks,
                             ids, n, walk.sums);
  kernels_.search.keys(walk.sums, n, encoded_.offset, encoded_.factor, encoded_.bias_factor,
                       view_.factors, ids, keys);
  stats_.code_distances += n;
}

void CodeSearch::StartFromPivots() {
  auto& walk = scratch_.walk;
  const auto pivots = view_.pivots;
  for (size_t begin = 0; begin < pivots.size(); begin += WalkScratch::kBatch) {
    const size_t n = std::min(WalkScratch::kBatch, pivots.size() - begin);
    std::iota(walk.ids, walk.ids + n, static_cast<uint32_t>(begin));
    kernels_.codes.dot4_block(scratch_.query.as<int8_t>(),
                              view_.pivot_codes + begin * view_.params.code_blocks * 64,
                              view_.params.code_blocks, n, walk.sums);
    kernels_.search.keys(walk.sums, n, encoded_.offset, encoded_.factor, encoded_.bias_factor,
                         view_.pivot_factors, walk.ids, walk.keys);
    stats_.pivot_distances += n;
    kernels_.search.pool_insert(walk.pool, walk.keys, walk.ids, n);
  }
  // What damage or a second mention makes of a pivot must not come into the pool.
  uint32_t sound = 0;
  for (uint32_t i = 0; i < walk.pool.size; ++i) {
    const uint32_t node = pivots[walk.pool.ids[i]];
    if (node >= view_.nodes() || !walk.visited.Insert(node)) continue;
    walk.pool.ids[sound] = node;
    walk.pool.distances[sound++] = walk.pool.distances[i];
  }
  std::fill(walk.pool.distances + sound, walk.pool.distances + walk.pool.size,
            std::numeric_limits<float>::infinity());
  walk.pool.size = sound;
}

void CodeSearch::Start(uint32_t window) {
  auto& walk = scratch_.walk;
  walk.Start(window);
  walk.visited.Reset(view_.nodes());
  if (!view_.pivots.empty()) StartFromPivots();
  const auto start_from = [&](uint32_t node) {
    if (node >= view_.nodes() || !walk.visited.Insert(node)) return;
    Score(&node, 1, walk.keys);
    walk.ids[0] = node;
    kernels_.search.pool_insert(walk.pool, walk.keys, walk.ids, 1);
  };
  if (walk.pool.size == 0) start_from(view_.params.entry);
  for (uint32_t node : view_.extra_entries) start_from(node);
}

bool CodeSearch::WithinBound(float key) {
  if (bound_ == nullptr) return true;
  const float bound = bound_->load(std::memory_order_relaxed);
  if (bound != seen_bound_) {
    seen_bound_ = bound;
    bound_key_ = static_cast<float>(frame_.KeyOfDistance(encoded_, bound));
  }
  return key <= bound_key_;
}

bool CodeSearch::Traverse(const SearchPlan& plan) {
  auto& walk = scratch_.walk;
  Start(plan.window);
  bool bounded = false;
  stats_.expanded_nodes += Walk(
      {view_.links, view_.params.degree, view_.nodes()}, walk, kernels_.search,
      [&](const uint32_t* ids, size_t n, float* keys) { Score(ids, n, keys); },
      [&](uint32_t id) { PrefetchNode(id); },
      [&](const kernels::CandidatePool& pool) {
        bounded = pool.cursor >= plan.beam && !WithinBound(pool.distances[pool.cursor]);
        return !bounded;
      });
  return bounded;
}

uint32_t CodeSearch::CountLive(const LiveNodes& live) const {
  const auto& pool = scratch_.walk.pool;
  uint32_t count = 0;
  for (uint32_t i = 0; i < pool.size; ++i) {
    count += live.contains(pool.ids[i] & ~WalkScratch::kExpanded, view_);
  }
  return count;
}

bool CodeSearch::TraverseFiltered(const SearchPlan& plan, const LiveNodes& live) {
  auto& walk = scratch_.walk;
  Start(plan.window);
  walk.StartLive(plan.kept);
  uint64_t scored = 0;
  const auto keep_live = [&](const uint32_t* ids, size_t n, const float* keys) {
    size_t kept = 0;
    for (size_t i = 0; i < n; ++i) {
      walk.live_ids[kept] = ids[i];
      walk.live_keys[kept] = keys[i];
      kept += live.contains(ids[i], view_);
    }
    kernels_.search.pool_insert(walk.live, walk.live_keys, walk.live_ids, kept);
  };
  for (uint32_t i = 0; i < walk.pool.size; i += WalkScratch::kBatch) {
    const auto n = std::min<size_t>(WalkScratch::kBatch, walk.pool.size - i);
    keep_live(walk.pool.ids + i, n, walk.pool.distances + i);
  }
  bool satisfied = false;
  stats_.expanded_nodes += Walk(
      {view_.links, view_.params.degree, view_.nodes()}, walk, kernels_.search,
      [&](const uint32_t* ids, size_t n, float* keys) {
        Score(ids, n, keys);
        scored += n;
        keep_live(ids, n, keys);
      },
      [&](uint32_t id) { PrefetchNode(id); },
      [&](const kernels::CandidatePool& pool) {
        const float nearest = pool.distances[pool.cursor];
        satisfied =
            (walk.live.size >= plan.enough && nearest > walk.live.distances[plan.enough - 1]) ||
            (pool.cursor >= plan.beam && !WithinBound(nearest));
        return !satisfied && scored < plan.budget;
      });
  walk.TakeLive();
  return satisfied;
}

template <class Use>
void CodeSearch::ForEachNode(Use use) {
  auto& walk = scratch_.walk;
  const uint32_t nodes = view_.nodes();
  const size_t stride = size_t{view_.params.code_blocks} * 64;
  for (uint32_t begin = 0; begin < nodes; begin += WalkScratch::kBatch) {
    const auto n = std::min<size_t>(WalkScratch::kBatch, nodes - begin);
    std::iota(walk.ids, walk.ids + n, begin);
    kernels_.codes.dot4_block(scratch_.query.as<int8_t>(), view_.codes + begin * stride,
                              view_.params.code_blocks, n, walk.sums);
    kernels_.search.keys(walk.sums, n, encoded_.offset, encoded_.factor, encoded_.bias_factor,
                         view_.factors, walk.ids, walk.keys);
    stats_.code_distances += n;
    use(walk.ids, n, walk.keys);
  }
}

// Batches are scored one behind the collecting of live nodes, so that their codes are on the way
// from memory meanwhile.
template <class Use>
void CodeSearch::ForEachLiveNode(const LiveNodes& live, Use use) {
  auto& walk = scratch_.walk;
  const uint32_t nodes = view_.nodes();
  walk.visited.Reset(nodes);
  uint32_t batches[2][kScanBatch + kernels::kPoolPad];
  size_t sizes[2] = {0, 0};
  int current = 0;
  const auto score = [&](int batch) {
    if (sizes[batch] == 0) return;
    Score(batches[batch], sizes[batch], walk.keys);
    use(batches[batch], sizes[batch], walk.keys);
    sizes[batch] = 0;
  };
  const auto take = [&](uint32_t node) {
    PrefetchNode(node);
    batches[current][sizes[current]++] = node;
    if (sizes[current] < kScanBatch) return;
    current ^= 1;
    score(current);
  };
  for (size_t w = 0; w < live.rows.words.size(); ++w) {
    for (uint64_t bits = live.rows.words[w]; bits != 0; bits &= bits - 1) {
      const size_t row = w * 64 + static_cast<size_t>(__builtin_ctzll(bits));
      if (row >= view_.row_limit) break;
      if (live.map == nullptr) {
        if (row < nodes) take(static_cast<uint32_t>(row));
        continue;
      }
      const uint32_t marked = live.map->NodeOf(static_cast<uint32_t>(row));
      if (marked == kNoLink) continue;
      const uint32_t node = marked & ~RowMap::kSeveral;
      if (node == marked || walk.visited.Insert(node)) take(node);
    }
  }
  score(current ^ 1);
  score(current);
}

void CodeSearch::Scan(uint32_t kept, const LiveNodes* live) {
  auto& walk = scratch_.walk;
  walk.Start(kept);
  const auto use = [&](const uint32_t* ids, size_t n, const float* keys) {
    kernels_.search.pool_insert(walk.pool, keys, ids, n);
  };
  if (live == nullptr) {
    ForEachNode(use);
  } else {
    ForEachLiveNode(*live, use);
  }
}

std::vector<std::pair<float, uint32_t>> CodeSearch::Within(float key, float margin,
                                                           const LiveNodes& live) {
  std::vector<std::pair<float, uint32_t>> found;
  ForEachLiveNode(live, [&](const uint32_t* ids, size_t n, const float* keys) {
    for (size_t i = 0; i < n; ++i) {
      if (keys[i] <= key + margin * view_.factors[ids[i]].scale) {
        found.emplace_back(keys[i], ids[i]);
      }
    }
  });
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace tarn::index
