// SPDX-License-Identifier: Apache-2.0
#include "index/ivf/ivf_search.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace tarn::index {
namespace {

constexpr uint32_t kBlockRows = kernels::kPqBlockRows;
// Rows scanned between two looks at the limit.
constexpr uint32_t kPieceRows = 256;
static_assert(kPieceRows <= WalkScratch::kBatch);
// An exact distance costs about as much as this many rows' codes.
constexpr double kCodesPerExact = 12;
// Rows compared at a time once the first k are known: few, since each may end the rerank.
constexpr size_t kStep = 4;
// Standard deviations of a code's error beyond which a candidate is given up.
constexpr double kDeviations = 2.5;
// Errors of products differ with the lengths of rows, and the margin is their mean.
constexpr double kProductDeviations = 4;
// Up to here the codes of all rows are looked at under a filter: it takes 20 microseconds.
constexpr uint64_t kSmallRows = 10'000;
// Of many rows about as far as the last result, more lie beyond the usual margin.
constexpr double kManyCaution = 1.5;
// Rows compared at a time where many are.
constexpr size_t kMany = 256;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

uint64_t CountLive(const LiveRows* live, uint64_t row_count) {
  if (live == nullptr) return row_count;
  uint64_t count = 0;
  if (live->count) {
    count = *live->count;
  } else {
    for (uint64_t word : live->words) count += static_cast<uint64_t>(std::popcount(word));
  }
  return std::min(count, row_count);
}

Status DamagedList(uint32_t list) {
  return Error(ErrorKind::kCorrupt, "vector index: list ", list, " is damaged; rebuild the index");
}

}  // namespace

IvfSearch::IvfSearch(const IvfView& view, const IvfFrame& frame, const float* query,
                     const SearchOptions& options, SearchBuffers& scratch, SearchStats& stats)
    : view_(view),
      frame_(frame),
      query_(query),
      options_(options),
      scratch_(scratch),
      stats_(stats),
      ivf_(scratch.ivf),
      live_rows_(CountLive(options.live, view.params.row_count)),
      bound_key_(KeyBeyond(DistanceLimit(nullptr))) {}

Result<std::vector<Neighbor>> IvfSearch::Run() {
  if (live_rows_ == 0) return std::vector<Neighbor>{};
  const Plan plan = MakePlan();
  if (plan.by_rows) return ByLiveRows();
  ARROW_RETURN_NOT_OK(ScanLists(plan));
  return options_.source != nullptr ? ByExactDistance() : ByCodes();
}

IvfSearch::Plan IvfSearch::MakePlan() const {
  const CodebookParams& book = view_.codebook.params;
  const auto rows = static_cast<double>(view_.params.row_count);
  const double share = static_cast<double>(live_rows_) / rows;
  const double nprobe = options_.nprobe != 0 ? options_.nprobe : book.nprobe;
  Plan plan;
  // Fewer live rows lie farther away: the neighbourhood grows.
  const bool all = options_.live != nullptr && view_.params.row_count <= kSmallRows;
  const double lists =
      all ? book.nlist : std::min<double>(std::ceil(nprobe / std::sqrt(share)), book.nlist);
  plan.lists = static_cast<uint32_t>(lists);
  const uint64_t kept = std::max<uint64_t>(
      options_.ef != 0 ? options_.ef : uint64_t{2} * options_.k + 44, options_.k);
  plan.kept = static_cast<uint32_t>(std::min<uint64_t>(kept, live_rows_));
  // Only where every row of the file has a vector may any be fetched.
  plan.by_rows = options_.live != nullptr && options_.source != nullptr &&
                 view_.params.row_count == view_.row_limit &&
                 static_cast<double>(live_rows_) * kCodesPerExact <
                     rows * lists / book.nlist + plan.kept * kCodesPerExact;
  return plan;
}

float IvfSearch::DistanceLimit(const NearestRows* nearest) const {
  float limit = nearest == nullptr ? static_cast<float>(kInfinity) : nearest->limit();
  if (options_.bound != nullptr) {
    limit = std::min(limit, options_.bound->load(std::memory_order_relaxed));
  }
  return limit;
}

double IvfSearch::KeyBeyond(float distance, double caution) const {
  if (!(distance < std::numeric_limits<float>::max())) return kInfinity;
  const FramedQuery& framed = ivf_.framed();
  const CodebookParams& book = view_.codebook.params;
  const double deviations =
      caution * (frame_.compares_products() ? kProductDeviations : kDeviations);
  // Rows that the codebook fits less well than those it was trained on are coded less exactly.
  const double drift =
      book.training_error > 0 ? view_.params.coding_error / book.training_error : 1.0;
  const double coding = frame_.Margin(book, framed, distance) * std::sqrt(std::max(1.0, drift));
  const double rounding = std::abs(frame_.product_factor()) * ivf_.rounding() *
                          std::sqrt(static_cast<double>(book.spread));
  return frame_.KeyOfDistance(framed, distance) + deviations * std::hypot(coding, rounding);
}

