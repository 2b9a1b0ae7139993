// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_open.h"

#include <chrono>
#include <fstream>
#include <span>

#include "cli/npy.h"
#include "tarn/search_session.h"

namespace tarn::cli {
namespace {

/// Resident memory that is no mapped file, in KiB (proc(5), /proc/pid/status).
int64_t AnonymousKib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("RssAnon:", 0) == 0) return std::atoll(line.c_str() + 8);
  }
  return 0;
}

double MillisSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

}  // namespace

Status RunBenchOpen(const BenchOpenOptions& options, std::shared_ptr<CatalogProvider> catalog,
                    std::ostream& out) {
  ARROW_ASSIGN_OR_RAISE(auto ident, TableIdent::Parse(options.table));
  ARROW_ASSIGN_OR_RAISE(auto queries, ReadNpy(options.queries));
  if (queries.floats.empty())
    return Error(ErrorKind::kBadInput, options.queries, " holds no queries");
  const auto query = std::span(queries.floats).first(queries.columns);
  const int64_t before = AnonymousKib();
  const auto start = std::chrono::steady_clock::now();
  ARROW_ASSIGN_OR_RAISE(auto session, SearchSession::Open(std::move(catalog), ident));
  ARROW_ASSIGN_OR_RAISE(auto first, session->SearchHits(query, {}));
  const double first_ms = MillisSince(start);
  const auto again = std::chrono::steady_clock::now();
  ARROW_ASSIGN_OR_RAISE(auto second, session->SearchHits(query, {}));
  const double second_ms = MillisSince(again);
  out << "{\"first_answer_ms\": " << first_ms << ", \"second_answer_ms\": " << second_ms
      << ", \"memory_growth_kib\": " << AnonymousKib() - before
      << ", \"rows\": " << session->view()->rows() << ", \"hits\": " << first.size() << "}\n";
  return Status::OK();
}

}  // namespace tarn::cli
