// SPDX-License-Identifier: Apache-2.0
#include "search/top_hits.h"

#include <algorithm>
#include <tuple>

namespace tarn {

std::vector<SearchHit> MergeHits(std::span<const std::vector<index::Neighbor>> files, size_t k) {
  std::vector<SearchHit> hits;
  for (size_t file = 0; file < files.size(); ++file) {
    for (const auto& neighbor : files[file]) {
      hits.push_back({neighbor.distance, static_cast<uint32_t>(file), neighbor.row});
    }
  }
  const auto nearer = [](const SearchHit& a, const SearchHit& b) {
    return std::tie(a.distance, a.file, a.row) < std::tie(b.distance, b.file, b.row);
  };
  const size_t kept = std::min(k, hits.size());
  // One file's neighbours are in order already.
  if (files.size() > 1) {
    std::partial_sort(hits.begin(), hits.begin() + static_cast<ptrdiff_t>(kept), hits.end(),
                      nearer);
  }
  hits.resize(kept);
  return hits;
}

}  // namespace tarn
