// SPDX-License-Identifier: Apache-2.0
#include "cli/row_source.h"

#include <algorithm>
#include <deque>

#include "arrow/api.h"
#include "arrow/ipc/api.h"
#include "cli/json_rows.h"
#include "cli/line_pieces.h"

namespace tarn::cli {
namespace {

constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kMostPieceBytes = 16 << 20;
/// A producer that never pauses for long is not waited for either.
constexpr int kMostWaits = 10;

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

class NdjsonSource : public RowSource {
 public:
  NdjsonSource(LiveInput& input, RowSourceOptions options)
      : input_(input),
        options_(std::move(options)),
        pieces_(options_.most_lines, kMostPieceBytes),
        buffer_(kReadBytes) {}

  const char* unit() const override { return "line"; }

  void ForgetTypes() override {
    if (guessed_) rows_.reset();
  }

  Result<std::optional<RowPiece>> Next() override {
    if (!bad_lines_.empty()) {
      RowPiece piece = Convert(bad_lines_.front());
      bad_lines_.pop_front();
      return piece;
    }
    ARROW_ASSIGN_OR_RAISE(const auto lines, NextLines());
    if (!lines) return std::nullopt;
    RowPiece piece = Convert(*lines);
    if (piece.bad.ok() || !options_.single_bad_lines || lines->lines == 1) return piece;
    Split(*lines);
    return Next();
  }

 private:
  Result<std::optional<LinePiece>> NextLines() {
    while (true) {
      ARROW_ASSIGN_OR_RAISE(auto piece, pieces_.Next());
      if (piece) {
        begun_.reset();
        return piece;
      }
      if (ended_) return std::nullopt;
      size_t got = 0;
      std::optional<milliseconds> wait;
      if (pieces_.has_lines()) {
        const auto now = Steady::now();
        if (!begun_) begun_ = now;
        const auto rest = options_.wait * kMostWaits - (now - *begun_);
        if (rest <= rest.zero()) return Take();
        wait = std::min(options_.wait, std::chrono::ceil<milliseconds>(rest));
      }
      ARROW_ASSIGN_OR_RAISE(const auto event, input_.Read(buffer_, &got, wait));
      switch (event) {
        case InputEvent::kBytes:
          pieces_.Append({buffer_.data(), got});
          break;
        case InputEvent::kPause:
          return Take();
        case InputEvent::kStopped:
          return std::nullopt;
        case InputEvent::kEnd:
          ended_ = true;
          piece = pieces_.TakeAll();
          if (!piece) piece.emplace();
          piece->ends_batch = true;
          return piece;
      }
    }
  }

  std::optional<LinePiece> Take() {
    begun_.reset();
    return pieces_.TakeLines();
  }

  void Split(const LinePiece& lines) {
    for (size_t begin = 0; begin < lines.text.size();) {
      const size_t end = lines.text.find('\n', begin) + 1;
      const auto at = static_cast<int64_t>(bad_lines_.size());
      bad_lines_.push_back({lines.text.substr(begin, end - begin), 1, lines.first_line + at});
      begin = end;
    }
    bad_lines_.back().ends_batch = lines.ends_batch;
  }

