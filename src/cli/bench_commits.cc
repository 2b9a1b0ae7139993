// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_commits.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

#include "arrow/api.h"
#include "tarn/indexing.h"
#include "tarn/table_info.h"
#include "tarn/table_writer.h"

namespace tarn::cli {
namespace {

using Clock = std::chrono::steady_clock;

double MillisSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// id int64, text string: counted on from `first`.
Result<std::shared_ptr<arrow::RecordBatch>> MakeRows(int64_t first, int64_t count) {
  arrow::Int64Builder ids;
  arrow::StringBuilder texts;
  for (int64_t id = first; id < first + count; ++id) {
    ARROW_RETURN_NOT_OK(ids.Append(id));
    ARROW_RETURN_NOT_OK(texts.Append("row number " + std::to_string(id)));
  }
  ARROW_ASSIGN_OR_RAISE(auto id_array, ids.Finish());
  ARROW_ASSIGN_OR_RAISE(auto text_array, texts.Finish());
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("id", arrow::int64(), false),
                                                 arrow::field("text", arrow::utf8())}),
                                  count, {std::move(id_array), std::move(text_array)});
}

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// The median of up to 101 commits around the `nth`.
double MedianAround(const std::vector<double>& millis, size_t nth) {
  const size_t begin = nth > 51 ? nth - 51 : 0;
  const size_t end = std::min(millis.size(), nth + 50);
  return Median({millis.begin() + static_cast<std::ptrdiff_t>(begin),
                 millis.begin() + static_cast<std::ptrdiff_t>(end)});
}

class CommitBench {
 public:
  CommitBench(const BenchCommitsOptions& options, std::shared_ptr<CatalogProvider> catalog)
      : options_(options), catalog_(std::move(catalog)) {}

  Status Run(std::ostream& out) {
    ARROW_ASSIGN_OR_RAISE(ident_, TableIdent::Parse(options_.table));
    TableProperties properties;
    if (options_.dim > 0) {
      VectorStoragePolicy policy;
      policy.column_name = "embedding";
      policy.dim = options_.dim;
      properties.vectors.push_back(policy);
    }
    // Measured are commits; an index is built where the options ask for it, at its own time.
    ARROW_ASSIGN_OR_RAISE(
        auto writer, TableWriter::CreateOrOpen(catalog_, ident_, properties,
                                               {.deferred = true, .index_in_background = false}));
    const auto start = Clock::now();
    for (int64_t i = 0; i < options_.commits; ++i) {
      ARROW_RETURN_NOT_OK(Append(*writer, i * options_.rows));
      if (options_.index) ARROW_RETURN_NOT_OK(Index());
      if (options_.pause_ms > 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(options_.pause_ms));
      }
    }
    const double seconds = MillisSince(start) / 1000;
    writer.reset();
    return Report(seconds, out);
  }

 private:
  Status Append(TableWriter& writer, int64_t first) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, MakeRows(first, options_.rows));
    std::vector<float> values(static_cast<size_t>(options_.rows * options_.dim));
    for (float& value : values) value = normal_(random_);
    const auto start = Clock::now();
    if (options_.dim > 0) {
      ARROW_ASSIGN_OR_RAISE(const auto vectors, EmbeddingsView::FromSpan(values, options_.dim));
      ARROW_RETURN_NOT_OK(writer.WriteBatch(*batch, vectors));
    } else {
      ARROW_RETURN_NOT_OK(writer.WriteBatch(*batch));
    }
    ARROW_RETURN_NOT_OK(writer.Commit().status());
    millis_.push_back(MillisSince(start));
    return Status::OK();
  }

  Status Index() {
    const auto start = Clock::now();
    BuildIndexesOptions build;
    build.small_files = true;
    build.threads = 1;
    ARROW_ASSIGN_OR_RAISE(const auto built, BuildIndexes(catalog_, ident_, build));
    if (built.files != 1 || !built.failures.empty()) {
      return Error(ErrorKind::kIo, "the index of one file was to be built, not of ", built.files);
    }
    index_millis_.push_back(MillisSince(start));
    return Status::OK();
  }

  Status Report(double seconds, std::ostream& out) const {
    ARROW_ASSIGN_OR_RAISE(const auto state, catalog_->LoadTable(ident_));
    ARROW_ASSIGN_OR_RAISE(const auto info, DescribeTable(*catalog_, ident_));
    const std::string folder = state.metadata_path.substr(0, state.metadata_path.rfind('/') + 1);
    ARROW_ASSIGN_OR_RAISE(const auto objects, catalog_->store().List(folder));
    uint64_t bytes = 0;
    for (const auto& object : objects) bytes += object.size;
    out << "{\"commits\": " << millis_.size() << ", \"rows\": " << options_.rows
        << ", \"seconds\": " << seconds << ", \"p50_ms\": {";
    for (size_t nth = 1; nth < millis_.size(); nth *= 10) {
      out << '"' << nth << "\": " << (nth == 1 ? millis_[0] : MedianAround(millis_, nth)) << ", ";
    }
    out << "\"last\": " << MedianAround(millis_, millis_.size()) << "}";
    if (!index_millis_.empty()) out << ", \"index_p50_ms\": " << Median(index_millis_);
    out << ", \"metadata_files\": " << objects.size() << ", \"metadata_bytes\": " << bytes
        << ", \"snapshots\": " << info.snapshots.size() << "}\n";
    return Status::OK();
  }

  const BenchCommitsOptions& options_;
  std::shared_ptr<CatalogProvider> catalog_;
  TableIdent ident_;
  std::vector<double> millis_, index_millis_;
  std::mt19937 random_{1};
  std::normal_distribution<float> normal_;
};

}  // namespace

Status RunBenchCommits(const BenchCommitsOptions& options, std::shared_ptr<CatalogProvider> catalog,
                       std::ostream& out) {
  if (options.commits < 1 || options.rows < 1 || options.dim < 0) {
    return Error(ErrorKind::kBadInput, "a commit needs rows, and the measurement commits");
  }
  if (options.index && options.dim == 0) {
    return Error(ErrorKind::kBadInput, "rows without an embedding get no index: give --dim");
  }
  return CommitBench(options, std::move(catalog)).Run(out);
}

}  // namespace tarn::cli
