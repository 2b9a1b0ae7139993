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

// Below this a scan of the codes costs no more than a traversal.
constexpr uint64_t kScanNodes = 512;
constexpr double kScoredPerKept = 25;

uint64_t CountLive(const LiveRows* live, const IndexView& view) {
  if (live == nullptr) return view.params.row_count;
  uint64_t count = 0;
  for (uint64_t word : live->words) count += static_cast<uint64_t>(std::popcount(word));
  return std::min(count, view.params.row_count);
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

SearchPlan PlanSearch(const Params& params, const SearchOptions& options, uint64_t live_rows) {
  const uint64_t nodes = params.node_count;
  uint64_t ef = options.ef != 0 ? options.ef : std::max(params.default_ef, 1u);
  ef = std::max<uint64_t>(ef, options.k);
  const bool flat = params.degree == 0;
  if (flat) ef = std::max<uint64_t>(ef, uint64_t{4} * options.k);
  SearchPlan plan;
  const double share =
      static_cast<double>(live_rows) / static_cast<double>(std::max<uint64_t>(params.row_count, 1));
  const double window = static_cast<double>(ef) / std::max(share, 1e-9);
  plan.scan =
      flat || nodes <= kScanNodes ||
      (options.live != nullptr && kScoredPerKept * window > share * static_cast<double>(nodes));
  const double kept = plan.scan ? static_cast<double>(ef) : std::ceil(window);
  plan.window = static_cast<uint32_t>(std::min(kept, static_cast<double>(nodes)));
  return plan;
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
  if (!frame_.EncodeQuery(query, s.floats.data(), s.query.as<int8_t>(), encoded)) {
    return Error(ErrorKind::kBadInput, "vector search: the query holds a value that is not finite");
  }
  const SearchPlan plan = PlanSearch(view_.params, options, live_rows);
  CodeSearch search(view_, encoded, s, counters);
  Rerank rerank(view_, frame_, encoded, query, options, s, counters);
  if (!plan.scan) {
    search.Traverse(plan.window);
    ARROW_ASSIGN_OR_RAISE(auto found, rerank.Run());
    if (found.size() >= std::min<uint64_t>(options.k, live_rows)) return found;
    // The graph led to too few live rows: look at all of them.
  }
  ARROW_RETURN_NOT_OK(search.Scan(plan.window, options.live));
  return rerank.Run();
}

}  // namespace tarn::index
