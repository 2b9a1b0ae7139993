// SPDX-License-Identifier: Apache-2.0
//
// One search of an inverted-file index: the lists best first, their rows by codes, the best of
// these by exact distance.
#pragma once

#include <optional>
#include <vector>

#include "index/exact_distance.h"
#include "index/ivf/ivf_frame.h"
#include "index/ivf/ivf_query.h"
#include "index/nearest_rows.h"
#include "index/search_scratch.h"

namespace tarn::index {

/// All references must outlive it. The query of the scratch is prepared.
class IvfSearch {
 public:
  IvfSearch(const IvfView& view, const IvfFrame& frame, const float* query,
            const SearchOptions& options, SearchBuffers& scratch, SearchStats& stats);

  /// As VectorIndex::Search. kCorrupt when a list is damaged.
  Result<std::vector<Neighbor>> Run();

 private:
  /// How much is looked at: decided by the filter.
  struct Plan {
    uint32_t lists = 0;
    uint32_t kept = 0;     ///< candidates
    bool by_rows = false;  ///< no codes: the exact distance of every live row
  };
  Plan MakePlan() const;

  Status ScanLists(const Plan& plan);
  /// Whether far fewer live rows were met than a filter leaves that knows nothing of distances.
  bool LiveRowsAreElsewhere() const;
  Status ScanList(uint32_t place);
  /// Fills live_ for some blocks; how many rows of them are live.
  uint32_t MarkLive(const std::byte* blocks, uint32_t rows);
  float KeyLimit() const;

  Result<std::vector<Neighbor>> ByExactDistance();
  /// Whether rows that did not make it into the pool may be nearer than those that did.
  bool IsUnsure(const NearestRows& nearest) const;
  /// The exact distance of every live row of the scanned lists whose code is within the margin.
  Result<std::vector<Neighbor>> ByAllWithin(double beyond, ExactDistance& exact);
  Result<std::vector<Neighbor>> ByCodes();
  Result<std::vector<Neighbor>> ByLiveRows();
  Status Compare(ExactDistance& exact, NearestRows& nearest);
  /// The distance beyond which nothing is wanted.
  float DistanceLimit(const NearestRows* nearest) const;
  /// The key that a row at the distance exceeds seldom; more seldom with more `caution`.
  double KeyBeyond(float distance, double caution = 1) const;
  void LowerBound(const NearestRows& nearest) const;

  const IvfView& view_;
  const IvfFrame& frame_;
  const float* query_;
  const SearchOptions& options_;
  SearchBuffers& scratch_;
  SearchStats& stats_;
  IvfQuery& ivf_;
  uint64_t live_rows_;    // of the file, at most; row_count without a filter
  uint64_t seen_ = 0;     // live rows that were scanned
  uint64_t passed_ = 0;   // rows of the scanned lists, live or not
  uint32_t scanned_ = 0;  // lists, the first of the order
  // Set: rows whose keys are below it are collected in scratch_.rows, whatever their number.
  std::optional<float> collect_below_;
  double bound_key_;  // of the bound when the search began
};

}  // namespace tarn::index
