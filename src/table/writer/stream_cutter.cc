// SPDX-License-Identifier: Apache-2.0
#include "table/writer/stream_cutter.h"

#include <algorithm>

#include "arrow/api.h"
#include "arrow/util/byte_size.h"
#include "format/storable_array.h"
#include "format/storable_schema.h"

namespace tarn {
namespace {

constexpr char kTargetProperty[] = "write.target-file-size-bytes";
constexpr int64_t kDefaultTarget = int64_t{512} << 20;
// Beyond it the text of one column would not fit into one Arrow array.
constexpr int64_t kMostTarget = int64_t{1} << 30;
/// Rows that are converted at once: what a dictionary unfolds to may be far larger than it is.
constexpr int64_t kRowsAtOnce = 65'536;
/// How often a piece is made smaller because its rows are larger than the others.
constexpr int kMostTrims = 8;

}  // namespace

int64_t StreamCutter::TargetOf(const iceberg::TableMetadata& metadata) {
  return std::clamp<int64_t>(metadata.PropertyNumber(kTargetProperty, kDefaultTarget), 1,
                             kMostTarget);
}

StreamCutter::StreamCutter(arrow::RecordBatchReader& batches,
                           std::span<const VectorStoragePolicy> vectors, int64_t target_bytes)
    : batches_(batches), target_bytes_(target_bytes) {
  arrow::FieldVector fields;
  for (const auto& field : batches.schema()->fields()) {
    const auto policy = std::find_if(vectors.begin(), vectors.end(),
                                     [&](const auto& p) { return p.column_name == field->name(); });
    is_vector_.push_back(policy != vectors.end());
    fields.push_back(field);
    stored_.push_back(nullptr);
    if (is_vector_.back()) {
      vector_bytes_ += int64_t{policy->dim} * 4;
    } else if (auto stored = format::StorableField(*field);
               stored.ok() && !(*stored)->type()->Equals(*field->type())) {
      fields.back() = stored_.back() = *std::move(stored);
    }
  }
  schema_ = arrow::schema(std::move(fields));
}

/// Puts the next rows of the stream into `rows_`; nullptr at the end.
Status StreamCutter::Refill() {
  rows_ = nullptr;
  while (read_ == nullptr || read_rows_ == read_->num_rows()) {
    ARROW_RETURN_NOT_OK(batches_.ReadNext(&read_));
    read_rows_ = 0;
    if (read_ == nullptr) return Status::OK();
    if (!read_->schema()->Equals(*batches_.schema(), /*check_metadata=*/false)) {
      return Error(
          ErrorKind::kBadInput,
          "a batch of the stream has other columns than the stream: ", read_->schema()->ToString());
    }
  }
  const bool converts =
      std::any_of(stored_.begin(), stored_.end(), [](const auto& f) { return f != nullptr; });
  const int64_t left = read_->num_rows() - read_rows_;
  const auto part = read_->Slice(read_rows_, converts ? std::min(left, kRowsAtOnce) : left);
  read_rows_ += part->num_rows();
  arrow::ArrayVector columns = part->columns();
  for (size_t i = 0; i < columns.size(); ++i) {
    if (stored_[i] == nullptr) continue;
    ARROW_ASSIGN_OR_RAISE(columns[i],
                          format::ToStorable(columns[i], *stored_[i], stored_[i]->name()));
  }
  rows_ = arrow::RecordBatch::Make(schema_, part->num_rows(), std::move(columns));
  return BytesOf(*rows_).Value(&bytes_);
}

Result<int64_t> StreamCutter::BytesOf(const arrow::RecordBatch& rows) const {
  int64_t bytes = rows.num_rows() * vector_bytes_;
  for (int i = 0; i < rows.num_columns(); ++i) {
    if (is_vector_[static_cast<size_t>(i)]) continue;
    const auto referenced = arrow::util::ReferencedBufferSize(*rows.column(i));
    bytes += referenced.ok() ? *referenced : arrow::util::TotalBufferSize(*rows.column(i));
  }
  return bytes;
}

/// Moves as many of `rows_` to those taken as there is room for, at least one.
Status StreamCutter::TakeSome() {
  const int64_t room = std::max<int64_t>(1, target_bytes_ - taken_bytes_);
  int64_t count = rows_->num_rows();
  int64_t bytes = bytes_;
  for (int trim = 0; bytes > room && count > 1 && trim < kMostTrims; ++trim) {
    const double share = static_cast<double>(room) / static_cast<double>(bytes);
    count =
        std::clamp<int64_t>(static_cast<int64_t>(static_cast<double>(count) * share), 1, count - 1);
    ARROW_ASSIGN_OR_RAISE(bytes, BytesOf(*rows_->Slice(0, count)));
  }
  taken_.push_back(rows_->Slice(0, count));
  taken_bytes_ += bytes;
  rows_ = count < rows_->num_rows() ? rows_->Slice(count) : nullptr;
  bytes_ = std::max<int64_t>(0, bytes_ - bytes);
  return Status::OK();
}

Result<std::shared_ptr<arrow::RecordBatch>> StreamCutter::Next() {
  taken_.clear();
  taken_bytes_ = 0;
  while (taken_bytes_ < target_bytes_) {
    if (rows_ == nullptr) ARROW_RETURN_NOT_OK(Refill());
    if (rows_ == nullptr) break;
    ARROW_RETURN_NOT_OK(TakeSome());
  }
  if (taken_.empty()) return nullptr;
  if (taken_.size() == 1) return taken_[0];
  if (schema_->num_fields() > 0) return arrow::ConcatenateRecordBatches(taken_);
  int64_t rows = 0;
  for (const auto& part : taken_) rows += part->num_rows();
  return arrow::RecordBatch::Make(schema_, rows, arrow::ArrayVector{});
}

}  // namespace tarn
