// SPDX-License-Identifier: Apache-2.0
//
// FreshView: a view of a table together with rows that are not in its files yet. The rows of each
// buffer stand behind the files, as if they were one more file.
//
// A row is seen once, whatever is flushed meanwhile: buffers are looked at before the table, and of
// a buffer only what lies beyond the position that the table itself has is taken.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "table/file/searchable_vectors.h"
#include "table/memtable/fresh_buffer.h"
#include "tarn/read_view.h"

namespace tarn {

/// Immutable and thread-safe, as any view.
class FreshView : public ReadView {
 public:
  /// `base`: the newest state, opened after the buffers were taken.
  static Result<std::shared_ptr<const FreshView>> Make(std::shared_ptr<const ReadView> base,
                                                       std::vector<FreshBatches> buffers);

  /// Whether the base is new enough for the buffers: it has what they no longer have.
  static Result<bool> Fits(const ReadView& base, std::span<const FreshBatches> buffers);

  const std::shared_ptr<const ReadView>& base() const { return base_; }

  const TableState& state() const override { return base_->state(); }
  SnapshotId snapshot() const override { return base_->snapshot(); }
  const std::vector<ViewFile>& files() const override { return files_; }
  const std::vector<ViewDeleteFile>& delete_files() const override { return base_->delete_files(); }
  int64_t rows() const override { return rows_; }
  const std::vector<VectorStoragePolicy>& vector_policies() const override {
    return base_->vector_policies();
  }
  const HnswConfig& hnsw() const override { return base_->hnsw(); }
  const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }
  uint64_t fresh_mark() const override { return mark_; }

  Result<int64_t> CountLiveRows() const override;
  Result<std::shared_ptr<const RowBitmap>> LiveRows(size_t file) const override;
  /// kNotSupported for a buffer, which is no file.
  Result<std::shared_ptr<AilakeFileReader>> OpenFile(size_t file) const override;
  Result<std::optional<std::string>> ColumnInFile(size_t file,
                                                  const std::string& column) const override;
  Result<std::shared_ptr<arrow::Table>> ReadRows(
      size_t file, std::span<const uint32_t> rows,
      const std::vector<std::string>& columns) const override;
  Result<std::shared_ptr<arrow::RecordBatch>> ReadFile(
      size_t file, const std::vector<std::string>& columns) const override;
  Result<std::shared_ptr<arrow::RecordBatchReader>> Scan(
      const std::vector<std::string>& columns) const override;

  /// The vectors of a buffer, which stands at `file`; nullptr where none of its rows has any.
  Result<std::shared_ptr<const SearchableVectors>> OpenVectors(
      size_t file, const VectorStoragePolicy& policy) const;

 private:
  struct Buffer {
    std::vector<std::shared_ptr<const MemBatch>> batches;
    std::vector<uint32_t> first_rows;  ///< of each batch, in the buffer
    uint32_t rows = 0;
  };

  const Buffer* BufferAt(size_t file) const {
    return file < base_->files().size() ? nullptr : &buffers_[file - base_->files().size()];
  }
  Result<std::shared_ptr<arrow::RecordBatch>> Project(
      const MemBatch& batch, int64_t first, int64_t count,
      const std::shared_ptr<arrow::Schema>& target) const;

  std::shared_ptr<const ReadView> base_;
  std::vector<Buffer> buffers_;
  std::vector<ViewFile> files_;
  std::shared_ptr<arrow::Schema> schema_;
  int64_t rows_ = 0;
  uint64_t mark_ = 0;
};

}  // namespace tarn
