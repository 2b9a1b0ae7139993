// SPDX-License-Identifier: Apache-2.0
#include "cli/batch_input.h"

#include <algorithm>
#include <cstring>
#include <deque>

#include "arrow/api.h"
#include "arrow/csv/api.h"
#include "arrow/io/api.h"
#include "arrow/io/stdio.h"
#include "arrow/ipc/api.h"
#include "arrow/json/api.h"
#include "parquet/arrow/reader.h"

namespace tarn::cli {
namespace {

constexpr int64_t kPeekBytes = 8;
constexpr int64_t kBlockBytes = 8 << 20;

/// A stream with its first bytes put back, so that a pipe can be looked at before it is parsed.
class PeekedStream : public arrow::io::InputStream {
 public:
  PeekedStream(std::string head, std::shared_ptr<arrow::io::InputStream> rest)
      : head_(std::move(head)), rest_(std::move(rest)) {}

  Status Close() override { return rest_->Close(); }
  bool closed() const override { return rest_->closed(); }
  Result<int64_t> Tell() const override { return position_; }

  Result<int64_t> Read(int64_t nbytes, void* out) override {
    const int64_t from_head = std::min<int64_t>(nbytes, static_cast<int64_t>(head_.size() - used_));
    if (from_head > 0) {
      std::memcpy(out, head_.data() + used_, static_cast<size_t>(from_head));
      used_ += static_cast<size_t>(from_head);
    }
    ARROW_ASSIGN_OR_RAISE(int64_t more,
                          rest_->Read(nbytes - from_head, static_cast<char*>(out) + from_head));
    position_ += from_head + more;
    return from_head + more;
  }

  Result<std::shared_ptr<arrow::Buffer>> Read(int64_t nbytes) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(nbytes));
    ARROW_ASSIGN_OR_RAISE(int64_t got, Read(nbytes, buffer->mutable_data()));
    ARROW_RETURN_NOT_OK(buffer->Resize(got));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }

 private:
  std::string head_;
  size_t used_ = 0;
  int64_t position_ = 0;
  std::shared_ptr<arrow::io::InputStream> rest_;
};

bool EndsWith(const std::string& text, const char* ending) {
  const size_t n = std::strlen(ending);
  return text.size() >= n && text.compare(text.size() - n, n, ending) == 0;
}

InputFormat Detect(const std::string& head, const std::string& path) {
  if (head.rfind("PAR1", 0) == 0) return InputFormat::kParquet;
  if (head.rfind("ARROW1", 0) == 0 || head.rfind("\xff\xff\xff\xff", 0) == 0)
    return InputFormat::kArrow;
  if (EndsWith(path, ".csv")) return InputFormat::kCsv;
  if (EndsWith(path, ".ndjson") || EndsWith(path, ".jsonl") || EndsWith(path, ".json"))
    return InputFormat::kNdjson;
  const size_t first = head.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && head[first] == '{') return InputFormat::kNdjson;
  return InputFormat::kDetect;
}

Result<std::shared_ptr<arrow::Buffer>> ReadWhole(arrow::io::InputStream& stream) {
  arrow::BufferBuilder builder;
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(auto buffer, stream.Read(kBlockBytes));
    if (buffer->size() == 0) break;
    ARROW_RETURN_NOT_OK(builder.Append(buffer->data(), buffer->size()));
  }
  return builder.Finish();
}

/// The reader keeps the Parquet file open for as long as batches are read.
class ParquetBatches : public arrow::RecordBatchReader {
 public:
  ParquetBatches(std::unique_ptr<parquet::arrow::FileReader> file,
                 std::unique_ptr<arrow::RecordBatchReader> batches)
      : file_(std::move(file)), batches_(std::move(batches)) {}
  std::shared_ptr<arrow::Schema> schema() const override { return batches_->schema(); }
  Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    return batches_->ReadNext(out);
  }

 private:
  std::unique_ptr<parquet::arrow::FileReader> file_;
  std::unique_ptr<arrow::RecordBatchReader> batches_;
};

Result<BatchInput> OpenParquet(std::shared_ptr<arrow::io::RandomAccessFile> source) {
  ARROW_ASSIGN_OR_RAISE(auto file,
                        parquet::arrow::OpenFile(std::move(source), arrow::default_memory_pool()));
  const int64_t rows = file->parquet_reader()->metadata()->num_rows();
  ARROW_ASSIGN_OR_RAISE(auto batches, file->GetRecordBatchReader());
  return BatchInput{std::make_shared<ParquetBatches>(std::move(file), std::move(batches)), rows};
}

Result<BatchInput> OpenArrowFile(std::shared_ptr<arrow::io::RandomAccessFile> source) {
  ARROW_ASSIGN_OR_RAISE(auto file, arrow::ipc::RecordBatchFileReader::Open(std::move(source)));
  ARROW_ASSIGN_OR_RAISE(int64_t rows, file->CountRows());
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  for (int i = 0; i < file->num_record_batches(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto batch, file->ReadRecordBatch(i));
    batches.push_back(std::move(batch));
  }
  ARROW_ASSIGN_OR_RAISE(auto reader,
                        arrow::RecordBatchReader::Make(std::move(batches), file->schema()));
  return BatchInput{std::move(reader), rows};
}

