// SPDX-License-Identifier: Apache-2.0
//
// One search of an inverted-file index: the lists best first, their rows by codes, the best of
// these by exact distance.
#pragma once

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
    uint32_t kept = 0;    ///< candidates
    bool by_rows = false;  ///< no codes: the exact distance of every live row
  };
  Plan MakePlan() const;

  Status ScanLists(const Plan& plan);
  Status ScanList(uint32_t list);
  /// Fills live_ for some blocks; how many rows of them are live.
  uint32_t MarkLive(const std::byte* blocks, uint32_t rows);
  float KeyLimit() const;

  Result<std::vector<Neighbor>> ByExactDistance();
  Result<std::vector<Neighbor>> ByCodes();
  Result<std::vector<Neighbor>> ByLiveRows();
  Status Compare(ExactDistance& exact, NearestRows& nearest);
  /// The distance beyond which nothing is wanted.
  float DistanceLimit(const NearestRows* nearest) const;
  double KeyBeyond(float distance) const;
  void LowerBound(const NearestRows& nearest) const;

  const IvfView& view_;
  const IvfFrame& frame_;
  const float* query_;
  const SearchOptions& options_;
  SearchBuffers& scratch_;
  SearchStats& stats_;
  IvfQuery& ivf_;
  uint64_t live_rows_;       // of the file, at most; row_count without a filter
  uint64_t seen_ = 0;        // live rows that were scanned
  double bound_key_;         // of the bound when the search began
};

}  // namespace tarn::index
