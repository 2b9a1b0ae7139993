// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "arrow/api.h"
#include "cli/app.h"
#include "cli/batch_ids.h"
#include "cli/live_input.h"
#include "cli/row_source.h"
#include "cli/stream_sink.h"

namespace tarn::cli {
namespace {

struct Options {
  std::string table;
  std::string format = "auto";
  int64_t batch_rows = 0;
  int64_t batch_wait_ms = 10;
  std::string id_field;
  bool drop_id = false;
  bool skip_bad = false;
  SinkSettings sink;
};

constexpr int64_t kBatchRows = 1000;

class Stream {
 public:
  Stream(Session& session, const Options& options)
      : session_(session),
        options_(options),
        input_(STDIN_FILENO, STDOUT_FILENO, stop_, [this] { sink_->Idle(); }) {}

  Status Run() {
    ARROW_ASSIGN_OR_RAISE(const auto table, TableIdent::Parse(options_.table));
    ARROW_RETURN_NOT_OK(CheckOptions());
    ARROW_ASSIGN_OR_RAISE(sink_, StreamSink::Open(session_, table, options_.sink));
    if (!options_.id_field.empty()) ids_.emplace(options_.id_field, options_.drop_id);
    Status ended = Pump();
    // What was accepted is kept, however the stream ended.
    const Status closed = sink_->Close();
    if (refused_ > 0 && ended.ok()) {
      session_.err() << WithThousands(refused_) << " batches were refused\n";
    }
    if (ended.ok() && (input_.output_closed() || !session_.out().good())) {
      ended = Error(ErrorKind::kIo, "standard output was closed: nobody reads acknowledgements");
    }
    return ended.ok() ? closed : ended;
  }

 private:
  Status CheckOptions() const {
    if (options_.batch_rows < 0 || options_.batch_wait_ms < 0) {
      return Error(ErrorKind::kBadInput, "--batch-rows and --batch-wait-ms must be above 0");
    }
    if (options_.id_field.empty()) {
      if (!options_.drop_id) return Status::OK();
      return Error(ErrorKind::kBadInput, "--drop-batch-id needs --batch-id-field");
    }
    if (options_.batch_rows <= 1) return Status::OK();
    return Error(
        ErrorKind::kBadInput,
        "with --batch-id-field a batch is all the rows of its id: --batch-rows may only be "
        "1 (each row is a batch)");
  }

  /// nullptr for an input without anything.
  Result<std::unique_ptr<RowSource>> OpenSource() {
    std::string format = options_.format;
    if (format == "auto") {
      ARROW_ASSIGN_OR_RAISE(const auto first, input_.Peek());
      if (!first) return nullptr;
      if (*first == '\xff') {
        format = "arrow";
      } else if (std::string_view("{ \t\r\n").find(*first) != std::string_view::npos) {
        format = "ndjson";
      } else {
        return Error(ErrorKind::kBadInput,
                     "the input is neither NDJSON nor an Arrow IPC stream; `tarn ingest` reads "
                     "other formats and files");
      }
    }
    if (format == "arrow") return MakeArrowSource(input_);
    if (format != "ndjson") {
      return Error(ErrorKind::kBadInput, "--format is auto, ndjson or arrow, not '", format, "'");
    }
    RowSourceOptions source;
    if (options_.batch_rows > 0) {
      source.most_lines = options_.batch_rows;
    } else if (!ids_) {
      source.most_lines = kBatchRows;
    }
    source.wait = std::chrono::milliseconds(options_.batch_wait_ms);
    source.single_bad_lines = ids_.has_value();
    source.vector_columns = [this] { return sink_->VectorColumns(); };
    if (options_.drop_id) source.beside = options_.id_field;
    source.table_schema = [this] { return sink_->Schema(); };
    return MakeNdjsonSource(input_, std::move(source));
  }

  /// Until the input ends, a stop is requested or something fails.
  Status Pump() {
    auto opened = OpenSource();
    if (!opened.ok()) return Refuse({.bad = opened.status()}, /*count=*/false);
    if (*opened == nullptr) return Status::OK();
    source_ = *std::move(opened);
    while (session_.out().good()) {
      auto piece = source_->Next();
      if (!piece.ok()) return Refuse({.first = -1, .bad = piece.status()}, /*count=*/false);
      if (!*piece) break;
      for (const IdBatch& batch : Assemble(**piece)) {
        ARROW_RETURN_NOT_OK(Accept(batch));
        if (!session_.out().good()) break;
      }
    }
    return Status::OK();
  }

  /// The batches that a piece completes.
  std::vector<IdBatch> Assemble(const RowPiece& piece) {
    std::vector<IdBatch> batches;
    if (!ids_) {
      if (piece.count > 0) batches.push_back({"", piece.rows, piece.first, piece.count, piece.bad});
      return batches;
    }
    Status bad = piece.bad;
    if (piece.rows != nullptr) {
      const int64_t step = std::string_view(source_->unit()) == "line" ? 1 : 0;
      bad = ids_->Add(piece.rows, piece.first, step, &batches);
    }
    if (!bad.ok()) ids_->AddBad(bad, piece.first, piece.count);
    if (piece.ends_batch || options_.batch_rows == 1 || (!bad.ok() && !options_.skip_bad)) {
      ids_->Close(&batches);
    }
    return batches;
  }

