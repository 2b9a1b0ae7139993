// SPDX-License-Identifier: Apache-2.0
//
// ParquetContainer: the frame of a Parquet file (magic, row groups, page indexes, footer) for the
// Parquet library's own writers, open to column chunks that were written past them.
#pragma once

#include <cstdint>
#include <memory>

#include "format/vector_chunk.h"
#include "parquet/file_writer.h"
#include "parquet/metadata.h"
#include "parquet/page_index.h"

namespace tarn::format {

/// Handed to a parquet::ParquetFileWriter, which owns it. All columns of a row group are written in
/// the schema's order, the library's through its own calls, the others with EnterChunk. One thread
/// at a time. Throws what the library throws.
class ParquetContainer : public parquet::ParquetFileWriter::Contents {
 public:
  /// Writes the magic to `sink`. Every column has an offset index.
  ParquetContainer(std::shared_ptr<arrow::io::OutputStream> sink,
                   std::shared_ptr<parquet::schema::GroupNode> schema,
                   std::shared_ptr<parquet::WriterProperties> properties);

  /// The next column of the open row group is what was just written to the sink.
  void EnterChunk(const WrittenChunk& chunk);

  /// Writes page indexes and footer.
  void Close() override;
  parquet::RowGroupWriter* AppendRowGroup() override;
  parquet::RowGroupWriter* AppendBufferedRowGroup() override;
  int64_t num_rows() const override { return rows_; }
  int num_columns() const override { return schema_.num_columns(); }
  int num_row_groups() const override { return groups_; }
  const std::shared_ptr<parquet::WriterProperties>& properties() const override {
    return properties_;
  }
  void AddKeyValueMetadata(
      const std::shared_ptr<const arrow::KeyValueMetadata>& key_values) override;

 private:
  class RowGroup;
  void CloseRowGroup();

  std::shared_ptr<arrow::io::OutputStream> sink_;
  std::shared_ptr<parquet::WriterProperties> properties_;
  std::unique_ptr<parquet::FileMetaDataBuilder> metadata_;
  std::unique_ptr<parquet::PageIndexBuilder> page_indexes_;
  std::unique_ptr<parquet::RowGroupWriter> group_writer_;
  RowGroup* group_ = nullptr;  ///< of group_writer_
  int64_t rows_ = 0;
  int groups_ = 0;
  bool open_ = true;
};

}  // namespace tarn::format