Result<BatchInput> OpenStream(std::shared_ptr<arrow::io::InputStream> stream, InputFormat format) {
  if (format == InputFormat::kArrow) {
    ARROW_ASSIGN_OR_RAISE(auto reader,
                          arrow::ipc::RecordBatchStreamReader::Open(std::move(stream)));
    return BatchInput{std::move(reader), std::nullopt};
  }
  if (format == InputFormat::kNdjson) {
    auto read = arrow::json::ReadOptions::Defaults();
    read.block_size = kBlockBytes;
    ARROW_ASSIGN_OR_RAISE(
        auto reader, arrow::json::StreamingReader::Make(std::move(stream), read,
                                                        arrow::json::ParseOptions::Defaults()));
    return BatchInput{std::move(reader), std::nullopt};
  }
  auto read = arrow::csv::ReadOptions::Defaults();
  read.block_size = kBlockBytes;
  ARROW_ASSIGN_OR_RAISE(auto reader, arrow::csv::StreamingReader::Make(
                                         arrow::io::default_io_context(), std::move(stream), read,
                                         arrow::csv::ParseOptions::Defaults(),
                                         arrow::csv::ConvertOptions::Defaults()));
  return BatchInput{std::move(reader), std::nullopt};
}

Result<BatchInput> OpenSource(const std::string& path, InputFormat format) {
  const bool standard_input = path == "-";
  std::shared_ptr<arrow::io::InputStream> stream;
  std::shared_ptr<arrow::io::RandomAccessFile> file;
  if (standard_input) {
    stream = std::make_shared<arrow::io::StdinStream>();
  } else {
    auto opened = arrow::io::ReadableFile::Open(path);
    if (!opened.ok()) return Error(ErrorKind::kNotFound, opened.status().message());
    file = *opened;
    stream = file;
  }
  ARROW_ASSIGN_OR_RAISE(auto head_buffer, stream->Read(kPeekBytes));
  const std::string head = head_buffer->ToString();
  if (format == InputFormat::kDetect) format = Detect(head, path);
  if (format == InputFormat::kDetect) {
    return Error(ErrorKind::kBadInput,
                 "cannot tell the format; name it with --format (parquet, arrow, ndjson, csv)");
  }
  const bool arrow_file = format == InputFormat::kArrow && head.rfind("ARROW1", 0) == 0;
  if (format != InputFormat::kParquet && !arrow_file) {
    return OpenStream(std::make_shared<PeekedStream>(head, std::move(stream)), format);
  }
  if (standard_input) {
    PeekedStream whole(head, std::move(stream));
    ARROW_ASSIGN_OR_RAISE(auto buffer, ReadWhole(whole));
    file = std::make_shared<arrow::io::BufferReader>(std::move(buffer));
  }
  return arrow_file ? OpenArrowFile(std::move(file)) : OpenParquet(std::move(file));
}

class Rebatcher : public arrow::RecordBatchReader {
 public:
  Rebatcher(std::shared_ptr<arrow::RecordBatchReader> input, int64_t rows)
      : input_(std::move(input)), rows_(rows) {}

  std::shared_ptr<arrow::Schema> schema() const override { return input_->schema(); }

  Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    while (!ended_ && waiting_rows_ < rows_) {
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(input_->ReadNext(&batch));
      if (!batch) {
        ended_ = true;
      } else if (batch->num_rows() > 0) {
        waiting_rows_ += batch->num_rows();
        waiting_.push_back(std::move(batch));
      }
    }
    out->reset();
    if (waiting_rows_ == 0) return Status::OK();
    std::vector<std::shared_ptr<arrow::RecordBatch>> parts;
    for (int64_t need = std::min(rows_, waiting_rows_); need > 0;) {
      auto& front = waiting_.front();
      const int64_t take = std::min(need, front->num_rows());
      parts.push_back(front->Slice(0, take));
      front = front->Slice(take);
      if (front->num_rows() == 0) waiting_.pop_front();
      need -= take;
      waiting_rows_ -= take;
    }
    if (parts.size() == 1) {
      *out = std::move(parts[0]);
      return Status::OK();
    }
    ARROW_ASSIGN_OR_RAISE(*out, arrow::ConcatenateRecordBatches(parts));
    return Status::OK();
  }

 private:
  std::shared_ptr<arrow::RecordBatchReader> input_;
  int64_t rows_;
  std::deque<std::shared_ptr<arrow::RecordBatch>> waiting_;
  int64_t waiting_rows_ = 0;
  bool ended_ = false;
};

}  // namespace

Result<InputFormat> ParseInputFormat(const std::string& name) {
  if (name == "auto") return InputFormat::kDetect;
  if (name == "parquet") return InputFormat::kParquet;
  if (name == "arrow" || name == "ipc") return InputFormat::kArrow;
  if (name == "ndjson" || name == "json" || name == "jsonl") return InputFormat::kNdjson;
  if (name == "csv") return InputFormat::kCsv;
  return Error(ErrorKind::kBadInput, "unknown input format '", name,
               "'; use auto, parquet, arrow, ndjson or csv");
}

Result<BatchInput> OpenBatchInput(const std::string& path, InputFormat format) {
  auto input = OpenSource(path, format);
  if (input.ok()) return input;
  const ErrorKind kind =
      IsKind(input.status(), ErrorKind::kNotFound) ? ErrorKind::kNotFound : ErrorKind::kBadInput;
  return Error(kind, path == "-" ? "standard input" : path, ": ", input.status().message());
}

std::shared_ptr<arrow::RecordBatchReader> Rebatch(std::shared_ptr<arrow::RecordBatchReader> input,
                                                  int64_t rows) {
  return std::make_shared<Rebatcher>(std::move(input), rows);
}

}  // namespace tarn::cli
