// SPDX-License-Identifier: Apache-2.0
#include "cli/stream_sink.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "arrow/api.h"
#include "tarn/indexing.h"
#include "tarn/read_view.h"
#include "tarn/table_writer.h"

namespace tarn::cli {
namespace {

Result<int64_t> Bytes(double megabytes, const char* option) {
  if (megabytes > 0 && megabytes < 1e9) {
    return std::max<int64_t>(1, static_cast<int64_t>(megabytes * (1 << 20)));
  }
  return Error(ErrorKind::kBadInput, option, " must be above 0");
}

std::string Seconds(double seconds) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f s", seconds);
  return text;
}

}  // namespace

void SinkSettings::AddTo(CLI::App& command) {
  vectors.AddTo(command);
  command.add_option("--flush-rows", flush_rows, "Make a file and a snapshot of so many rows");
  command.add_option("--flush-mb", flush_mb, "or of so many MiB of vectors");
  command.add_option("--flush-interval-s", flush_interval_seconds,
                     "or of what there is when the oldest row has waited so many seconds");
  command.add_option("--memory-mb", memory_mb, "MiB that rows may take while they wait");
  command.add_option("--sync", sync,
                     "When the log is on the disk: with every batch, at an interval (200 ms), or "
                     "none: when the system likes.\nThe end of this process loses nothing in any "
                     "case, a power loss what was not on the disk");
  command.add_option("--on-bad-vectors", on_bad_vectors,
                     "A NaN, an infinity, or a zero vector under cosine: error, null or drop");
  command.add_option("--index", index,
                     "Index that files get after their flush: hnsw, ivf_pq, flat, auto or none");
  command.add_option("--threads", threads, "Threads that build the indexes (0: all)");
  command
      .add_option("--log-folder", log_folder,
                  "Where the log lies, a local folder; by default .tarn/wal in the warehouse")
      ->type_name("FOLDER");
}

Result<MemTableConfig> SinkSettings::ToConfig() const {
  MemTableConfig config;
  if (flush_rows < 1) return Error(ErrorKind::kBadInput, "--flush-rows must be at least 1");
  config.flush_max_rows = flush_rows;
  ARROW_ASSIGN_OR_RAISE(config.flush_size_bytes, Bytes(flush_mb, "--flush-mb"));
  ARROW_ASSIGN_OR_RAISE(config.max_memory_bytes, Bytes(memory_mb, "--memory-mb"));
  if (!(flush_interval_seconds >= 0 && flush_interval_seconds < 1e9)) {
    return Error(ErrorKind::kBadInput, "--flush-interval-s must be 0 or more");
  }
  config.flush_interval =
      std::chrono::milliseconds(static_cast<int64_t>(flush_interval_seconds * 1000));
  config.flush_in_background = true;
  if (sync == "every") {
    config.log.sync = LogSync::kEveryInsert;
  } else if (sync == "interval") {
    config.log.sync = LogSync::kInterval;
  } else if (sync == "none") {
    config.log.sync = LogSync::kNone;
  } else {
    return Error(ErrorKind::kBadInput, "--sync is every, interval or none, not '", sync, "'");
  }
  ARROW_ASSIGN_OR_RAISE(config.on_bad_vectors, ParseOnBadVectors(on_bad_vectors));
  ARROW_ASSIGN_OR_RAISE(config.index, ParseIndexChoice(index));
  config.threads = threads;
  if (!log_folder.empty()) config.log.folder = std::filesystem::absolute(log_folder).string();
  return config;
}

StreamSink::StreamSink(Session& session, const TableIdent& table, const SinkSettings& settings)
    : session_(session), table_(table), settings_(settings), progress_("", std::nullopt) {}

Result<std::unique_ptr<StreamSink>> StreamSink::Open(Session& session, const TableIdent& table,
                                                     const SinkSettings& settings) {
  std::unique_ptr<StreamSink> sink(new StreamSink(session, table, settings));
  ARROW_ASSIGN_OR_RAISE(sink->config_, settings.ToConfig());
  ARROW_ASSIGN_OR_RAISE(sink->catalog_, session.OpenCatalog(/*create=*/true));
  ARROW_ASSIGN_OR_RAISE(const bool exists, sink->catalog_->TableExists(table));
  if (exists) {
    ARROW_RETURN_NOT_OK(sink->CheckVectors());
    ARROW_RETURN_NOT_OK(sink->OpenWriter());
  }
  return sink;
}

/// Whether the table is as --vector says.
Status StreamSink::CheckVectors() const {
  if (settings_.vectors.column.empty()) return Status::OK();
  VectorOptions vectors = settings_.vectors;
  ARROW_ASSIGN_OR_RAISE(const auto view, ReadView::Open(catalog_, table_));
  for (const auto& policy : view->vector_policies()) {
    if (vectors.dim == 0 && policy.column_name == vectors.column) vectors.dim = policy.dim;
  }
  if (vectors.dim == 0) {
    return Error(ErrorKind::kBadInput, "table ", table_.ToString(), " has no vector column '",
                 vectors.column, "'");
  }
  ARROW_ASSIGN_OR_RAISE(const auto properties, vectors.ToProperties());
  return TableWriter::CreateOrOpen(catalog_, table_, properties).status();
}