  Status Accept(const IdBatch& batch) {
    if (!batch.bad.ok()) return Refuse(batch);
    auto inserted = sink_->Insert(*batch.rows, batch.id);
    if (!inserted.ok()) {
      IdBatch refused = batch;
      refused.bad = inserted.status();
      if (sink_->accepted_batches() == 0) source_->ForgetTypes();
      return Refuse(refused);
    }
    nlohmann::ordered_json line{{"sequence", inserted->sequence}, {"rows", batch.count}};
    if (ids_) line["batch_id"] = batch.id;
    if (inserted->duplicate) line["duplicate"] = true;
    if (inserted->snapshot) line["snapshot"] = inserted->snapshot->value();
    Print(line);
    return Status::OK();
  }

  /// OK where the stream goes on all the same.
  Status Refuse(const IdBatch& batch, bool count = true) {
    nlohmann::ordered_json line{{"error", batch.bad.message()}};
    if (batch.first > 0) line[source_ ? source_->unit() : "line"] = batch.first;
    if (count) line["rows"] = batch.count;
    if (!batch.id.empty()) line["batch_id"] = batch.id;
    Print(line);
    const bool go_on = options_.skip_bad && count && IsKind(batch.bad, ErrorKind::kBadInput);
    if (!go_on) return batch.bad;
    ++refused_;
    return Status::OK();
  }

  void Print(const nlohmann::ordered_json& line) {
    // Ids and messages may quote bytes of the input that are no text.
    session_.out() << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    session_.out().flush();
  }

  Session& session_;
  const Options& options_;
  StopSignals stop_;
  LiveInput input_;
  std::unique_ptr<StreamSink> sink_;
  std::unique_ptr<RowSource> source_;
  std::optional<BatchIds> ids_;
  int64_t refused_ = 0;
};

constexpr char kFooter[] =
    "NDJSON, one row a line: a batch ends at an empty line, after --batch-rows lines (or 16 MiB), "
    "at the end of the\n"
    "input, and when no further byte comes for --batch-wait-ms. Rows are read as the table's "
    "columns say: vectors are\n"
    "lists of numbers, dates and times ISO 8601 texts, binary values base64, maps lists of "
    "{\"key\", \"value\"}. Fields that\n"
    "a row lacks are null. Where the table has no columns yet, the first rows give them: true and "
    "false are boolean,\n"
    "whole numbers long, other numbers double, texts strings (also those that look like times), "
    "lists and objects lists\n"
    "and structs of these. `tarn create --like FILE` makes a table with other types.\n\n"
    "Arrow IPC stream: each record batch is a batch, vectors are lists in it.\n\n"
    "For each batch one line comes out, once the batch is in the log and safe:\n"
    "  {\"sequence\":17,\"rows\":3}    also \"batch_id\", \"duplicate\":true (left out: the table "
    "has it), \"snapshot\" (now in it)\n"
    "  {\"error\":\"...\",\"line\":52,\"rows\":3}    refused, all of it; line: the first of the "
    "batch (\"batch\": its number)\n"
    "Send again what no line speaks of: it was not stored, unless a crash came in between, and "
    "under a batch id it is\n"
    "stored once in any case. The end of the input, SIGINT and SIGTERM flush everything into the "
    "table; after a crash the\n"
    "next stream does, or `tarn wal replay`.\n\n"
    "With --batch-id-field a batch is all the rows of one id that follow each other, and is stored "
    "once however often it\n"
    "is sent. It ends where the id changes, at an empty line, or with the input, never by a pause: "
    "send an empty line to\n"
    "have it acknowledged at once. --batch-rows 1: each row is a batch. Ids of the form "
    "producer:number are remembered best.\n\n"
    "Examples:\n"
    "  produce | tarn stream default.docs --vector embedding --dim 384\n"
    "  produce | tarn stream default.docs --batch-id-field message_id --drop-batch-id --skip-bad";

}  // namespace

void AddStream(CLI::App& app, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "stream",
      "Write batches from standard input into a table as they come, and acknowledge each");
  command->add_option("table", options->table, "namespace.table; made when it is missing")
      ->required();
  command->add_option("--format", options->format, "auto, ndjson or arrow (an IPC stream)");
  command->add_option("--batch-rows", options->batch_rows,
                      "NDJSON: lines of a batch at most (0: 1,000, or all of a batch id)");
  command->add_option("--batch-wait-ms", options->batch_wait_ms,
                      "NDJSON: a pause of so many milliseconds ends a batch (and ten times as "
                      "many since its first line)");
  command
      ->add_option("--batch-id-field", options->id_field,
                   "The field that holds the id of a row's batch")
      ->type_name("FIELD");
  command->add_flag("--drop-batch-id", options->drop_id, "Do not store that field as a column");
  command->add_flag("--skip-bad", options->skip_bad, "Go on after a batch that is refused");
  options->sink.AddTo(*command);
  command->footer(kFooter);
  command->callback([&session, options] {
    session.action = [&session, options] { return Stream(session, *options).Run(); };
  });
}

}  // namespace tarn::cli
