// SPDX-License-Identifier: Apache-2.0
#include "index/search_plan.h"

#include <algorithm>
#include <cmath>

namespace tarn::index {
namespace {

// Below this a scan of the codes costs no more than a traversal.
constexpr uint64_t kScanNodes = 512;
// A scored node of a traversal, in scored nodes of a scan.
constexpr double kTraversed = 3;
constexpr double kScoredPerKept = 12;
constexpr double kScoredAtLeast = 300;
// From this share of live rows on the dead ones are too few to lead a traversal astray.
constexpr double kMostlyLive = 0.75;

}  // namespace

SearchPlan PlanSearch(const Params& params, const SearchOptions& options, uint64_t live_rows) {
  const auto nodes = static_cast<double>(params.node_count);
  const bool flat = params.degree == 0;
  double ef = options.ef != 0 ? options.ef : std::max(params.default_ef, 1u);
  ef = std::max<double>(ef, flat ? 4.0 * options.k : options.k);
  const double share =
      static_cast<double>(live_rows) / static_cast<double>(std::max<uint64_t>(params.row_count, 1));
  const double live = share * nodes;
  const auto count = [&](double value) {
    return static_cast<uint32_t>(std::min(std::ceil(value), nodes));
  };
  SearchPlan plan;
  plan.kept = count(ef);
  plan.window = plan.kept;
  plan.beam = options.beam != 0 ? count(options.beam) : plan.kept;
  if (flat || params.node_count <= kScanNodes) {
    plan.way = SearchPlan::Way::kScan;
    return plan;
  }
  if (options.live == nullptr) return plan;
  if (share >= kMostlyLive) {
    plan.window = count(ef / std::sqrt(share));
    return plan;
  }
  // A wide window finds what it covers more surely than a narrow one, so it need not hold as many
  // live nodes to be as good.
  const double enough = std::max<double>(options.k + 6.0, ef * std::sqrt(share));
  const double traversed = kTraversed * (kScoredAtLeast + kScoredPerKept * enough / share);
  if (traversed > live) {
    plan.way = SearchPlan::Way::kScan;
    return plan;
  }
  plan.way = SearchPlan::Way::kFiltered;
  plan.enough = std::min(count(enough), plan.kept);
  plan.window = count(2 * enough / share);
  plan.budget = static_cast<uint64_t>(live / kTraversed) + 1;
  return plan;
}

}  // namespace tarn::index