void IvfSearch::LowerBound(const NearestRows& nearest) const {
  if (options_.bound == nullptr || !nearest.full()) return;
  const float limit = nearest.limit();
  float bound = options_.bound->load(std::memory_order_relaxed);
  while (limit < bound &&
         !options_.bound->compare_exchange_weak(bound, limit, std::memory_order_relaxed)) {
  }
}

Status IvfSearch::ScanLists(const Plan& plan) {
  scratch_.walk.Start(plan.kept);
  const uint32_t nlist = view_.codebook.params.nlist;
  const uint64_t wanted = std::min<uint64_t>(options_.k, live_rows_);
  uint64_t enough = wanted;
  ivf_.Rank(plan.lists);
  for (uint32_t i = 0; i < nlist; ++i) {
    if (i == plan.lists) {
      // The nearest of them are then as far as most, and may be in any list.
      if (LiveRowsAreElsewhere()) enough = live_rows_;
    }
    if (i >= plan.lists) {
      if (seen_ >= enough) break;
      ivf_.Rank(nlist);
    }
    if (i + 1 < plan.lists) {
      const ListPlace& next = view_.places[ivf_.list(i + 1)];
      if (view_.IsSound(next)) {
        const size_t bytes =
            (next.rows + kBlockRows - 1) / kBlockRows * view_.codebook.block_bytes();
        PrefetchLines(view_.blocks + next.first_block * view_.codebook.block_bytes(),
                      std::min(bytes, size_t{1} << 14));
      }
    }
    ARROW_RETURN_NOT_OK(ScanList(i));
    scanned_ = i + 1;
  }
  return Status::OK();
}

bool IvfSearch::LiveRowsAreElsewhere() const {
  if (options_.live == nullptr) return false;
  const double usual = static_cast<double>(passed_) * static_cast<double>(live_rows_) /
                       static_cast<double>(view_.params.row_count);
  return static_cast<double>(seen_) < 0.9 * usual - 2 * std::sqrt(usual);
}

float IvfSearch::KeyLimit() const {
  if (collect_below_) return *collect_below_;
  const auto& pool = scratch_.walk.pool;
  const double worst = pool.size < pool.capacity ? kInfinity : pool.distances[pool.size - 1];
  return static_cast<float>(std::min(worst, bound_key_));
}

uint32_t IvfSearch::MarkLive(const std::byte* blocks, uint32_t rows) {
  const LiveRows& live = *options_.live;
  const size_t stride = view_.codebook.block_bytes();
  const size_t rows_at = view_.codebook.code_bytes() + 8 * kBlockRows;
  uint32_t total = 0;
  for (uint32_t b = 0; b * kBlockRows < rows; ++b) {
    const auto* numbers = reinterpret_cast<const uint32_t*>(blocks + b * stride + rows_at);
    const uint32_t count = std::min(kBlockRows, rows - b * kBlockRows);
    uint32_t bits = 0;
    for (uint32_t r = 0; r < count; ++r) bits |= uint32_t{live.contains(numbers[r])} << r;
    scratch_.ivf_live[b] = static_cast<uint16_t>(bits);
    total += static_cast<uint32_t>(std::popcount(bits));
  }
  return total;
}

Status IvfSearch::ScanList(uint32_t ranked) {
  const uint32_t list = ivf_.list(ranked);
  const ListPlace place = view_.places[list];
  if (!view_.IsSound(place)) return DamagedList(list);
  if (place.rows == 0) return Status::OK();
  const CodebookView& book = view_.codebook;
  const auto& kernels = kernels::Kernels();
  const auto scan = book.params.bits == 4 ? kernels.pq.scan4 : kernels.pq.scan8;
  kernels::PqQuery query = ivf_.scan();
  query.base = book.residual() ? ivf_.Base(ranked, book, frame_) : 0;
  auto& walk = scratch_.walk;
  passed_ += place.rows;
  for (uint32_t begin = 0; begin < place.rows; begin += kPieceRows) {
    const uint32_t rows = std::min(kPieceRows, place.rows - begin);
    kernels::PqBlocks blocks{
        view_.blocks + (place.first_block + begin / kBlockRows) * book.block_bytes(),
        book.code_bytes(), rows, nullptr};
    uint32_t live = rows;
    if (options_.live != nullptr) {
      live = MarkLive(blocks.blocks, rows);
      blocks.live = scratch_.ivf_live;
      if (live == 0) continue;
    }
    seen_ += live;
    stats_.code_distances += live;
    const size_t n = scan(blocks, query, KeyLimit(), walk.keys, walk.ids);
    for (size_t i = 0; i < n; ++i) {
      if (walk.ids[i] >= view_.row_limit) return DamagedList(list);
    }
    if (collect_below_) {
      scratch_.rows.insert(scratch_.rows.end(), walk.ids, walk.ids + n);
    } else if (n > 0) {
      kernels.search.pool_insert(walk.pool, walk.keys, walk.ids, n);
    }
  }
  return Status::OK();
}

