// SPDX-License-Identifier: Apache-2.0
#include "index/opened_index.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "index/code_search.h"
#include "index/ivf/ivf_index.h"
#include "index/rerank.h"
#include "index/search_scratch.h"

namespace tarn::index {
namespace {

uint64_t CountLive(const LiveRows* live, const IndexView& view) {
  if (live == nullptr) return view.params.row_count;
  if (live->count) return std::min(*live->count, view.params.row_count);
  uint64_t count = 0;
  for (uint64_t word : live->words) count += static_cast<uint64_t>(std::popcount(word));
  return std::min(count, view.params.row_count);
}

// Some other index has given k rows: this one may give fewer.
bool IsBounded(const SearchOptions& options) {
  return options.bound != nullptr &&
         options.bound->load(std::memory_order_relaxed) < std::numeric_limits<float>::infinity();
}

}  // namespace

SearchScratch::SearchScratch() : impl_(std::make_unique<Impl>()) {}
SearchScratch::~SearchScratch() = default;
SearchScratch::SearchScratch(SearchScratch&&) noexcept = default;
SearchScratch& SearchScratch::operator=(SearchScratch&&) noexcept = default;

Result<std::unique_ptr<VectorIndex>> VectorIndex::Open(std::span<const ChunkView> chunks,
                                                       uint64_t row_limit) {
  if (IvfView::Matches(chunks)) {
    ARROW_ASSIGN_OR_RAISE(const IvfView ivf, IvfView::Open(chunks, row_limit));
    return std::make_unique<IvfIndex>(ivf);
  }
  ARROW_ASSIGN_OR_RAISE(const IndexView view, IndexView::Open(chunks, row_limit));
  return std::make_unique<OpenedIndex>(view);
}

OpenedIndex::OpenedIndex(const IndexView& view)
    : view_(view),
      no_mean_(view.mean == nullptr ? view.params.dim : 0),
      frame_(view.metric(), view.params.dim, view.mean ? view.mean : no_mean_.data(),
             view.params.unit, view.params.rotation_seed) {}

VectorIndex::Distance OpenedIndex::Reach(const float* query) const {
  if (view_.params.node_count == 0) return {};
  const bool bounded = (view_.params.compatible_features & kHasRadius) != 0;
  return frame_.Reach(query,
                      bounded ? view_.params.radius : std::numeric_limits<float>::infinity());
}

Result<const RowMap*> OpenedIndex::Rows() const {
  if (view_.row_offsets == nullptr) return nullptr;
  std::call_once(row_map_once_, [&] { row_map_ = RowMap::Make(view_); });
  if (!row_map_->ok()) return row_map_->status();
  return &**row_map_;
}

Result<std::vector<Neighbor>> OpenedIndex::Search(const float* query, const SearchOptions& options,
                                                  SearchScratch& scratch,
                                                  SearchStats* stats) const {
  SearchStats unused;
  SearchStats& counters = stats ? *stats : unused;
  const uint64_t live_rows = CountLive(options.live, view_);
  if (options.k == 0 || view_.params.node_count == 0 || live_rows == 0) {
    return std::vector<Neighbor>{};
  }
  SearchBuffers& s = *scratch.impl_;
  s.floats.resize(dim());
  s.query.Resize(size_t{view_.params.code_blocks} * 128);
  EncodedQuery encoded;
  if (!frame_.EncodeQuery(query, s.rotated, s.floats.data(), s.query.as<int8_t>(), encoded)) {
    return Error(ErrorKind::kBadInput, "vector search: the query holds a value that is not finite");
  }
  const SearchPlan plan = PlanSearch(view_.params, options, live_rows);
  CodeSearch search(view_, frame_, encoded, options.bound, s, counters);
  Rerank rerank(view_, frame_, encoded, query, options, s, counters);
  if (options.live == nullptr) {
    if (plan.way == SearchPlan::Way::kScan) {
      search.Scan(plan.kept, nullptr);
    } else {
      search.Traverse(plan);
    }
    ARROW_ASSIGN_OR_RAISE(auto found, rerank.Run());
    if (found.size() >= std::min<uint64_t>(options.k, live_rows) || IsBounded(options)) {
      return found;
    }
    // The graph led to too few: look at all nodes.
    search.Scan(plan.kept, nullptr);
    return rerank.Run();
  }
  ARROW_ASSIGN_OR_RAISE(const RowMap* rows, Rows());
  return SearchLive(plan, {*options.live, rows}, options, search, rerank, live_rows);
}

Result<std::vector<Neighbor>> OpenedIndex::SearchLive(const SearchPlan& plan, const LiveNodes& live,
                                                      const SearchOptions& options,
                                                      CodeSearch& search, Rerank& rerank,
                                                      uint64_t live_rows) const {
  const uint64_t wanted = std::min<uint64_t>(options.k, live_rows);
  bool traversed = false;
  if (plan.way == SearchPlan::Way::kTraverse) {
    // Dead nodes all around the query: the live ones lie elsewhere.
    traversed = search.Traverse(plan) || search.CountLive(live) >= plan.kept / 2;
  } else if (plan.way == SearchPlan::Way::kFiltered) {
    traversed = search.TraverseFiltered(plan, live);
  }
  if (traversed) {
    ARROW_ASSIGN_OR_RAISE(auto found, rerank.Run());
    const bool enough = found.size() >= wanted || IsBounded(options);
    if (enough && (!rerank.IsUnsure() || plan.way == SearchPlan::Way::kTraverse)) return found;
  }
  search.Scan(plan.kept, &live);
  ARROW_ASSIGN_OR_RAISE(auto found, rerank.Run());
  if (!rerank.IsUnsure() || options.source == nullptr) return found;
  // Many live rows lie about as far as the last result: the codes cannot tell them apart.
  return rerank.RunOver(search.Within(rerank.last_key(), rerank.margin(), live));
}

}  // namespace tarn::index
