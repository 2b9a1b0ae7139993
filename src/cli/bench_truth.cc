// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_truth.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "cli/bench_table.h"
#include "cli/npy.h"

namespace tarn::cli {

Status RunBenchTruth(const BenchTruthOptions& options, std::ostream& out) {
  ARROW_ASSIGN_OR_RAISE(const NpyMatrix base, ReadNpy(options.base));
  ARROW_ASSIGN_OR_RAISE(const NpyMatrix queries, ReadNpy(options.queries));
  if (base.floats.empty() || queries.floats.empty() || base.columns != queries.columns ||
      options.k < 1 || options.k > base.rows) {
    return Error(ErrorKind::kBadInput, "bench truth: base is ", base.rows, " x ", base.columns,
                 ", queries ", queries.rows, " x ", queries.columns, ", k ", options.k,
                 "; both must be floats of one dimension, k between 1 and the rows of the base");
  }
  BenchTableOptions wanted;
  wanted.metric = options.metric;
  wanted.precision = options.precision;
  wanted.index = std::nullopt;
  BenchTable table;
  ARROW_RETURN_NOT_OK(table.Build(wanted, base));
  ARROW_ASSIGN_OR_RAISE(const auto session, table.Open(options.threads));
  ARROW_ASSIGN_OR_RAISE(const auto batch, EmbeddingsView::FromSpan(
                                              queries.floats, static_cast<int32_t>(base.columns)));
  SearchRequest request;
  request.k = options.k;
  request.exact = true;
  std::vector<std::vector<SearchHit>> hits;
  double seconds = 0;
  for (int pass = 0; pass < std::max(1, options.passes); ++pass) {
    const auto start = std::chrono::steady_clock::now();
    ARROW_ASSIGN_OR_RAISE(hits, session->SearchHitsBatch(batch, request));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    seconds = pass == 0 ? took.count() : std::min(seconds, took.count());
  }
  std::vector<int32_t> rows;
  for (const auto& nearest : hits) {
    if (nearest.size() != options.k) {
      return Error(ErrorKind::kBadInput, "bench truth: a query has ", nearest.size(),
                   " neighbours, fewer than k; zero rows have none under cosine");
    }
    for (const auto& hit : nearest) rows.push_back(static_cast<int32_t>(hit.row));
  }
  if (!options.out.empty()) ARROW_RETURN_NOT_OK(WriteNpy(options.out, rows, options.k));
  out << "{\"n\": " << base.rows << ", \"dim\": " << base.columns << ", \"metric\": \""
      << MetricName(options.metric) << "\", \"queries\": " << queries.rows
      << ", \"k\": " << options.k << ", \"threads\": " << options.threads
      << ", \"seconds\": " << seconds
      << ", \"qps\": " << static_cast<double>(queries.rows) / seconds << "}\n";
  return Status::OK();
}

}  // namespace tarn::cli
