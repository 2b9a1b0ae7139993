// SPDX-License-Identifier: Apache-2.0
#include "cli/table_sink.h"

#include <CLI/CLI.hpp>
#include <filesystem>

#include "arrow/api.h"
#include "arrow/io/file.h"
#include "cli/text_output.h"
#include "parquet/arrow/writer.h"

namespace tarn::cli {
namespace {

class NdjsonSink : public TableSink {
 public:
  explicit NdjsonSink(std::ostream& text) : text_(text) {}
  Status Write(const arrow::RecordBatch& batch) override {
    ARROW_ASSIGN_OR_RAISE(auto table, arrow::Table::FromRecordBatches({batch.Slice(0)}));
    return PrintNdjson(*table, text_);
  }
  Status Close() override { return Status::OK(); }

 private:
  std::ostream& text_;
};

/// Widths are known only when all rows are there, so the rows wait in memory.
class AlignedSink : public TableSink {
 public:
  AlignedSink(std::shared_ptr<arrow::Schema> schema, std::ostream& text, size_t max_width)
      : schema_(std::move(schema)), text_(text), max_width_(max_width) {}
  Status Write(const arrow::RecordBatch& batch) override {
    batches_.push_back(batch.Slice(0));
    return Status::OK();
  }
  Status Close() override {
    ARROW_ASSIGN_OR_RAISE(auto table, arrow::Table::FromRecordBatches(schema_, batches_));
    return PrintAligned(*table, text_, max_width_);
  }

 private:
  std::shared_ptr<arrow::Schema> schema_;
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches_;
  std::ostream& text_;
  size_t max_width_;
};

/// Written beside the target and moved there when whole.
class ParquetSink : public TableSink {
 public:
  static Result<std::unique_ptr<TableSink>> Open(const std::string& path,
                                                 const arrow::Schema& schema) {
    auto sink = std::make_unique<ParquetSink>();
    sink->path_ = path;
    sink->partial_ = path + ".partial";
    ARROW_ASSIGN_OR_RAISE(sink->file_, arrow::io::FileOutputStream::Open(sink->partial_));
    ARROW_ASSIGN_OR_RAISE(
        sink->writer_,
        parquet::arrow::FileWriter::Open(
            schema, arrow::default_memory_pool(), sink->file_, parquet::default_writer_properties(),
            parquet::ArrowWriterProperties::Builder().store_schema()->build()));
    return sink;
  }
  ~ParquetSink() override {
    if (closed_) return;
    std::error_code ignored;
    std::filesystem::remove(partial_, ignored);
  }
  Status Write(const arrow::RecordBatch& batch) override {
    return writer_->WriteRecordBatch(batch);
  }
  Status Close() override {
    ARROW_RETURN_NOT_OK(writer_->Close());
    ARROW_RETURN_NOT_OK(file_->Close());
    std::error_code error;
    std::filesystem::rename(partial_, path_, error);
    if (error) return Error(ErrorKind::kIo, path_, ": ", error.message());
    closed_ = true;
    return Status::OK();
  }

 private:
  std::string path_;
  std::string partial_;
  std::shared_ptr<arrow::io::FileOutputStream> file_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
  bool closed_ = false;
};

}  // namespace

void SinkOptions::AddTo(CLI::App& command) {
  auto* as_json = command.add_flag("--json", json, "Print one JSON object a line");
  command.add_option("--out", out, "Write a Parquet file instead of printing")
      ->type_name("FILE")
      ->excludes(as_json);
  command.add_option("--width", max_width, "Widest printed cell (0: never cut)");
}

Result<std::unique_ptr<TableSink>> TableSink::Open(const SinkOptions& options,
                                                   std::shared_ptr<arrow::Schema> schema,
                                                   std::ostream& text) {
  if (!options.out.empty()) {
    if (std::filesystem::exists(options.out)) {
      return Error(ErrorKind::kAlreadyExists, options.out, " exists; it is not overwritten");
    }
    return ParquetSink::Open(options.out, *schema);
  }
  if (options.json) return std::make_unique<NdjsonSink>(text);
  return std::make_unique<AlignedSink>(std::move(schema), text, options.max_width);
}

}  // namespace tarn::cli