  RowPiece Convert(const LinePiece& lines) {
    RowPiece piece;
    piece.first = lines.first_line;
    piece.count = lines.lines;
    piece.ends_batch = lines.ends_batch;
    if (lines.lines == 0) return piece;
    auto rows = Rows(lines);
    if (rows.ok()) rows = Lean(*std::move(rows));
    if (rows.ok()) {
      piece.rows = *std::move(rows);
    } else {
      piece.bad = rows.status();
    }
    return piece;
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Rows(const LinePiece& lines) {
    if (rows_) {
      auto rows = rows_->Read(lines);
      if (rows.ok()) return rows;
      // The table may have changed since.
      ARROW_ASSIGN_OR_RAISE(const auto schema, options_.table_schema());
      if (schema == nullptr || (table_ != nullptr && schema->Equals(table_))) return rows;
    }
    ARROW_RETURN_NOT_OK(LearnTypes(lines));
    return rows_->Read(lines);
  }

  /// Without the columns that no row has: the table may have dropped one since it was looked at.
  Result<std::shared_ptr<arrow::RecordBatch>> Lean(std::shared_ptr<arrow::RecordBatch> rows) const {
    if (guessed_) return rows;
    for (int i = rows->num_columns() - 1; i >= 0 && rows->num_columns() > 1; --i) {
      if (rows->column(i)->null_count() < rows->num_rows()) continue;
      const std::string& name = rows->column_name(i);
      if (std::find(vectors_.begin(), vectors_.end(), name) != vectors_.end()) continue;
      ARROW_ASSIGN_OR_RAISE(rows, rows->RemoveColumn(i));
    }
    return rows;
  }

  Status LearnTypes(const LinePiece& lines) {
    ARROW_ASSIGN_OR_RAISE(auto schema, options_.table_schema());
    table_ = schema;
    vectors_ = options_.vector_columns();
    guessed_ = schema == nullptr;
    const std::string& beside = options_.beside;
    const bool all_known = !guessed_ && (beside.empty() || schema->GetFieldIndex(beside) >= 0);
    if (!all_known) {
      ARROW_ASSIGN_OR_RAISE(const auto guess, JsonRows::Infer(lines, vectors_));
      if (guessed_) {
        schema = guess.schema();
      } else if (const auto field = guess.schema()->GetFieldByName(beside)) {
        ARROW_ASSIGN_OR_RAISE(schema, schema->AddField(schema->num_fields(), field));
      }
    }
    rows_.emplace(schema);
    return Status::OK();
  }

  LiveInput& input_;
  const RowSourceOptions options_;
  LinePieces pieces_;
  std::vector<char> buffer_;
  std::deque<LinePiece> bad_lines_;
  bool ended_ = false;
  std::optional<Steady::time_point> begun_;  ///< when lines began to wait
  std::optional<JsonRows> rows_;
  std::shared_ptr<arrow::Schema> table_;  ///< that rows_ was made from
  bool guessed_ = false;                  ///< there was none
  std::vector<std::string> vectors_;
};

class ArrowSource : public RowSource {
 public:
  explicit ArrowSource(LiveInput& input) : input_(input) {}

  const char* unit() const override { return "batch"; }

  Result<std::optional<RowPiece>> Next() override {
    auto read = Read();
    if (IsKind(read.status(), ErrorKind::kCancelled)) return std::nullopt;
    if (!read.ok()) {
      return Error(ErrorKind::kBadInput, "the Arrow stream cannot be read behind its batch ",
                   number_, ": ", read.status().message());
    }
    if (*read == nullptr) return std::nullopt;
    RowPiece piece;
    piece.first = ++number_;
    piece.count = (*read)->num_rows();
    piece.ends_batch = true;
    const Status valid = (*read)->ValidateFull();
    if (valid.ok()) {
      piece.rows = *std::move(read);
    } else {
      piece.bad = Error(ErrorKind::kBadInput, "batch ", number_, ": ", valid.message());
    }
    return piece;
  }

 private:
  /// nullptr at the end.
  Result<std::shared_ptr<arrow::RecordBatch>> Read() {
    while (true) {
      if (reader_ == nullptr) {
        ARROW_ASSIGN_OR_RAISE(const auto byte, input_.Peek());
        if (!byte) return nullptr;
        ARROW_ASSIGN_OR_RAISE(reader_,
                              arrow::ipc::RecordBatchStreamReader::Open(AsArrowStream(input_)));
      }
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(reader_->ReadNext(&batch));
      if (batch != nullptr) return batch;
      reader_.reset();
    }
  }

  LiveInput& input_;
  std::shared_ptr<arrow::RecordBatchReader> reader_;
  int64_t number_ = 0;
};

}  // namespace

std::unique_ptr<RowSource> MakeNdjsonSource(LiveInput& input, RowSourceOptions options) {
  return std::make_unique<NdjsonSource>(input, std::move(options));
}

std::unique_ptr<RowSource> MakeArrowSource(LiveInput& input) {
  return std::make_unique<ArrowSource>(input);
}

}  // namespace tarn::cli
