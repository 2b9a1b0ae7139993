// SPDX-License-Identifier: Apache-2.0
#include "index/rerank.h"

#include <algorithm>
#include <cmath>

#include "index/exact_distance.h"

namespace tarn::index {
namespace {

constexpr uint32_t kIdMask = ~WalkScratch::kExpanded;
// Rows compared at a time once the first k are known: few, since each may end the rerank.
constexpr size_t kStep = 4;
// The same where many are to come.
constexpr size_t kLongStep = 16;

}  // namespace

Result<std::vector<Neighbor>> Rerank::Run() {
  NearestRows nearest(options_.k);
  ARROW_RETURN_NOT_OK(options_.source != nullptr ? ByExactDistance(nearest) : ByCodes(nearest));
  LowerBound(nearest);
  return nearest.Take();
}

void Rerank::LowerBound(const NearestRows& nearest) const {
  if (options_.bound == nullptr || !nearest.full()) return;
  float bound = options_.bound->load(std::memory_order_relaxed);
  while (nearest.limit() < bound && !options_.bound->compare_exchange_weak(
                                        bound, nearest.limit(), std::memory_order_relaxed)) {
  }
}

Status Rerank::Damaged(uint32_t node) const {
  return Error(ErrorKind::kCorrupt, "vector index: the row list of node ", node,
               " is damaged; rebuild the index");
}

bool Rerank::Collect(uint32_t node) {
  uint32_t self;
  NodeRows rows;
  if (!view_.RowsOf(node, self, rows)) return false;
  for (uint32_t i = 0; i < rows.count; ++i) {
    if (rows.rows[i] >= view_.row_limit) return false;
    if (!IsLive(rows.rows[i])) continue;
    scratch_.rows.push_back(rows.rows[i]);
    scratch_.row_nodes.push_back(node);
    if (rows.copies) break;  // the others are as far
  }
  return true;
}

Status Rerank::AddCopies(uint32_t node, uint32_t compared, float distance,
                         NearestRows& nearest) const {
  uint32_t self;
  NodeRows rows;
  if (!view_.RowsOf(node, self, rows)) return Damaged(node);
  if (!rows.copies) return Status::OK();
  uint32_t added = 1;
  for (uint32_t i = 0; i < rows.count && added < options_.k; ++i) {
    if (rows.rows[i] >= view_.row_limit) return Damaged(node);
    if (rows.rows[i] == compared || !IsLive(rows.rows[i])) continue;
    nearest.Add(distance, rows.rows[i]);
    ++added;
  }
  return Status::OK();
}

Status Rerank::Compare(ExactDistance& exact, NearestRows& nearest) {
  const size_t n = scratch_.rows.size();
  if (n == 0) return Status::OK();
  scratch_.pointers.resize(n);
  scratch_.distances.resize(n);
  ARROW_RETURN_NOT_OK(options_.source->Fetch(scratch_.rows, scratch_.pointers.data()));
  exact.Gather(scratch_.pointers.data(), n, scratch_.distances.data());
  stats_.exact_distances += n;
  for (size_t i = 0; i < n; ++i) {
    nearest.Add(scratch_.distances[i], scratch_.rows[i]);
    if (view_.row_offsets != nullptr) {
      ARROW_RETURN_NOT_OK(
          AddCopies(scratch_.row_nodes[i], scratch_.rows[i], scratch_.distances[i], nearest));
    }
  }
  scratch_.rows.clear();
  scratch_.row_nodes.clear();
  return Status::OK();
}

float Rerank::MarginOfScale(float kth_distance) const {
  const float margin = fine_ ? view_.params.low_margin : view_.params.margin;
  return margin * (view_.metric() == VectorMetric::kEuclidean
                       ? static_cast<float>(frame_.InUnits(kth_distance))
                       : encoded_.reach);
}

float Rerank::Limit(const NearestRows& nearest) const {
  if (options_.bound == nullptr) return nearest.limit();
  return std::min(nearest.limit(), options_.bound->load(std::memory_order_relaxed));
}

bool Rerank::MayCount(float key, uint32_t node, const NearestRows& nearest) const {
  const float limit = Limit(nearest);
  if (!(limit < std::numeric_limits<float>::infinity())) return true;
  const kernels::RowFactor& factor = fine_ ? view_.low_factors[node] : view_.factors[node];
  return !(key > frame_.KeyOfDistance(encoded_, limit) + MarginOfScale(limit) * factor.scale);
}

Status Rerank::ByExactDistance(NearestRows& nearest) {
  ExactDistance exact(view_.metric(), options_.source->precision(), view_.params.dim, query_,
                      options_.source->step());
  RefinePool();
  const auto& pool = scratch_.walk.pool;
  scratch_.rows.clear();
  scratch_.row_nodes.clear();
  uint32_t i = 0;
  for (; i < pool.size && scratch_.rows.size() < options_.k; ++i) {
    const uint32_t node = pool.ids[i] & kIdMask;
    if (!MayCount(pool.distances[i], node, nearest)) continue;
    if (!Collect(node)) return Damaged(node);
  }
  ARROW_RETURN_NOT_OK(Compare(exact, nearest));
  // Then only those that the code's error may have put too far behind.
  const size_t most = std::max<size_t>(size_t{4} * options_.k, pool.size / 2);
  size_t compared = i;
  while (i < pool.size && compared < most) {
    for (; i < pool.size && scratch_.rows.size() < kStep && compared < most; ++i) {
      const uint32_t node = pool.ids[i] & kIdMask;
      if (!MayCount(pool.distances[i], node, nearest)) continue;
      const size_t before = scratch_.rows.size();
      if (!Collect(node)) return Damaged(node);
      compared += scratch_.rows.size() > before;
    }
    if (scratch_.rows.empty()) break;
    ARROW_RETURN_NOT_OK(Compare(exact, nearest));
  }
  // Candidates are left, or some never came in for lack of room.
  unsure_ = i < pool.size || pool.size == pool.capacity;
  if (pool.size > 0) {
    const uint32_t last = std::min(i, pool.size - 1);
    unsure_ = unsure_ && MayCount(pool.distances[last], pool.ids[last] & kIdMask, nearest);
  }
  const float limit = Limit(nearest);
  last_key_ = static_cast<float>(frame_.KeyOfDistance(encoded_, limit));
  margin_ = MarginOfScale(limit);
  return Status::OK();
}

void Rerank::RefinePool() {
  // Under a filter the pool's own keys decide whether it was large enough.
  fine_ = view_.low_codes != nullptr && options_.live == nullptr &&
          (view_.params.compatible_features & kHasLowMargin) != 0;
  if (fine_) RescoreWithAllBits();
}

Result<std::vector<Neighbor>> Rerank::RunOver(
    std::span<const std::pair<float, uint32_t>> candidates) {
  NearestRows nearest(options_.k);
  ExactDistance exact(view_.metric(), options_.source->precision(), view_.params.dim, query_,
                      options_.source->step());
  scratch_.rows.clear();
  scratch_.row_nodes.clear();
  for (const auto& [key, node] : candidates) {
    if (!MayCount(key, node, nearest)) continue;
    if (!Collect(node)) return Damaged(node);
    if (scratch_.rows.size() >= kLongStep) ARROW_RETURN_NOT_OK(Compare(exact, nearest));
  }
  ARROW_RETURN_NOT_OK(Compare(exact, nearest));
  LowerBound(nearest);
  return nearest.Take();
}

void Rerank::RescoreWithAllBits() {
  // Eight bits are 16 * high + low, so their sum is made of two sums of four bits.
  auto& walk = scratch_.walk;
  auto& pool = walk.pool;
  const auto& kernels = kernels::Kernels();
  const size_t blocks = view_.params.code_blocks;
  const auto* query = scratch_.query.as<int8_t>();
  std::vector<std::pair<float, uint32_t>> scored;
  scored.reserve(pool.size);
  for (uint32_t begin = 0; begin < pool.size; begin += WalkScratch::kBatch) {
    const uint32_t n = std::min<uint32_t>(WalkScratch::kBatch, pool.size - begin);
    int32_t low[WalkScratch::kBatch];
    for (uint32_t i = 0; i < n; ++i) walk.ids[i] = pool.ids[begin + i] & kIdMask;
    kernels.codes.dot4_gather(query, view_.codes, blocks, walk.ids, n, walk.sums);
    kernels.codes.dot4_gather(query, view_.low_codes, blocks, walk.ids, n, low);
    for (uint32_t i = 0; i < n; ++i) {
      // 127.5 = 17 * 7.5.
      const double sum = 16.0 * walk.sums[i] + low[i] - 17.0 * encoded_.offset;
      const auto f = view_.low_factors[walk.ids[i]];
      scored.emplace_back(
          static_cast<float>(encoded_.bias_factor * f.bias + f.scale * encoded_.factor * sum),
          walk.ids[i]);
    }
  }
  stats_.code_distances += pool.size;
  std::sort(scored.begin(), scored.end());
  for (size_t i = 0; i < scored.size(); ++i) {
    pool.distances[i] = scored[i].first;
    pool.ids[i] = scored[i].second;
  }
}

Status Rerank::ByCodes(NearestRows& nearest) {
  if (view_.low_codes != nullptr) RescoreWithAllBits();
  const auto& pool = scratch_.walk.pool;
  for (uint32_t i = 0; i < pool.size; ++i) {
    const uint32_t node = pool.ids[i] & kIdMask;
    const auto distance = static_cast<float>(frame_.DistanceOfKey(encoded_, pool.distances[i]));
    if (nearest.full() && distance > nearest.limit()) break;
    uint32_t self;
    NodeRows rows;
    if (!view_.RowsOf(node, self, rows)) return Damaged(node);
    for (uint32_t r = 0; r < rows.count; ++r) {
      if (rows.rows[r] >= view_.row_limit) return Damaged(node);
      if (IsLive(rows.rows[r])) nearest.Add(distance, rows.rows[r]);
    }
  }
  return Status::OK();
}

}  // namespace tarn::index
