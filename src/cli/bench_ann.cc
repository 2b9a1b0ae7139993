// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_ann.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <iomanip>
#include <memory>
#include <span>

#include "cli/npy.h"
#include "index/vector_index.h"

namespace tarn::cli {
namespace {

constexpr uint32_t kNeighbors = 10;
constexpr double kEnoughRecall = 0.995;

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class MatrixSource : public index::RowSource {
 public:
  MatrixSource(const float* values, size_t dim) : values_(values), dim_(dim) {}
  VectorPrecision precision() const override { return VectorPrecision::kF32; }
  Status Fetch(std::span<const uint32_t> rows, const std::byte** out) override {
    for (size_t i = 0; i < rows.size(); ++i) {
      out[i] = reinterpret_cast<const std::byte*>(values_ + size_t{rows[i]} * dim_);
    }
    return Status::OK();
  }

 private:
  const float* values_;
  size_t dim_;
};

struct Inputs {
  NpyMatrix base;
  NpyMatrix queries;
  NpyMatrix truth;
  uint64_t begin = 0;
  uint64_t end = 0;
};

Result<Inputs> ReadInputs(const BenchAnnOptions& options) {
  Inputs in;
  ARROW_ASSIGN_OR_RAISE(in.base, ReadNpy(options.base));
  ARROW_ASSIGN_OR_RAISE(in.queries, ReadNpy(options.queries));
  ARROW_ASSIGN_OR_RAISE(in.truth, ReadNpy(options.truth));
  if (in.base.floats.empty() || in.queries.floats.empty() || in.truth.integers.empty()) {
    return Error(ErrorKind::kBadInput,
                 "bench ann: base and queries must be floats, truth integers, "
                 "none of them empty");
  }
  if (in.base.columns != in.queries.columns || in.truth.rows != in.queries.rows ||
      in.truth.columns < kNeighbors) {
    return Error(ErrorKind::kBadInput, "bench ann: base is ", in.base.rows, " x ", in.base.columns,
                 ", queries ", in.queries.rows, " x ", in.queries.columns, ", truth ",
                 in.truth.rows, " x ", in.truth.columns,
                 "; they must fit each other, truth with 10 columns or more");
  }
  for (int64_t row : in.truth.integers) {
    if (row < 0 || static_cast<uint64_t>(row) >= in.base.rows) {
      return Error(ErrorKind::kBadInput, options.truth, ": row ", row, " is not in the base");
    }
  }
  in.begin = options.query_begin;
  in.end = options.query_end == 0 ? in.queries.rows : options.query_end;
  if (in.begin >= in.end || in.end > in.queries.rows) {
    return Error(ErrorKind::kBadInput, "bench ann: queries [", in.begin, ", ", in.end, ") of ",
                 in.queries.rows);
  }
  return in;
}

// The distance that a right result may have at most, for each query.
std::vector<float> TruthLimits(const Inputs& in, VectorMetric metric) {
  std::vector<float> limits;
  const auto dim = static_cast<uint32_t>(in.base.columns);
  for (uint64_t q = in.begin; q < in.end; ++q) {
    index::ExactScan scan(metric, VectorPrecision::kF32, dim, in.queries.floats.data() + q * dim,
                          kNeighbors, nullptr);
    for (uint32_t i = 0; i < kNeighbors; ++i) {
      const auto row = static_cast<uint32_t>(in.truth.integers[q * in.truth.columns + i]);
      scan.Add(
          {reinterpret_cast<const std::byte*>(in.base.floats.data() + size_t{row} * dim), 1, row});
    }
    const float last = scan.Finish().back().distance;
    limits.push_back(last + 1e-6f * std::max(1.0f, std::abs(last)));
  }
  return limits;
}

struct Point {
  uint32_t ef = 0;
  double recall = 0;
  double qps = 0;
  double p50_us = 0;
  double p99_us = 0;
  double code_distances = 0;
};

Result<Point> Measure(const index::VectorIndex& index, const Inputs& in,
                      const std::vector<float>& limits, uint32_t ef, int passes) {
  const size_t dim = in.base.columns;
  const size_t count = in.end - in.begin;
  MatrixSource source(in.base.floats.data(), dim);
  index::SearchScratch scratch;
  index::SearchOptions search;
  search.k = kNeighbors;
  search.ef = ef;
  search.source = &source;
  Point point{ef};
  std::vector<double> micros(count);
  for (int pass = 0; pass < std::max(1, passes); ++pass) {
    index::SearchStats stats;
    uint64_t right = 0;
    const double start = Now();
    double before = start;
    for (size_t i = 0; i < count; ++i) {
      const float* query = in.queries.floats.data() + (in.begin + i) * dim;
      ARROW_ASSIGN_OR_RAISE(const auto found, index.Search(query, search, scratch, &stats));
      for (const auto& neighbor : found) right += neighbor.distance <= limits[i];
      const double after = Now();
      micros[i] = (after - before) * 1e6;
      before = after;
    }
    const double qps = static_cast<double>(count) / (before - start);
    if (qps <= point.qps) continue;
    std::sort(micros.begin(), micros.end());
    point.qps = qps;
    point.p50_us = micros[count / 2];
    point.p99_us = micros[std::min(count - 1, count * 99 / 100)];
    point.recall = static_cast<double>(right) / static_cast<double>(count * kNeighbors);
    point.code_distances = static_cast<double>(stats.code_distances) / static_cast<double>(count);
  }
  return point;
}

std::vector<uint32_t> DefaultSweep() {
  return {10,  12,  14,  16,  20,  24,  28,  32,  40,  48,  56,  64,  80,  96,
          112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 1024};
}

void PrintJson(const BenchAnnOptions& options, const Inputs& in, double build_seconds,
               uint64_t index_bytes, const std::vector<Point>& sweep, std::ostream& out) {
  out << "{\"n\": " << in.base.rows << ", \"dim\": " << in.base.columns << ", \"metric\": \""
      << MetricName(options.metric) << "\", \"build_seconds\": " << build_seconds
      << ", \"index_bytes\": " << index_bytes << ", \"sweep\": [";
  for (size_t i = 0; i < sweep.size(); ++i) {
    const Point& p = sweep[i];
    out << (i ? ", " : "") << "{\"ef\": " << p.ef << ", \"recall\": " << p.recall
        << ", \"qps\": " << p.qps << ", \"p50_us\": " << p.p50_us << ", \"p99_us\": " << p.p99_us
        << ", \"code_distances\": " << p.code_distances << "}";
  }
  out << "]}\n";
}

void PrintTable(const BenchAnnOptions& options, const Inputs& in, double build_seconds,
                uint64_t index_bytes, const std::vector<Point>& sweep, std::ostream& out) {
  out << in.base.rows << " x " << in.base.columns << ", " << MetricName(options.metric)
      << ", built in " << build_seconds << " s, " << index_bytes << " bytes ("
      << index_bytes / std::max<uint64_t>(in.base.rows, 1) << " a row)\n"
      << "     ef  recall      qps   p50 us   p99 us  code distances\n"
      << std::fixed;
  for (const Point& p : sweep) {
    out << std::setw(7) << p.ef << std::setprecision(4) << std::setw(8) << p.recall
        << std::setprecision(0) << std::setw(9) << p.qps << std::setprecision(1) << std::setw(9)
        << p.p50_us << std::setw(9) << p.p99_us << std::setprecision(0) << std::setw(16)
        << p.code_distances << "\n";
  }
}

// Chunks as an index is opened from: each on a cache line of its own memory.
struct AlignedChunks {
  explicit AlignedChunks(const std::vector<index::IndexChunk>& chunks) {
    for (const auto& chunk : chunks) {
      const size_t room = (chunk.bytes.size() + 127) / 64 * 64;
      memory.emplace_back(static_cast<std::byte*>(std::aligned_alloc(64, room)), &std::free);
      std::copy(chunk.bytes.begin(), chunk.bytes.end(), memory.back().get());
      views.push_back({chunk.kind, {memory.back().get(), chunk.bytes.size()}});
      bytes += chunk.bytes.size();
    }
  }
  std::vector<std::unique_ptr<std::byte, decltype(&std::free)>> memory;
  std::vector<index::ChunkView> views;
  uint64_t bytes = 0;
};

}  // namespace

Status RunBenchAnn(const BenchAnnOptions& options, std::ostream& out) {
  ARROW_ASSIGN_OR_RAISE(const Inputs in, ReadInputs(options));
  index::VectorSet vectors;
  vectors.values = in.base.floats.data();
  vectors.count = in.base.rows;
  vectors.dim = static_cast<uint32_t>(in.base.columns);
  index::BuildOptions build;
  build.metric = options.metric;
  build.hnsw = options.hnsw;
  build.threads = options.build_threads;
  const double start = Now();
  ARROW_ASSIGN_OR_RAISE(const auto chunks, index::BuildIndex(vectors, build));
  const double build_seconds = Now() - start;
  const AlignedChunks aligned(chunks);
  ARROW_ASSIGN_OR_RAISE(const auto index, index::VectorIndex::Open(aligned.views, in.base.rows));
  const std::vector<float> limits = TruthLimits(in, options.metric);
  std::vector<Point> sweep;
  for (uint32_t ef : options.efs.empty() ? DefaultSweep() : options.efs) {
    ARROW_ASSIGN_OR_RAISE(const Point point, Measure(*index, in, limits, ef, options.passes));
    sweep.push_back(point);
    if (options.efs.empty() && point.recall >= kEnoughRecall) break;
  }
  (options.json ? PrintJson : PrintTable)(options, in, build_seconds, aligned.bytes, sweep, out);
  return Status::OK();
}

}  // namespace tarn::cli
