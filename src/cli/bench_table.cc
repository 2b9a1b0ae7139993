// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_table.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "arrow/api.h"
#include "tarn/table_writer.h"

namespace tarn::cli {
namespace {

const TableIdent kIdent{{"bench"}, "vectors"};

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

BenchTable::~BenchTable() {
  std::error_code ignored;
  if (temporary_) std::filesystem::remove_all(folder_, ignored);
}

Status BenchTable::MakeFolder(const BenchTableOptions& options) {
  folder_ = options.folder;
  std::error_code failure;
  if (!folder_.empty()) {
    std::filesystem::create_directories(folder_, failure);
    if (failure) return Error(ErrorKind::kIo, "cannot make ", folder_, ": ", failure.message());
    return Status::OK();
  }
  folder_ = (std::filesystem::temp_directory_path() / "tarn-bench.XXXXXX").string();
  if (mkdtemp(folder_.data()) == nullptr) {
    return Error(ErrorKind::kIo, "cannot make a folder like ", folder_);
  }
  temporary_ = true;
  return Status::OK();
}

Status BenchTable::Build(const BenchTableOptions& options, const NpyMatrix& base) {
  if (options.files < 1 || static_cast<uint64_t>(options.files) > base.rows) {
    return Error(ErrorKind::kBadInput, "bench: ", options.files, " files for ", base.rows, " rows");
  }
  ARROW_RETURN_NOT_OK(MakeFolder(options));
  ARROW_ASSIGN_OR_RAISE(auto store, LocalStore::Make(folder_, {.durable = false}));
  ARROW_ASSIGN_OR_RAISE(catalog_, HadoopCatalog::Make(std::move(store), ""));
  // What the build took, for those who come later; written last.
  const std::string note = (std::filesystem::path(folder_) / "build_seconds").string();
  if (!std::filesystem::exists(note)) {
    ARROW_RETURN_NOT_OK(Write(options, base));
    std::ofstream(note) << build_seconds_ << "\n";
  } else {
    std::ifstream(note) >> build_seconds_;
  }
  ARROW_ASSIGN_OR_RAISE(const auto view, ReadView::Open(catalog_, kIdent));
  if (static_cast<uint64_t>(view->rows()) != base.rows ||
      view->files().size() != static_cast<size_t>(options.files)) {
    return Error(ErrorKind::kBadInput, folder_, " holds ", view->rows(), " rows in ",
                 view->files().size(), " files; give another folder or remove it");
  }
  for (size_t file = 0; file < view->files().size(); ++file) {
    ARROW_ASSIGN_OR_RAISE(const auto reader, view->OpenFile(file));
    for (const auto& column : reader->vector_columns()) index_bytes_ += column.section_bytes;
  }
  return Status::OK();
}

Status BenchTable::Write(const BenchTableOptions& options, const NpyMatrix& base) {
  VectorStoragePolicy policy;
  policy.column_name = "embedding";
  policy.dim = static_cast<int32_t>(base.columns);
  policy.metric = options.metric;
  policy.precision = options.precision;
  TableProperties properties(policy);
  properties.hnsw = options.hnsw;
  TableWriterOptions writing;
  writing.index = options.index;
  writing.threads = options.build_threads;
  ARROW_ASSIGN_OR_RAISE(auto writer,
                        TableWriter::CreateOrOpen(catalog_, kIdent, properties, writing));
  ARROW_ASSIGN_OR_RAISE(const auto all, EmbeddingsView::FromSpan(base.floats, policy.dim));
  const auto files = static_cast<int64_t>(options.files);
  for (int64_t file = 0; file < files; ++file) {
    const int64_t begin = all.rows() * file / files, end = all.rows() * (file + 1) / files;
    const auto rows = arrow::RecordBatch::Make(arrow::schema(arrow::FieldVector{}), end - begin,
                                               arrow::ArrayVector{});
    const double start = Now();
    ARROW_RETURN_NOT_OK(writer->WriteBatch(*rows, all.Slice(begin, end - begin)));
    build_seconds_ += Now() - start;
  }
  return writer->Commit().status();
}

Result<std::shared_ptr<SearchSession>> BenchTable::Open(int threads) const {
  return SearchSession::Open(catalog_, kIdent, {.threads = threads});
}

}  // namespace tarn::cli
