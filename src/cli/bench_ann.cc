// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_ann.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <iomanip>
#include <memory>
#include <random>
#include <span>

#include "cli/bench_table.h"
#include "cli/npy.h"

namespace tarn::cli {
namespace {

constexpr uint32_t kNeighbors = 10;
constexpr double kEnoughRecall = 0.995;
constexpr uint32_t kLiveSeed = 20;

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

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
  const bool truth = !options.truth.empty();
  if (truth) {
    ARROW_ASSIGN_OR_RAISE(in.truth, ReadNpy(options.truth));
  }
  if (in.base.floats.empty() || in.queries.floats.empty() || in.truth.integers.empty() == truth) {
    return Error(ErrorKind::kBadInput,
                 "bench ann: base and queries must be floats, truth integers, "
                 "none of them empty");
  }
  if (in.base.columns != in.queries.columns ||
      (truth && (in.truth.rows != in.queries.rows || in.truth.columns < kNeighbors))) {
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

/// As VectorMetric defines it, in double precision.
double DistanceOf(VectorMetric metric, const float* query, const float* row, size_t dim) {
  double dot = 0, query_norm = 0, row_norm = 0, squares = 0;
  for (size_t i = 0; i < dim; ++i) {
    const double q = query[i], x = row[i];
    dot += q * x;
    query_norm += q * q;
    row_norm += x * x;
    squares += (q - x) * (q - x);
  }
  if (metric == VectorMetric::kEuclidean) return std::sqrt(squares);
  if (metric == VectorMetric::kDotProduct) return -dot;
  return 1 - dot / std::sqrt(query_norm * row_norm);
}

/// What a right result is: at most so far from its query, and so many of them.
struct Truth {
  std::vector<float> limits;  // of each query
  uint64_t results = 0;       // over all queries
};

float WithSlack(double distance) {
  return static_cast<float>(distance + 2e-6 * std::max(1.0, std::abs(distance)));
}

/// From the file of true neighbours.
Truth ReadTruth(const Inputs& in, VectorMetric metric) {
  Truth truth;
  const size_t dim = in.base.columns;
  for (uint64_t q = in.begin; q < in.end; ++q) {
    double last = 0;
    for (uint32_t i = 0; i < kNeighbors; ++i) {
      const auto row = static_cast<size_t>(in.truth.integers[q * in.truth.columns + i]);
      const double distance = DistanceOf(metric, in.queries.floats.data() + q * dim,
                                         in.base.floats.data() + row * dim, dim);
      last = i == 0 ? distance : std::max(last, distance);
    }
    truth.limits.push_back(WithSlack(last));
  }
  truth.results = truth.limits.size() * kNeighbors;
  return truth;
}

/// By exact search under the same filter.
Result<Truth> FindTruth(SearchSession& session, const Inputs& in, SearchRequest request) {
  const size_t dim = in.base.columns;
  ARROW_ASSIGN_OR_RAISE(
      const auto queries,
      EmbeddingsView::FromSpan(
          std::span(in.queries.floats).subspan(in.begin * dim, (in.end - in.begin) * dim),
          static_cast<int32_t>(dim)));
  request.exact = true;
  ARROW_ASSIGN_OR_RAISE(const auto answers, session.SearchHitsBatch(queries, request));
  Truth truth;
  for (const auto& nearest : answers) {
    truth.limits.push_back(nearest.empty() ? 0 : WithSlack(nearest.back().distance));
    truth.results += nearest.size();
  }
  return truth;
}

/// Random rows of the view: those that the filter keeps and nothing deleted; nullptr for all.
Result<std::shared_ptr<const RowFilter>> DrawLiveRows(const BenchAnnOptions& options,
                                                      const ReadView& view) {
  if (options.filter >= 1 && options.deleted <= 0) return nullptr;
  std::mt19937 random(kLiveSeed);
  std::bernoulli_distribution kept(std::clamp(options.filter, 0.0, 1.0));
  std::bernoulli_distribution gone(std::clamp(options.deleted, 0.0, 1.0));
  std::vector<std::vector<uint64_t>> words;
  for (const auto& file : view.files()) {
    auto& bits = words.emplace_back((static_cast<size_t>(file.rows) + 63) / 64);
    for (size_t row = 0; row < static_cast<size_t>(file.rows); ++row) {
      const bool keep = kept(random), lose = gone(random);
      if (keep && !lose) bits[row / 64] |= uint64_t{1} << (row % 64);
    }
  }
  return RowFilter::FromBitmaps(view, std::move(words));
}

bool IsLive(const RowFilter* filter, const SearchHit& hit) {
  if (filter == nullptr) return true;
  const auto words = filter->words(hit.file);
  return hit.row / 64 < words.size() && (words[hit.row / 64] >> (hit.row % 64) & 1);
}

struct Point {
  uint32_t ef = 0;
  uint32_t nprobe = 0;
  double recall = 0;
  double qps = 0;
  double p50_us = 0;
  double p99_us = 0;
};

/// Answers one query.
using Ask =
    std::function<Result<std::vector<SearchHit>>(std::span<const float>, const SearchRequest&)>;

/// Every part of the rows as a table of its own, asked with the whole effort.
class FanOut {
 public:
  Status Build(const BenchAnnOptions& options, BenchTableOptions wanted, const NpyMatrix& base) {
    wanted.files = 1;
    wanted.folder.clear();
    const auto parts = static_cast<uint64_t>(options.files);
    for (uint64_t part = 0; part < parts; ++part) {
      const uint64_t begin = base.rows * part / parts;
      NpyMatrix rows;
      rows.columns = base.columns;
      rows.rows = base.rows * (part + 1) / parts - begin;
      const float* first = base.floats.data() + begin * base.columns;
      rows.floats.assign(first, first + rows.rows * base.columns);
      tables_.push_back(std::make_unique<BenchTable>());
      ARROW_RETURN_NOT_OK(tables_.back()->Build(wanted, rows));
      ARROW_ASSIGN_OR_RAISE(auto session, tables_.back()->Open(/*threads=*/1));
      sessions_.push_back(std::move(session));
    }
    return Status::OK();
  }

  Result<std::vector<SearchHit>> Search(std::span<const float> query,
                                        const SearchRequest& request) const {
    std::vector<SearchHit> all;
    for (size_t part = 0; part < sessions_.size(); ++part) {
      ARROW_ASSIGN_OR_RAISE(auto found, sessions_[part]->SearchHits(query, request));
      for (SearchHit& hit : found) {
        hit.file = static_cast<uint32_t>(part);
        all.push_back(hit);
      }
    }
    std::sort(all.begin(), all.end(),
              [](const auto& a, const auto& b) { return a.distance < b.distance; });
    all.resize(std::min<size_t>(all.size(), request.k));
    return all;
  }

 private:
  std::vector<std::unique_ptr<BenchTable>> tables_;
  std::vector<std::shared_ptr<SearchSession>> sessions_;
};

Result<Point> Measure(const Ask& ask, const Inputs& in, const Truth& truth,
                      const SearchRequest& request, int passes) {
  const size_t dim = in.base.columns;
  const size_t count = in.end - in.begin;
  Point point{request.ef, request.nprobe};
  std::vector<double> micros(count);
  for (int pass = 0; pass < std::max(1, passes); ++pass) {
    uint64_t right = 0;
    const double start = Now();
    double before = start;
    for (size_t i = 0; i < count; ++i) {
      const std::span query(in.queries.floats.data() + (in.begin + i) * dim, dim);
      ARROW_ASSIGN_OR_RAISE(const auto found, ask(query, request));
      for (const auto& hit : found) {
        right += hit.distance <= truth.limits[i] && IsLive(request.filter.get(), hit);
      }
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
    point.recall = static_cast<double>(right) / static_cast<double>(truth.results);
  }
  return point;
}

/// The settings to try, the fastest first. The default sweeps end when recall is high enough.
struct Sweep {
  std::vector<uint32_t> efs;
  std::vector<uint32_t> nprobes;
  bool open_ended = false;
};

Sweep ChooseSweep(const BenchAnnOptions& options) {
  Sweep sweep{options.efs, options.nprobes};
  if (options.index == IndexType::kIvfPq) {
    if (sweep.efs.empty()) sweep.efs = {0};
    sweep.open_ended = sweep.nprobes.empty();
    if (sweep.open_ended) {
      sweep.nprobes = {1,  2,  3,  4,  6,  8,   10,  12,  16,  20,  24,  32,
                       40, 48, 64, 80, 96, 128, 160, 192, 256, 384, 512, 1024};
    }
    return sweep;
  }
  if (sweep.nprobes.empty()) sweep.nprobes = {0};
  sweep.open_ended = sweep.efs.empty();
  if (sweep.open_ended) {
    sweep.efs = {10,  12,  14,  16,  20,  24,  28,  32,  40,  48,  56,  64,  80,  96,
                 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 1024};
  }
  return sweep;
}

struct Report {
  const BenchAnnOptions& options;
  const Inputs& in;
  double build_seconds;
  uint64_t index_bytes;
  uint64_t live;
  std::vector<Point> sweep;
};

void PrintJson(const Report& r, std::ostream& out) {
  out << "{\"n\": " << r.in.base.rows << ", \"dim\": " << r.in.base.columns << ", \"metric\": \""
      << MetricName(r.options.metric) << "\", \"index\": \"" << IndexTypeName(r.options.index)
      << "\", \"files\": " << r.options.files << ", \"live\": " << r.live
      << ", \"build_seconds\": " << r.build_seconds << ", \"index_bytes\": " << r.index_bytes
      << ", \"sweep\": [";
  for (size_t i = 0; i < r.sweep.size(); ++i) {
    const Point& p = r.sweep[i];
    out << (i ? ", " : "") << "{\"ef\": " << p.ef << ", \"nprobe\": " << p.nprobe
        << ", \"recall\": " << p.recall << ", \"qps\": " << p.qps << ", \"p50_us\": " << p.p50_us
        << ", \"p99_us\": " << p.p99_us << "}";
  }
  out << "]}\n";
}

void PrintTable(const Report& r, std::ostream& out) {
  out << r.in.base.rows << " x " << r.in.base.columns << ", " << MetricName(r.options.metric)
      << ", " << IndexTypeName(r.options.index) << ", " << r.live << " live rows, built in "
      << r.build_seconds << " s, " << r.index_bytes << " bytes ("
      << r.index_bytes / std::max<uint64_t>(r.in.base.rows, 1) << " a row)\n"
      << "     ef nprobe  recall      qps   p50 us   p99 us\n"
      << std::fixed;
  for (const Point& p : r.sweep) {
    out << std::setw(7) << p.ef << std::setw(7) << p.nprobe << std::setprecision(4) << std::setw(8)
        << p.recall << std::setprecision(0) << std::setw(9) << p.qps << std::setprecision(1)
        << std::setw(9) << p.p50_us << std::setw(9) << p.p99_us << "\n";
  }
}

}  // namespace

Status RunBenchAnn(const BenchAnnOptions& options, std::ostream& out) {
  ARROW_ASSIGN_OR_RAISE(const Inputs in, ReadInputs(options));
  BenchTableOptions wanted;
  wanted.metric = options.metric;
  wanted.precision = options.precision;
  wanted.index = options.index;
  wanted.hnsw = options.hnsw;
  wanted.build_threads = options.build_threads;
  wanted.files = options.files;
  wanted.folder = options.table;
  BenchTable table;
  ARROW_RETURN_NOT_OK(table.Build(wanted, in.base));
  ARROW_ASSIGN_OR_RAISE(const auto session, table.Open(/*threads=*/1));
  SearchRequest request;
  request.k = kNeighbors;
  ARROW_ASSIGN_OR_RAISE(request.filter, DrawLiveRows(options, *session->view()));
  Truth truth;
  if (options.truth.empty() || request.filter != nullptr ||
      options.precision != VectorPrecision::kF32) {
    ARROW_ASSIGN_OR_RAISE(truth, FindTruth(*session, in, request));
  } else {
    truth = ReadTruth(in, options.metric);
  }
  if (truth.results == 0) return Error(ErrorKind::kBadInput, "bench ann: no live rows are left");
  Report report{options,
                in,
                table.build_seconds(),
                table.index_bytes(),
                request.filter ? request.filter->row_count() : in.base.rows,
                {}};
  FanOut fan_out;
  if (options.fan_out) {
    if (request.filter != nullptr) {
      return Error(ErrorKind::kBadInput, "bench ann: --fan-out takes no filter");
    }
    ARROW_RETURN_NOT_OK(fan_out.Build(options, wanted, in.base));
  }
  const Ask ask = [&](std::span<const float> query, const SearchRequest& asked) {
    return options.fan_out ? fan_out.Search(query, asked) : session->SearchHits(query, asked);
  };
  const Sweep sweep = ChooseSweep(options);
  bool enough = false;
  for (const uint32_t nprobe : sweep.nprobes) {
    for (const uint32_t ef : sweep.efs) {
      request.ef = ef;
      request.nprobe = nprobe;
      ARROW_ASSIGN_OR_RAISE(const Point point, Measure(ask, in, truth, request, options.passes));
      report.sweep.push_back(point);
      enough = sweep.open_ended && point.recall >= kEnoughRecall;
      if (enough) break;
    }
    if (enough) break;
  }
  (options.json ? PrintJson : PrintTable)(report, out);
  return Status::OK();
}

}  // namespace tarn::cli
