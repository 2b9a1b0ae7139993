// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_ingest.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "arrow/api.h"
#include "cli/npy.h"
#include "tarn/mem_table_writer.h"
#include "tarn/read_view.h"

namespace tarn::cli {
namespace {

using Clock = std::chrono::steady_clock;

int64_t MicrosSince(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count();
}

Result<LogSync> ParseSync(const std::string& name) {
  if (name == "every") return LogSync::kEveryInsert;
  if (name == "interval") return LogSync::kInterval;
  if (name == "none") return LogSync::kNone;
  return Error(ErrorKind::kBadInput, "--sync is every, interval or none, not '", name, "'");
}

Result<std::shared_ptr<arrow::RecordBatch>> Ids(int64_t first, int64_t count) {
  arrow::Int64Builder ids;
  for (int64_t id = first; id < first + count; ++id) ARROW_RETURN_NOT_OK(ids.Append(id));
  ARROW_ASSIGN_OR_RAISE(auto array, ids.Finish());
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("id", arrow::int64(), false)}), count,
                                  {std::move(array)});
}

/// Batches from several threads, each call timed.
class Inserts {
 public:
  Inserts(const BenchIngestOptions& options, const NpyMatrix& base, MemTableWriter& writer)
      : options_(options), base_(base), writer_(writer) {}

  Status Run() {
    std::vector<std::thread> threads;
    for (int i = 0; i < options_.threads; ++i) threads.emplace_back([this] { Work(); });
    for (auto& thread : threads) thread.join();
    return failure_;
  }
  const std::vector<int64_t>& quick() const { return quick_; }
  const std::vector<int64_t>& flushing() const { return flushing_; }

 private:
  void Work() {
    const auto per_call = static_cast<size_t>(options_.rows);
    const size_t places = base_.rows / per_call;
    for (int64_t call = next_++; call < options_.calls; call = next_++) {
      const size_t first = static_cast<size_t>(call) % places * per_call;
      const auto values =
          std::span(base_.floats).subspan(first * base_.columns, per_call * base_.columns);
      const auto result = Insert(call * options_.rows, values);
      if (result.ok()) continue;
      const std::lock_guard lock(mutex_);
      failure_ = result;
      return;
    }
  }

  Status Insert(int64_t first_id, std::span<const float> values) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, Ids(first_id, options_.rows));
    ARROW_ASSIGN_OR_RAISE(const auto vectors,
                          EmbeddingsView::FromSpan(values, static_cast<int32_t>(base_.columns)));
    const auto start = Clock::now();
    ARROW_ASSIGN_OR_RAISE(const auto inserted, writer_.Insert(*batch, vectors));
    const int64_t micros = MicrosSince(start);
    const std::lock_guard lock(mutex_);
    (inserted.snapshot ? flushing_ : quick_).push_back(micros);
    return Status::OK();
  }

  const BenchIngestOptions& options_;
  const NpyMatrix& base_;
  MemTableWriter& writer_;
  std::atomic<int64_t> next_{0};
  std::mutex mutex_;
  std::vector<int64_t> quick_, flushing_;
  Status failure_;
};

/// What the disk does at best: as many bytes, one after the other, each synced.
Result<std::vector<int64_t>> WritePlain(const std::string& path, size_t bytes, int64_t calls) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return Error(ErrorKind::kIo, path, " cannot be written");
  // As the log does: the room is there before it is written to.
  bool good = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes * static_cast<size_t>(calls))) == 0;
  good = ::fsync(fd) == 0 && good;
  const std::vector<char> block(bytes, 'x');
  std::vector<int64_t> micros;
  for (int64_t call = 0; good && call < calls; ++call) {
    const auto start = Clock::now();
    good = ::write(fd, block.data(), bytes) == static_cast<ssize_t>(bytes) && ::fdatasync(fd) == 0;
    micros.push_back(MicrosSince(start));
  }
  ::close(fd);
  ::unlink(path.c_str());
  if (!good) return Error(ErrorKind::kIo, "writing ", path, " failed");
  return micros;
}

void Print(std::ostream& out, const char* name, const std::vector<int64_t>& values) {
  out << ", \"" << name << "\": [";
  for (size_t i = 0; i < values.size(); ++i) out << (i == 0 ? "" : ", ") << values[i];
  out << "]";
}

}  // namespace

Status RunBenchIngest(const BenchIngestOptions& options, std::shared_ptr<CatalogProvider> catalog,
                      std::ostream& out) {
  ARROW_ASSIGN_OR_RAISE(const auto ident, TableIdent::Parse(options.table));
  ARROW_ASSIGN_OR_RAISE(const auto base, ReadNpy(options.base));
  if (options.rows < 1 || options.calls < 1 || options.threads < 1 ||
      base.rows < static_cast<size_t>(options.rows)) {
    return Error(
        ErrorKind::kBadInput, options.base, " has ", base.rows,
        " rows; rows of a call, calls and threads must be above 0, and a call's rows there");
  }
  VectorStoragePolicy policy;
  policy.column_name = "embedding";
  policy.dim = static_cast<int32_t>(base.columns);
  MemTableConfig config;
  config.index_in_background = false;
  ARROW_ASSIGN_OR_RAISE(config.log.sync, ParseSync(options.sync));
  ARROW_ASSIGN_OR_RAISE(const auto writer, MemTableWriter::Open(catalog, catalog->shared_store(),
                                                                policy, ident, config));
  Inserts inserts(options, base, *writer);
  const auto start = Clock::now();
  ARROW_RETURN_NOT_OK(inserts.Run());
  ARROW_RETURN_NOT_OK(writer->Close());
  const double seconds = static_cast<double>(MicrosSince(start)) / 1e6;
  const MemTableMetrics metrics = writer->metrics();
  ARROW_ASSIGN_OR_RAISE(const auto view, ReadView::Open(catalog, ident));
  if (view->rows() != options.rows * options.calls)
    return Error(ErrorKind::kCorrupt, "the table has ", view->rows(), " rows");
  std::vector<int64_t> plain;
  if (!options.folder.empty()) {
    const size_t bytes = metrics.log_bytes / static_cast<uint64_t>(options.calls);
    ARROW_ASSIGN_OR_RAISE(plain, WritePlain(options.folder + "/plain.bin", bytes,
                                            std::min<int64_t>(options.calls, 500)));
  }
  out << "{\"rows\": " << view->rows() << ", \"seconds\": " << seconds
      << ", \"files\": " << view->files().size() << ", \"log_bytes\": " << metrics.log_bytes;
  Print(out, "call_us", inserts.quick());
  Print(out, "flushing_call_us", inserts.flushing());
  Print(out, "plain_us", plain);
  out << "}\n";
  return Status::OK();
}

}  // namespace tarn::cli
