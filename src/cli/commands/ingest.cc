// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "arrow/api.h"
#include "arrow/compute/expression.h"
#include "cli/app.h"
#include "cli/batch_input.h"
#include "cli/npy.h"
#include "cli/progress.h"
#include "cli/vector_options.h"
#include "tarn/predicate.h"
#include "tarn/read_view.h"
#include "tarn/table_info.h"
#include "tarn/table_writer.h"

namespace tarn::cli {
namespace {

struct Options {
  std::string table;
  std::vector<std::string> inputs;
  std::string format = "auto";
  std::string npy;
  VectorOptions vectors;
  int64_t batch_rows = 100000;
  int64_t commit_every = 0;
  std::string index = "hnsw";
  bool deferred = false;
  std::string batch_id;
  std::optional<std::string> overwrite;
  std::string on_bad_vectors = "error";
  int threads = 0;
};

/// Passes rows of an .npy matrix along with the batches, in order.
class MatrixFeed {
 public:
  static Result<MatrixFeed> Open(const std::string& path) {
    MatrixFeed feed;
    ARROW_ASSIGN_OR_RAISE(feed.matrix_, ReadNpy(path));
    if (feed.matrix_.floats.empty()) return Error(ErrorKind::kBadInput, path, " holds no floats");
    feed.path_ = path;
    return feed;
  }

  int32_t dim() const { return static_cast<int32_t>(matrix_.columns); }

  /// The next `rows` rows; the view lives as long as the feed.
  Result<EmbeddingsView> Next(int64_t rows) {
    const int64_t have = static_cast<int64_t>(matrix_.rows) - next_;
    if (rows > have) {
      return Error(ErrorKind::kBadInput, path_, " has ", matrix_.rows, " rows, the input has more");
    }
    const auto values =
        std::span(matrix_.floats)
            .subspan(static_cast<size_t>(next_ * dim()), static_cast<size_t>(rows * dim()));
    next_ += rows;
    return EmbeddingsView::FromSpan(values, dim());
  }

  Status CheckUsedUp() const {
    if (next_ == static_cast<int64_t>(matrix_.rows)) return Status::OK();
    return Error(ErrorKind::kBadInput, path_, " has ", matrix_.rows, " rows, the input has only ",
                 next_);
  }

 private:
  std::string path_;
  NpyMatrix matrix_;
  int64_t next_ = 0;
};

/// Fills in the dimension of a table about to be made from what the input holds.
Status InferDimension(const arrow::RecordBatch& first, const std::optional<MatrixFeed>& matrix,
                      VectorOptions* vectors) {
  if (vectors->column.empty() || vectors->dim != 0) return Status::OK();
  if (matrix) {
    vectors->dim = matrix->dim();
    return Status::OK();
  }
  if (!first.GetColumnByName(vectors->column)) {
    return Error(ErrorKind::kBadInput, "the input has no column '", vectors->column,
                 "'; name the embedding column with --vector, or give an .npy file with --vectors");
  }
  ARROW_ASSIGN_OR_RAISE(vectors->dim, VectorLength(first, vectors->column));
  return Status::OK();
}

Result<TableWriterOptions> WriterOptions(const Options& options) {
  TableWriterOptions result;
  result.threads = options.threads;
  result.deferred = options.deferred;
  result.index_in_background = false;
  ARROW_ASSIGN_OR_RAISE(result.index, ParseIndexChoice(options.index));
  ARROW_ASSIGN_OR_RAISE(result.on_bad_vectors, ParseOnBadVectors(options.on_bad_vectors));
  return result;
}

Result<std::unique_ptr<TableWriter>> OpenWriter(Session& session, const Options& options,
                                                const TableIdent& ident,
                                                const arrow::RecordBatch& first,
                                                const std::optional<MatrixFeed>& matrix) {
  ARROW_ASSIGN_OR_RAISE(auto writer_options, WriterOptions(options));
  VectorOptions vectors = options.vectors;
  ARROW_RETURN_NOT_OK(InferDimension(first, matrix, &vectors));
  ARROW_ASSIGN_OR_RAISE(auto properties, vectors.ToProperties());
  ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/true));
  ARROW_ASSIGN_OR_RAISE(bool exists, catalog->TableExists(ident));
  if (exists && vectors.column.empty()) return TableWriter::Make(catalog, ident, writer_options);
  return TableWriter::CreateOrOpen(catalog, ident, properties, writer_options);
}

