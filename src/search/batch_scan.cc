// SPDX-License-Identifier: Apache-2.0
#include "search/batch_scan.h"

#include <string>

#include "index/exact_batch.h"
#include "index/nearest_rows.h"
#include "search/query_check.h"

namespace tarn {
namespace {

/// Below so many queries the product gains nothing: reading the rows is what takes the time.
constexpr int64_t kQueriesWorthAProduct = 8;

Result<std::vector<float>> Gather(const EmbeddingsView& queries, const SearchRequest& request,
                                  const VectorStoragePolicy& policy) {
  const auto dim = static_cast<size_t>(queries.dim());
  std::vector<float> values;
  values.reserve(static_cast<size_t>(queries.rows()) * dim);
  for (int64_t q = 0; q < queries.rows(); ++q) {
    const float* query = queries.Row(q);
    const Status status = query == nullptr ? Error(ErrorKind::kBadInput, "the query is null")
                                           : CheckQuery({query, dim}, request.k, policy);
    if (!status.ok()) return WithContext(status, "query " + std::to_string(q));
    values.insert(values.end(), query, query + dim);
  }
  return values;
}

Result<std::vector<index::ExactBlock>> Blocks(const SearchableVectors& vectors) {
  std::vector<index::ExactBlock> blocks;
  ARROW_RETURN_NOT_OK(vectors.ForEachBlock([&](const index::ExactBlock& block) {
    blocks.push_back(block);
    return Status::OK();
  }));
  return blocks;
}

}  // namespace

Result<BatchScan> BatchScan::Run(const ReadView& view, std::span<const SearchableFile> files,
                                 const VectorStoragePolicy& policy, const EmbeddingsView& queries,
                                 const SearchRequest& request, int threads) {
  BatchScan scan;
  if (queries.rows() < kQueriesWorthAProduct) return scan;
  std::vector<float> values;
  std::vector<index::NearestRows> best;
  std::vector<float> bounds;
  for (size_t file = 0; file < files.size(); ++file) {
    const auto& vectors = files[file].vectors;
    if (vectors == nullptr || (files[file].index != nullptr && !request.exact)) continue;
    if (best.empty()) {
      ARROW_ASSIGN_OR_RAISE(values, Gather(queries, request, policy));
      best.assign(static_cast<size_t>(queries.rows()), index::NearestRows(request.k));
      bounds.assign(best.size(), best[0].limit());
      scan.found_.resize(files.size());
    }
    auto blocks = Blocks(*vectors);
    if (!blocks.ok()) return WithContext(blocks.status(), view.files()[file].path);
    const auto allowed = AllowedRows(files[file], file, request.filter.get());
    index::ExactBatchQuery ask;
    ask.metric = policy.metric;
    ask.precision = vectors->block_precision();
    ask.dim = static_cast<uint32_t>(policy.dim);
    ask.queries = values.data();
    ask.count = best.size();
    ask.k = request.k;
    ask.live = allowed ? &*allowed : nullptr;
    ask.bounds = bounds.data();
    ask.threads = threads;
    scan.found_[file] = index::SearchExactBatch(ask, *blocks);
    for (size_t q = 0; q < best.size(); ++q) {
      for (const auto& neighbor : scan.found_[file][q]) best[q].Add(neighbor.distance, 0);
      bounds[q] = best[q].limit();
    }
  }
  return scan;
}

}  // namespace tarn
