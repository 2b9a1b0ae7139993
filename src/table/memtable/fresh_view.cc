// SPDX-License-Identifier: Apache-2.0
#include "table/memtable/fresh_view.h"

#include <algorithm>

#include "arrow/api.h"
#include "format/storable_schema.h"
#include "iceberg/table_metadata.h"
#include "table/fit.h"
#include "table/memtable/log_position.h"
#include "table/memtable/memory_vectors.h"
#include "table/view/projection.h"

namespace tarn {
namespace {

/// Buffer after buffer behind the files.
class FreshScan : public arrow::RecordBatchReader {
 public:
  FreshScan(std::shared_ptr<arrow::RecordBatchReader> files,
            std::vector<std::shared_ptr<arrow::RecordBatch>> fresh)
      : files_(std::move(files)), fresh_(std::move(fresh)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return files_->schema(); }
  Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    ARROW_RETURN_NOT_OK(files_->ReadNext(out));
    if (*out == nullptr && next_ < fresh_.size()) *out = fresh_[next_++];
    return Status::OK();
  }

 private:
  std::shared_ptr<arrow::RecordBatchReader> files_;
  std::vector<std::shared_ptr<arrow::RecordBatch>> fresh_;
  size_t next_ = 0;
};

uint64_t Mix(uint64_t mark, uint64_t value) {
  // Fibonacci hashing: any change of any value changes the mark.
  return (mark ^ value) * 0x9e3779b97f4a7c15 + 1;
}

}  // namespace

Result<bool> FreshView::Fits(const ReadView& base, std::span<const FreshBatches> buffers) {
  for (const FreshBatches& buffer : buffers) {
    ARROW_ASSIGN_OR_RAISE(const auto position,
                          LogPosition::Of(base.state().metadata->properties, buffer.wal_uuid));
    if (position.sequence < buffer.covered) return false;
  }
  return true;
}

Result<std::shared_ptr<const FreshView>> FreshView::Make(std::shared_ptr<const ReadView> base,
                                                         std::vector<FreshBatches> buffers) {
  auto view = std::make_shared<FreshView>();
  view->files_ = base->files();
  view->rows_ = base->rows();
  view->schema_ = base->schema();
  for (const FreshBatches& taken : buffers) {
    ARROW_ASSIGN_OR_RAISE(const auto position,
                          LogPosition::Of(base->state().metadata->properties, taken.wal_uuid));
    Buffer buffer;
    for (const auto& batch : taken.batches) {
      if (batch->sequence <= position.sequence) continue;
      buffer.first_rows.push_back(buffer.rows);
      buffer.batches.push_back(batch);
      buffer.rows += static_cast<uint32_t>(batch->rows->num_rows());
    }
    const uint64_t last = buffer.batches.empty() ? 0 : buffer.batches.back()->sequence;
    view->mark_ = Mix(Mix(view->mark_, position.sequence), last);
    // Rows that came before the table had columns show what it will have.
    if (view->schema_->num_fields() == 0 && !buffer.batches.empty())
      view->schema_ = buffer.batches[0]->rows->schema();
    ViewFile file;
    file.path = "log " + taken.wal_uuid;
    file.rows = buffer.rows;
    view->files_.push_back(std::move(file));
    view->rows_ += buffer.rows;
    view->buffers_.push_back(std::move(buffer));
  }
  view->base_ = std::move(base);
  return std::shared_ptr<const FreshView>(std::move(view));
}

Result<int64_t> FreshView::CountLiveRows() const {
  ARROW_ASSIGN_OR_RAISE(const int64_t live, base_->CountLiveRows());
  return live + rows_ - base_->rows();
}

Result<std::shared_ptr<const RowBitmap>> FreshView::LiveRows(size_t file) const {
  if (BufferAt(file) != nullptr) return nullptr;
  return base_->LiveRows(file);
}

Result<std::shared_ptr<AilakeFileReader>> FreshView::OpenFile(size_t file) const {
  if (BufferAt(file) == nullptr) return base_->OpenFile(file);
  return Error(ErrorKind::kNotSupported, files_[file].path, " is no file: its rows are in memory");
}

Result<std::optional<std::string>> FreshView::ColumnInFile(size_t file,
                                                           const std::string& column) const {
  const Buffer* buffer = BufferAt(file);
  if (buffer == nullptr) return base_->ColumnInFile(file, column);
  return column;
}

