// SPDX-License-Identifier: Apache-2.0
//
// Greedy best-first traversal of the graph: expand the nearest candidate that is not expanded yet,
// score its unvisited neighbours in one kernel call, keep the best in a sorted pool; done when
// every candidate of the pool is expanded. Used by the build and by searches alike.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "index/aligned.h"
#include "index/layout.h"
#include "kernels/kernels.h"

namespace tarn::index {

/// A set of nodes. Clearing it costs at most 64 bytes for each member, and no more than all bits.
class VisitedSet {
 public:
  void Reset(uint32_t nodes) {
    for (size_t group = 0; group < dirty_.size(); group += kGroup) {
      uint64_t any;
      std::memcpy(&any, dirty_.data() + group, kGroup);
      if (any == 0) continue;
      for (size_t block = group; block < group + kGroup; ++block) {
        if (dirty_[block]) std::fill_n(words_.data() + block * kBlockWords, kBlockWords, 0);
      }
      std::fill_n(dirty_.data() + group, kGroup, 0);
    }
    const size_t blocks = (nodes / (kBlockWords * 64) / kGroup + 1) * kGroup;
    if (dirty_.size() >= blocks) return;
    dirty_.resize(blocks);
    words_.resize(blocks * kBlockWords);
  }
  /// 1 when the node was not in the set, else 0: half of the answers are no, in no order that a
  /// branch could be predicted by.
  uint32_t Insert(uint32_t node) {
    uint64_t& word = words_[node / 64];
    const uint64_t old = word;
    word = old | uint64_t{1} << (node % 64);
    dirty_[node / (kBlockWords * 64)] = 1;
    return static_cast<uint32_t>(~old >> (node % 64) & 1);
  }

 private:
  static constexpr size_t kBlockWords = 8;
  static constexpr size_t kGroup = 8;  // blocks looked at in one go
  std::vector<uint64_t> words_;
  std::vector<uint8_t> dirty_;  // one for each block of words
};

/// The memory of one traversing thread.
class WalkScratch {
 public:
  static constexpr uint32_t kExpanded = 0x80000000u;  ///< marks ids in the pool
  static constexpr size_t kBatch =
      256;  ///< rows scored in one call, and the links of a node, at most

  /// Empties the pool and sets its capacity.
  void Start(uint32_t capacity) { Start(capacity, pool, buffers_[0]); }
  /// The same for the pool of live nodes.
  void StartLive(uint32_t capacity) { Start(capacity, live, buffers_[1]); }
  /// Makes the live nodes the pool.
  void TakeLive() {
    std::swap(pool, live);
    std::swap(buffers_[0], buffers_[1]);
  }

  kernels::CandidatePool pool{};
  kernels::CandidatePool live{};  ///< of a filtered search: what may be returned
  VisitedSet visited;
  uint32_t ids[kBatch + kernels::kPoolPad] = {};
  int32_t sums[kBatch + kernels::kPoolPad] = {};
  float keys[kBatch + kernels::kPoolPad] = {};
  uint32_t live_ids[kBatch + kernels::kPoolPad] = {};
  float live_keys[kBatch + kernels::kPoolPad] = {};

 private:
  struct Buffers {
    AlignedBytes distances;
    AlignedBytes ids;
  };
  static void Start(uint32_t capacity, kernels::CandidatePool& pool, Buffers& buffers) {
    const size_t room = size_t{capacity} + kernels::kPoolPad;
    if (buffers.distances.size() < room * sizeof(float)) {
      buffers.distances.Resize(room * sizeof(float));
      buffers.ids.Resize(room * sizeof(uint32_t));
    }
    pool = {buffers.distances.as<float>(), buffers.ids.as<uint32_t>(), 0, capacity, 0};
    std::fill_n(pool.distances, room, std::numeric_limits<float>::infinity());
  }

  Buffers buffers_[2];
};

struct LinkTable {
  const uint32_t* links;
  uint32_t degree;
  uint32_t nodes;
};

inline void PrefetchLines(const void* p, size_t bytes) {
  for (size_t at = 0; at < bytes; at += 64) __builtin_prefetch(static_cast<const char*>(p) + at);
}

/// score(ids, n, keys): the keys of n nodes; inputs and outputs have kPoolPad elements to spare.
/// prefetch(id): asks for what `score` will read. go_on(pool): whether the candidate at the pool's
/// cursor is to be expanded; the walk ends at the first that is not. Starts from what the pool of
/// `scratch` holds (its members must be in the visited set). Returns the number of expanded nodes.
template <class Score, class Prefetch, class GoOn>
uint64_t Walk(const LinkTable& table, WalkScratch& scratch, const kernels::SearchKernels& kernels,
              Score&& score, Prefetch&& prefetch, GoOn&& go_on) {
  auto& pool = scratch.pool;
  uint64_t expanded = 0;
  pool.cursor = 0;
  while (pool.cursor < pool.size && go_on(pool)) {
    uint32_t& mark = pool.ids[pool.cursor];
    const uint32_t* block = table.links + size_t{mark} * table.degree;
    mark |= WalkScratch::kExpanded;
    ++expanded;
    while (pool.cursor < pool.size && (pool.ids[pool.cursor] & WalkScratch::kExpanded))
      ++pool.cursor;
    if (pool.cursor < pool.size) {
      PrefetchLines(table.links + size_t{pool.ids[pool.cursor]} * table.degree,
                    table.degree * sizeof(uint32_t));
    }
    size_t n = 0;
    for (uint32_t i = 0; i < table.degree; ++i) {
      const uint32_t id = block[i];
      if (id >= table.nodes) break;  // the end of the block, or damage
      scratch.ids[n] = id;
      n += scratch.visited.Insert(id);
    }
    if (n == 0) continue;
    for (size_t i = 0; i < n; ++i) prefetch(scratch.ids[i]);
    score(scratch.ids, n, scratch.keys);
    kernels.pool_insert(pool, scratch.keys, scratch.ids, n);
  }
  return expanded;
}

}  // namespace tarn::index