Status IvfSearch::Compare(ExactDistance& exact, NearestRows& nearest) {
  const size_t n = scratch_.rows.size();
  if (n == 0) return Status::OK();
  scratch_.pointers.resize(n);
  scratch_.distances.resize(n);
  ARROW_RETURN_NOT_OK(options_.source->Fetch(scratch_.rows, scratch_.pointers.data()));
  exact.Gather(scratch_.pointers.data(), n, scratch_.distances.data());
  stats_.exact_distances += n;
  for (size_t i = 0; i < n; ++i) nearest.Add(scratch_.distances[i], scratch_.rows[i]);
  scratch_.rows.clear();
  return Status::OK();
}

Result<std::vector<Neighbor>> IvfSearch::ByExactDistance() {
  ExactDistance exact(view_.metric(), options_.source->precision(), view_.params.dim, query_,
                      options_.source->step());
  NearestRows nearest(options_.k);
  const auto& pool = scratch_.walk.pool;
  scratch_.rows.clear();
  uint32_t i = 0;
  for (; i < pool.size && i < options_.k; ++i) scratch_.rows.push_back(pool.ids[i]);
  ARROW_RETURN_NOT_OK(Compare(exact, nearest));
  // Then only those that the code's error may have put too far behind.
  while (i < pool.size) {
    const double beyond = KeyBeyond(DistanceLimit(&nearest));
    for (; i < pool.size && scratch_.rows.size() < kStep && pool.distances[i] <= beyond; ++i) {
      scratch_.rows.push_back(pool.ids[i]);
    }
    if (scratch_.rows.empty()) break;
    ARROW_RETURN_NOT_OK(Compare(exact, nearest));
  }
  if (IsUnsure(nearest)) {
    return ByAllWithin(KeyBeyond(DistanceLimit(&nearest), kManyCaution), exact);
  }
  LowerBound(nearest);
  return nearest.Take();
}

bool IvfSearch::IsUnsure(const NearestRows& nearest) const {
  // Without a filter the neighbours are near and the codes tell them apart.
  const auto& pool = scratch_.walk.pool;
  return options_.live != nullptr && pool.size == pool.capacity && pool.size < seen_ &&
         pool.distances[pool.size - 1] <= KeyBeyond(DistanceLimit(&nearest));
}

Result<std::vector<Neighbor>> IvfSearch::ByAllWithin(double beyond, ExactDistance& exact) {
  collect_below_ = static_cast<float>(std::min<double>(beyond, std::numeric_limits<float>::max()));
  NearestRows nearest(options_.k);
  scratch_.rows.clear();
  const uint32_t lists = scanned_;
  for (uint32_t i = 0; i < lists; ++i) {
    ARROW_RETURN_NOT_OK(ScanList(i));
    if (scratch_.rows.size() >= kMany) ARROW_RETURN_NOT_OK(Compare(exact, nearest));
  }
  ARROW_RETURN_NOT_OK(Compare(exact, nearest));
  LowerBound(nearest);
  return nearest.Take();
}

Result<std::vector<Neighbor>> IvfSearch::ByCodes() {
  NearestRows nearest(options_.k);
  const auto& pool = scratch_.walk.pool;
  for (uint32_t i = 0; i < pool.size; ++i) {
    nearest.Add(static_cast<float>(frame_.DistanceOfKey(ivf_.framed(), pool.distances[i])),
                pool.ids[i]);
  }
  LowerBound(nearest);
  return nearest.Take();
}

Result<std::vector<Neighbor>> IvfSearch::ByLiveRows() {
  ExactDistance exact(view_.metric(), options_.source->precision(), view_.params.dim, query_,
                      options_.source->step());
  NearestRows nearest(options_.k);
  const LiveRows& live = *options_.live;
  scratch_.rows.clear();
  for (size_t w = 0; w < live.words.size() && w * 64 < view_.row_limit; ++w) {
    for (uint64_t bits = live.words[w]; bits != 0; bits &= bits - 1) {
      const size_t row = w * 64 + static_cast<size_t>(std::countr_zero(bits));
      if (row < view_.row_limit) scratch_.rows.push_back(static_cast<uint32_t>(row));
    }
    if (scratch_.rows.size() >= kMany) ARROW_RETURN_NOT_OK(Compare(exact, nearest));
  }
  ARROW_RETURN_NOT_OK(Compare(exact, nearest));
  LowerBound(nearest);
  return nearest.Take();
}

}  // namespace tarn::index