struct Progressed {
  int64_t rows = 0;
  int64_t batches = 0;
  int64_t known_rows = 0;  ///< of batches that the table has already
  SnapshotId snapshot;
};

/// Whether the batch was staged: under an id it may be in the table already.
Result<bool> WriteOne(TableWriter& writer, const Options& options, const arrow::RecordBatch& batch,
                      const std::optional<EmbeddingsView>& embeddings, int64_t number) {
  if (options.batch_id.empty()) {
    ARROW_RETURN_NOT_OK(embeddings ? writer.WriteBatch(batch, *embeddings)
                                   : writer.WriteBatch(batch));
    return true;
  }
  const std::string id = options.batch_id + ":" + std::to_string(number);
  return embeddings ? writer.WriteBatchIdempotent(batch, *embeddings, id)
                    : writer.WriteBatchIdempotent(batch, id);
}

Status IngestOne(Session& session, const Options& options, const TableIdent& ident,
                 const std::string& path, std::optional<MatrixFeed>& matrix,
                 std::unique_ptr<TableWriter>& writer, Progressed* done) {
  ARROW_ASSIGN_OR_RAISE(auto format, ParseInputFormat(options.format));
  ARROW_ASSIGN_OR_RAISE(auto input, OpenBatchInput(path, format));
  auto reader = Rebatch(input.reader, options.batch_rows);
  Progress progress(path == "-" ? "stdin" : path, input.total_rows);
  int64_t here = 0;
  for (;;) {
    auto next = reader->Next();
    if (!next.ok()) return WithContext(next.status(), path == "-" ? "standard input" : path);
    const auto batch = *next;
    if (!batch) break;
    if (!writer) {
      ARROW_ASSIGN_OR_RAISE(writer, OpenWriter(session, options, ident, *batch, matrix));
    }
    std::optional<EmbeddingsView> embeddings;
    if (matrix) {
      ARROW_ASSIGN_OR_RAISE(embeddings, matrix->Next(batch->num_rows()));
    }
    const auto written = WriteOne(*writer, options, *batch, embeddings, done->batches++);
    if (!written.ok()) {
      return WithContext(written.status(), path + ", rows from " + std::to_string(here) + " on");
    }
    here += batch->num_rows();
    (*written ? done->rows : done->known_rows) += batch->num_rows();
    if (options.commit_every > 0 && done->batches % options.commit_every == 0) {
      ARROW_ASSIGN_OR_RAISE(done->snapshot, writer->Commit());
    }
    progress.Update(here);
  }
  return Status::OK();
}

/// Which rows the new ones come in place of. Said before anything is written.
Result<std::optional<arrow::compute::Expression>> OverwritePredicate(Session& session,
                                                                     const Options& options,
                                                                     const TableIdent& ident) {
  if (!options.overwrite) return std::nullopt;
  if (options.commit_every > 0) {
    return Error(ErrorKind::kBadInput,
                 "--overwrite replaces rows in one commit; leave --commit-every out");
  }
  ARROW_ASSIGN_OR_RAISE(auto catalog, session.OpenCatalog(/*create=*/false));
  ARROW_ASSIGN_OR_RAISE(const auto view, ReadView::Open(catalog, ident));
  return ParsePredicate(*options.overwrite, *view->schema());
}