Status StreamSink::OpenWriter() {
  ARROW_ASSIGN_OR_RAISE(writer_,
                        MemTableWriter::Open(catalog_, catalog_->shared_store(), table_, config_));
  const auto replayed = writer_->metrics().replayed_rows;
  if (replayed == 0) return Status::OK();
  session_.err() << "tarn: " << WithThousands(static_cast<int64_t>(replayed))
                 << " rows were in the log of an earlier writer; they are taken up\n";
  // Where they give the table its columns, the rows to come are read by them.
  ARROW_ASSIGN_OR_RAISE(const auto schema, Schema());
  return schema != nullptr ? Status::OK() : writer_->Flush().status();
}

Status StreamSink::MakeTable(const arrow::RecordBatch& first) {
  VectorOptions vectors = settings_.vectors;
  if (!vectors.column.empty() && vectors.dim == 0) {
    ARROW_ASSIGN_OR_RAISE(vectors.dim, VectorLength(first, vectors.column));
  }
  ARROW_ASSIGN_OR_RAISE(const auto properties, vectors.ToProperties());
  ARROW_RETURN_NOT_OK(TableWriter::CreateOrOpen(catalog_, table_, properties).status());
  return OpenWriter();
}

Result<std::shared_ptr<arrow::Schema>> StreamSink::Schema() const {
  if (!writer_) return nullptr;
  ARROW_ASSIGN_OR_RAISE(const auto view, ReadView::Open(catalog_, table_));
  return view->schema()->num_fields() > 0 ? view->schema() : nullptr;
}

std::vector<std::string> StreamSink::VectorColumns() const {
  std::vector<std::string> names;
  if (writer_) {
    const auto view = ReadView::Open(catalog_, table_);
    if (!view.ok()) return names;
    for (const auto& policy : (*view)->vector_policies()) names.push_back(policy.column_name);
    return names;
  }
  if (!settings_.vectors.column.empty()) names.push_back(settings_.vectors.column);
  for (const auto& text : settings_.vectors.further)
    names.push_back(text.substr(0, text.find(':')));
  return names;
}

Result<InsertResult> StreamSink::Insert(const arrow::RecordBatch& rows,
                                        const std::string& batch_id) {
  if (!writer_) ARROW_RETURN_NOT_OK(MakeTable(rows));
  ARROW_ASSIGN_OR_RAISE(auto result, writer_->Insert(rows, batch_id));
  if (result.duplicate) {
    ++known_batches_;
    known_rows_ += rows.num_rows();
  } else {
    ++batches_;
    rows_ += rows.num_rows();
  }
  // What the writer gives for a flush that found nothing to commit.
  if (result.snapshot == SnapshotId()) result.snapshot.reset();
  Idle();
  return result;
}

void StreamSink::Idle() {
  if (!writer_) return;
  const Status flushed = writer_->last_flush_error();
  const std::string error = flushed.ok() ? std::string() : flushed.message();
  if (error != last_error_) {
    progress_.Clear();
    if (!error.empty()) {
      session_.err() << "tarn: rows stay in the log, because a flush failed: " << error << '\n';
      session_.err().flush();
    }
    last_error_ = error;
  }
  progress_.Show([&] { return StatusLine(); });
}

std::string StreamSink::StatusLine() const {
  const auto metrics = writer_->metrics();
  const double rate = static_cast<double>(rows_) / std::max(progress_.seconds(), 1e-9);
  std::string line = WithThousands(rows_) + " rows, " + WithThousands(static_cast<int64_t>(rate)) +
                     " rows/s, " + WithThousands(metrics.buffered_rows) + " wait";
  if (metrics.freshness_us > 0) {
    line += " for up to " + Seconds(static_cast<double>(metrics.freshness_us) / 1e6);
  }
  if (metrics.last_snapshot != 0) {
    line += ", snapshot " + std::to_string(metrics.last_snapshot.value());
  }
  return line;
}

Status StreamSink::Close() {
  if (!writer_) return Status::OK();
  const Status closed = writer_->Close();
  // What is being built can be built again; the process is to end.
  StopIndexBuilds();
  progress_.Clear();
  const auto metrics = writer_->metrics();
  Summarise(metrics);
  if (closed.ok()) return closed;
  return WithContext(closed, std::to_string(metrics.buffered_rows) +
                                 " accepted rows stay in the log, for the next stream or `tarn wal "
                                 "replay`: the last flush failed");
}

void StreamSink::Summarise(const MemTableMetrics& metrics) {
  auto& err = session_.err();
  err << "accepted " << WithThousands(rows_) << " rows in " << WithThousands(batches_)
      << " batches into " << table_.ToString() << " in " << Seconds(progress_.seconds());
  if (metrics.last_snapshot != 0) err << ", snapshot " << metrics.last_snapshot;
  err << '\n';
  if (known_batches_ > 0) {
    err << WithThousands(known_rows_) << " rows of " << WithThousands(known_batches_)
        << " batches were left out: the table has them already\n";
  }
}

}  // namespace tarn::cli
