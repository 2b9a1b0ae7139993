// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_deferred.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "arrow/api.h"
#include "cli/npy.h"
#include "tarn/read_view.h"
#include "tarn/table_writer.h"

namespace tarn::cli {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Result<std::shared_ptr<arrow::RecordBatch>> Ids(int64_t first, int64_t count) {
  arrow::Int64Builder ids;
  for (int64_t id = first; id < first + count; ++id) ARROW_RETURN_NOT_OK(ids.Append(id));
  ARROW_ASSIGN_OR_RAISE(auto array, ids.Finish());
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("id", arrow::int64(), false)}), count,
                                  {std::move(array)});
}

/// What the disk does at best: the same bytes, written and synced.
Result<double> WritePlain(const std::string& path, std::span<const std::byte> bytes) {
  const auto start = Clock::now();
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return Error(ErrorKind::kIo, path, " cannot be written");
  bool good = true;
  while (good && !bytes.empty()) {
    const ssize_t done = ::write(fd, bytes.data(), bytes.size());
    good = done > 0;
    if (good) bytes = bytes.subspan(static_cast<size_t>(done));
  }
  good = ::fsync(fd) == 0 && good;
  ::close(fd);
  const double seconds = SecondsSince(start);
  ::unlink(path.c_str());
  if (!good) return Error(ErrorKind::kIo, "writing ", path, " failed");
  return seconds;
}

std::string List(const std::vector<double>& seconds) {
  std::string text;
  for (const double s : seconds) text += (text.empty() ? "" : ", ") + std::to_string(s);
  return "[" + text + "]";
}

}  // namespace

Status RunBenchDeferred(const BenchDeferredOptions& options,
                        std::shared_ptr<CatalogProvider> catalog, std::ostream& out) {
  ARROW_ASSIGN_OR_RAISE(const auto ident, TableIdent::Parse(options.table));
  ARROW_ASSIGN_OR_RAISE(const auto base, ReadNpy(options.base));
  if (base.floats.empty() || options.batch_rows < 1) {
    return Error(ErrorKind::kBadInput, options.base, " holds no embeddings, or a batch no rows");
  }
  VectorStoragePolicy policy;
  policy.column_name = "embedding";
  policy.dim = static_cast<int32_t>(base.columns);
  ARROW_ASSIGN_OR_RAISE(const auto writer,
                        TableWriter::CreateOrOpen(catalog, ident, TableProperties(policy),
                                                  {.index_in_background = false}));
  std::vector<double> deferred, plain;
  uint64_t bytes = 0;
  const auto rows = static_cast<int64_t>(base.rows);
  for (int64_t first = 0; first < rows; first += options.batch_rows) {
    const int64_t count = std::min(options.batch_rows, rows - first);
    ARROW_ASSIGN_OR_RAISE(const auto batch, Ids(first, count));
    const auto values = std::span(base.floats)
                            .subspan(static_cast<size_t>(first) * base.columns,
                                     static_cast<size_t>(count) * base.columns);
    ARROW_ASSIGN_OR_RAISE(const auto vectors, EmbeddingsView::FromSpan(values, policy.dim));
    const auto start = Clock::now();
    ARROW_RETURN_NOT_OK(writer->WriteBatchDeferred(*batch, vectors));
    ARROW_RETURN_NOT_OK(writer->Commit().status());
    deferred.push_back(SecondsSince(start));

    ARROW_ASSIGN_OR_RAISE(const auto view, ReadView::Open(catalog, ident));
    const auto newest = std::max_element(view->files().begin(), view->files().end(),
                                         [](const ViewFile& a, const ViewFile& b) {
                                           return a.data_sequence_number < b.data_sequence_number;
                                         });
    ARROW_ASSIGN_OR_RAISE(const auto file, catalog->store().Read(newest->path));
    bytes += file->size();
    ARROW_ASSIGN_OR_RAISE(const double seconds,
                          WritePlain(options.folder + "/plain.bin", file->bytes()));
    plain.push_back(seconds);
  }
  out << "{\"rows\": " << rows << ", \"bytes\": " << bytes << ", \"seconds\": " << List(deferred)
      << ", \"plain_seconds\": " << List(plain) << "}\n";
  return Status::OK();
}

}  // namespace tarn::cli