Status Ingest(Session& session, const Options& options) {
  ARROW_ASSIGN_OR_RAISE(auto ident, TableIdent::Parse(options.table));
  if (options.batch_rows < 1) return Error(ErrorKind::kBadInput, "--batch-rows must be at least 1");
  ARROW_ASSIGN_OR_RAISE(const auto overwrite, OverwritePredicate(session, options, ident));
  std::optional<MatrixFeed> matrix;
  if (!options.npy.empty()) {
    ARROW_ASSIGN_OR_RAISE(matrix, MatrixFeed::Open(options.npy));
  }
  const auto start = std::chrono::steady_clock::now();
  std::unique_ptr<TableWriter> writer;
  Progressed done;
  for (const auto& path : options.inputs) {
    ARROW_RETURN_NOT_OK(IngestOne(session, options, ident, path, matrix, writer, &done));
  }
  if (matrix) ARROW_RETURN_NOT_OK(matrix->CheckUsedUp());
  if (!writer) return Error(ErrorKind::kBadInput, "the input has no rows; nothing was written");
  ARROW_ASSIGN_OR_RAISE(done.snapshot,
                        overwrite ? writer->CommitOverwrite(*overwrite) : writer->Commit());
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  char timing[64];
  std::snprintf(timing, sizeof(timing), "%.2f s", seconds);
  session.out() << "ingested " << WithThousands(done.rows) << " rows into " << ident.ToString()
                << " in " << timing << " ("
                << WithThousands(static_cast<int64_t>(static_cast<double>(done.rows) /
                                                      std::max(seconds, 1e-9)))
                << " rows/s), snapshot " << done.snapshot << '\n';
  if (done.known_rows > 0) {
    session.out() << WithThousands(done.known_rows)
                  << " rows were left out: the table has their batches already\n";
  }
  if (options.deferred) {
    session.out() << "their indexes are to be built: tarn index build " << ident.ToString() << '\n';
  }
  return Status::OK();
}

}  // namespace

void AddIngest(CLI::App& app, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("ingest", "Write rows and their embeddings into a table");
  command->add_option("table", options->table, "namespace.table; made when it is missing")
      ->required();
  command->add_option("inputs", options->inputs, "Files to read, '-' for standard input")
      ->required();
  command->add_option("--format", options->format, "auto, parquet, arrow, ndjson or csv");
  command
      ->add_option("--vectors", options->npy,
                   "An .npy matrix (f32 or f16) with one embedding a row, in order")
      ->type_name("FILE");
  options->vectors.AddTo(*command);
  command->add_option("--batch-rows", options->batch_rows,
                      "Rows of a data file (and of one index)");
  command->add_option("--commit-every", options->commit_every,
                      "Commit after so many batches (0: once, at the end)");
  command->add_option("--index", options->index,
                      "Index of the new files: hnsw, ivf_pq, flat, auto or none");
  command->add_flag("--deferred", options->deferred,
                    "Do not build the indexes now: `tarn index build` does, or another process");
  command->add_option("--batch-id", options->batch_id,
                      "Name of this input: batches that were committed under it before are left "
                      "out, so that\nthe command may be repeated (with the same --batch-rows)");
  command
      ->add_option("--overwrite", options->overwrite,
                   "Replace the rows for which this is true, in the same commit; the table must "
                   "exist")
      ->type_name("PREDICATE");
  command->add_option("--on-bad-vectors", options->on_bad_vectors,
                      "A NaN, an infinity, or a zero vector under cosine: error, null or drop");
  command->add_option("--threads", options->threads, "Threads that build the index (0: all)");
  command->footer(
      "Embeddings come from the list column that --vector names, or row by row from an .npy file. "
      "Nothing is\n"
      "visible before a commit; a failed command leaves the table as it was (with --commit-every: "
      "as of the last\n"
      "commit).\n\n"
      "Examples:\n"
      "  tarn ingest default.docs docs.parquet --vector embedding\n"
      "  tarn ingest default.docs docs.csv --vectors docs.npy --vector embedding --metric cosine\n"
      "  tarn ingest default.docs today.parquet --overwrite \"day = DATE '2026-11-21'\"\n"
      "  produce | tarn ingest default.docs - --format ndjson --vector embedding --dim 384");
  command->callback([&session, options] {
    session.action = [&session, options] { return Ingest(session, *options); };
  });
}

}  // namespace tarn::cli