/// Rows [first, first + count) of a batch with the columns of `target`.
Result<std::shared_ptr<arrow::RecordBatch>> FreshView::Project(
    const MemBatch& batch, int64_t first, int64_t count,
    const std::shared_ptr<arrow::Schema>& target) const {
  const FitBy by = batch.schema_id == MemBatch::kNoSchema ? FitBy::kName : FitBy::kFieldId;
  auto rows = batch.rows->Slice(first, count);
  if (by == FitBy::kName) {
    // By name, columns that the target lacks are an error.
    std::vector<int> wanted;
    for (const auto& field : target->fields()) {
      const int index = rows->schema()->GetFieldIndex(field->name());
      if (index >= 0) wanted.push_back(index);
    }
    ARROW_ASSIGN_OR_RAISE(rows, rows->SelectColumns(wanted));
  }
  return FitBatch(*rows, target, by);
}

Result<std::shared_ptr<arrow::Table>> FreshView::ReadRows(
    size_t file, std::span<const uint32_t> rows, const std::vector<std::string>& columns) const {
  const Buffer* buffer = BufferAt(file);
  if (buffer == nullptr) return base_->ReadRows(file, rows, columns);
  ARROW_ASSIGN_OR_RAISE(const auto target, SelectColumns(*schema_, columns));
  std::vector<std::shared_ptr<arrow::RecordBatch>> parts;
  for (const uint32_t row : rows) {
    if (row >= buffer->rows) {
      return Error(ErrorKind::kNotFound, files_[file].path, " has ", buffer->rows, " rows, no row ",
                   row);
    }
    const auto behind = std::upper_bound(buffer->first_rows.begin(), buffer->first_rows.end(), row);
    const auto at = static_cast<size_t>(behind - buffer->first_rows.begin()) - 1;
    ARROW_ASSIGN_OR_RAISE(auto part,
                          Project(*buffer->batches[at], row - buffer->first_rows[at], 1, target));
    parts.push_back(std::move(part));
  }
  return arrow::Table::FromRecordBatches(target, std::move(parts));
}

Result<std::shared_ptr<arrow::RecordBatch>> FreshView::ReadFile(
    size_t file, const std::vector<std::string>& columns) const {
  const Buffer* buffer = BufferAt(file);
  if (buffer == nullptr) return base_->ReadFile(file, columns);
  ARROW_ASSIGN_OR_RAISE(const auto target, SelectColumns(*schema_, columns));
  std::vector<std::shared_ptr<arrow::RecordBatch>> parts;
  for (const auto& batch : buffer->batches) {
    ARROW_ASSIGN_OR_RAISE(auto part, Project(*batch, 0, batch->rows->num_rows(), target));
    parts.push_back(std::move(part));
  }
  if (parts.empty()) return arrow::RecordBatch::MakeEmpty(target);
  if (target->num_fields() == 0)
    return arrow::RecordBatch::Make(target, buffer->rows, arrow::ArrayVector{});
  return arrow::ConcatenateRecordBatches(parts);
}

Result<std::shared_ptr<arrow::RecordBatchReader>> FreshView::Scan(
    const std::vector<std::string>& columns) const {
  std::vector<std::shared_ptr<arrow::RecordBatch>> fresh;
  for (size_t file = base_->files().size(); file < files_.size(); ++file) {
    ARROW_ASSIGN_OR_RAISE(auto batch, ReadFile(file, columns));
    fresh.push_back(std::move(batch));
  }
  if (base_->schema()->num_fields() == 0 && !fresh.empty())
    return arrow::RecordBatchReader::Make(fresh, fresh[0]->schema());
  ARROW_ASSIGN_OR_RAISE(auto files, base_->Scan(columns));
  return std::make_shared<FreshScan>(std::move(files), std::move(fresh));
}

Result<std::shared_ptr<const SearchableVectors>> FreshView::OpenVectors(
    size_t file, const VectorStoragePolicy& policy) const {
  const Buffer& buffer = *BufferAt(file);
  if (buffer.rows == 0) return nullptr;
  ARROW_ASSIGN_OR_RAISE(const auto column, SelectColumns(*schema_, {policy.column_name}));
  ARROW_ASSIGN_OR_RAISE(const int32_t id, format::FieldIdOf(*column->field(0)));
  return MemoryVectors::Make(buffer.batches, buffer.first_rows, buffer.rows, policy, id);
}

}  // namespace tarn
