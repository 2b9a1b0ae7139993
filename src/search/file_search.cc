// SPDX-License-Identifier: Apache-2.0
#include "search/file_search.h"

#include <algorithm>

#include "base/parallel.h"

namespace tarn {
namespace {

/// Rows below which an exhaustive comparison is not worth a second thread.
constexpr uint64_t kRowsWorthThreads = 20000;

Result<std::vector<index::Neighbor>> SearchIndex(const SearchableVectors& vectors,
                                                 const index::VectorIndex& index,
                                                 const FileQuery& query) {
  // Scratch is a few hundred KiB that every query of a thread needs again.
  static thread_local index::SearchScratch scratch;
  ARROW_ASSIGN_OR_RAISE(auto source, vectors.NewRowSource());
  index::SearchOptions options;
  options.k = query.k;
  options.ef = query.ef;
  options.beam = query.beam;
  options.nprobe = query.nprobe;
  options.live = query.live;
  options.bound = query.bound;
  options.source = source.get();
  return index.Search(query.query, options, scratch);
}

Result<std::vector<index::Neighbor>> ScanAll(const SearchableVectors& vectors,
                                             const FileQuery& query) {
  std::vector<index::ExactBlock> blocks;
  ARROW_RETURN_NOT_OK(vectors.ForEachBlock([&](const index::ExactBlock& block) {
    blocks.push_back(block);
    return Status::OK();
  }));
  const auto& policy = vectors.policy();
  const int threads = vectors.rows() >= kRowsWorthThreads ? std::max(1, query.threads) : 1;
  std::vector<std::unique_ptr<index::ExactScan>> scans;
  for (int i = 0; i < threads; ++i) {
    scans.push_back(std::make_unique<index::ExactScan>(policy.metric, vectors.block_precision(),
                                                       static_cast<uint32_t>(policy.dim),
                                                       query.query, query.k, query.live));
  }
  ParallelFor(blocks.size(), 8, threads, [&](size_t begin, size_t end, int thread) {
    for (size_t i = begin; i < end; ++i) scans[static_cast<size_t>(thread)]->Add(blocks[i]);
  });
  std::vector<index::Neighbor> nearest;
  for (const auto& scan : scans) {
    const auto part = scan->Finish();
    nearest.insert(nearest.end(), part.begin(), part.end());
  }
  std::sort(nearest.begin(), nearest.end(), [](const auto& a, const auto& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.row < b.row;
  });
  nearest.resize(std::min<size_t>(nearest.size(), query.k));
  return nearest;
}

}  // namespace

std::optional<index::LiveRows> AllowedRows(const SearchableFile& file, size_t number,
                                           const RowFilter* filter) {
  index::LiveRows live;
  if (filter != nullptr) {
    live = {filter->words(number), filter->row_count(number)};
  } else if (file.live != nullptr) {
    live = {file.live->words, file.live->count};
  } else {
    return std::nullopt;
  }
  if (file.vectors != nullptr && *live.count >= file.vectors->rows()) return std::nullopt;
  return live;
}

Result<std::vector<index::Neighbor>> SearchFile(const SearchableFile& file,
                                                const FileQuery& query) {
  if (file.vectors == nullptr) return std::vector<index::Neighbor>();
  if (file.index != nullptr && !query.exact) return SearchIndex(*file.vectors, *file.index, query);
  return ScanAll(*file.vectors, query);
}

}  // namespace tarn
