// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_ann.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iomanip>
#include <memory>
#include <span>

#include "arrow/api.h"
#include "cli/npy.h"
#include "tarn/search_session.h"
#include "tarn/table_writer.h"

namespace tarn::cli {
namespace {

constexpr uint32_t kNeighbors = 10;
constexpr double kEnoughRecall = 0.995;

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

/// The distance that a right result may have at most, for each query: that of the true tenth.
std::vector<float> TruthLimits(const Inputs& in, VectorMetric metric) {
  std::vector<float> limits;
  const size_t dim = in.base.columns;
  for (uint64_t q = in.begin; q < in.end; ++q) {
    double last = 0;
    for (uint32_t i = 0; i < kNeighbors; ++i) {
      const auto row = static_cast<size_t>(in.truth.integers[q * in.truth.columns + i]);
      const double distance = DistanceOf(metric, in.queries.floats.data() + q * dim,
                                         in.base.floats.data() + row * dim, dim);
      last = i == 0 ? distance : std::max(last, distance);
    }
    limits.push_back(static_cast<float>(last + 2e-6 * std::max(1.0, std::abs(last))));
  }
  return limits;
}

/// The base as a table of one file in a temporary folder, which goes with it.
class BenchTable {
 public:
  ~BenchTable() {
    session_.reset();
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }

  Status Build(const BenchAnnOptions& options, const NpyMatrix& base);

  SearchSession& session() { return *session_; }
  double build_seconds() const { return build_seconds_; }
  uint64_t index_bytes() const { return index_bytes_; }

 private:
  std::string folder_;
  std::shared_ptr<SearchSession> session_;
  double build_seconds_ = 0;
  uint64_t index_bytes_ = 0;
};

Status BenchTable::Build(const BenchAnnOptions& options, const NpyMatrix& base) {
  folder_ = (std::filesystem::temp_directory_path() / "tarn-bench.XXXXXX").string();
  if (mkdtemp(folder_.data()) == nullptr) {
    return Error(ErrorKind::kIo, "cannot make a folder like ", folder_);
  }
  ARROW_ASSIGN_OR_RAISE(auto store, LocalStore::Make(folder_, {.durable = false}));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<CatalogProvider> catalog,
                        HadoopCatalog::Make(std::move(store), ""));
  VectorStoragePolicy policy;
  policy.column_name = "embedding";
  policy.dim = static_cast<int32_t>(base.columns);
  policy.metric = options.metric;
  TableProperties properties(policy);
  properties.hnsw = options.hnsw;
  const TableIdent ident{{"bench"}, "ann"};
  TableWriterOptions writing;
  writing.threads = options.build_threads;
  ARROW_ASSIGN_OR_RAISE(auto writer,
                        TableWriter::CreateOrOpen(catalog, ident, properties, writing));
  ARROW_ASSIGN_OR_RAISE(const auto embeddings, EmbeddingsView::FromSpan(base.floats, policy.dim));
  const auto rows = arrow::RecordBatch::Make(arrow::schema(arrow::FieldVector{}),
                                             static_cast<int64_t>(base.rows), arrow::ArrayVector{});
  const double start = Now();
  ARROW_RETURN_NOT_OK(writer->WriteBatch(*rows, embeddings));
  build_seconds_ = Now() - start;
  ARROW_RETURN_NOT_OK(writer->Commit());
  ARROW_ASSIGN_OR_RAISE(session_, SearchSession::Open(catalog, ident, {.threads = 1}));
  ARROW_ASSIGN_OR_RAISE(const auto file, session_->view()->OpenFile(0));
  for (const auto& column : file->vector_columns()) index_bytes_ += column.section_bytes;
  return Status::OK();
}

struct Point {
  uint32_t ef = 0;
  double recall = 0;
  double qps = 0;
  double p50_us = 0;
  double p99_us = 0;
};

Result<Point> Measure(SearchSession& session, const Inputs& in, const std::vector<float>& limits,
                      uint32_t ef, int passes) {
  const size_t dim = in.base.columns;
  const size_t count = in.end - in.begin;
  SearchRequest request;
  request.k = kNeighbors;
  request.ef = ef;
  Point point{ef};
  std::vector<double> micros(count);
  for (int pass = 0; pass < std::max(1, passes); ++pass) {
    uint64_t right = 0;
    const double start = Now();
    double before = start;
    for (size_t i = 0; i < count; ++i) {
      const std::span query(in.queries.floats.data() + (in.begin + i) * dim, dim);
      ARROW_ASSIGN_OR_RAISE(const auto found, session.SearchHits(query, request));
      for (const auto& hit : found) right += hit.distance <= limits[i];
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
        << "}";
  }
  out << "]}\n";
}

void PrintTable(const BenchAnnOptions& options, const Inputs& in, double build_seconds,
                uint64_t index_bytes, const std::vector<Point>& sweep, std::ostream& out) {
  out << in.base.rows << " x " << in.base.columns << ", " << MetricName(options.metric)
      << ", built in " << build_seconds << " s, " << index_bytes << " bytes ("
      << index_bytes / std::max<uint64_t>(in.base.rows, 1) << " a row)\n"
      << "     ef  recall      qps   p50 us   p99 us\n"
      << std::fixed;
  for (const Point& p : sweep) {
    out << std::setw(7) << p.ef << std::setprecision(4) << std::setw(8) << p.recall
        << std::setprecision(0) << std::setw(9) << p.qps << std::setprecision(1) << std::setw(9)
        << p.p50_us << std::setw(9) << p.p99_us << "\n";
  }
}

}  // namespace

Status RunBenchAnn(const BenchAnnOptions& options, std::ostream& out) {
  ARROW_ASSIGN_OR_RAISE(const Inputs in, ReadInputs(options));
  BenchTable table;
  ARROW_RETURN_NOT_OK(table.Build(options, in.base));
  const std::vector<float> limits = TruthLimits(in, options.metric);
  std::vector<Point> sweep;
  for (uint32_t ef : options.efs.empty() ? DefaultSweep() : options.efs) {
    ARROW_ASSIGN_OR_RAISE(const Point point,
                          Measure(table.session(), in, limits, ef, options.passes));
    sweep.push_back(point);
    if (options.efs.empty() && point.recall >= kEnoughRecall) break;
  }
  (options.json ? PrintJson : PrintTable)(options, in, table.build_seconds(), table.index_bytes(),
                                          sweep, out);
  return Status::OK();
}

}  // namespace tarn::cli
