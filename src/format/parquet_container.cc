// SPDX-License-Identifier: Apache-2.0
#include "format/parquet_container.h"

#include <string>

#include "arrow/io/interfaces.h"
#include "parquet/column_writer.h"
#include "parquet/exception.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace tarn::format {

/// One row group, column after column.
class ParquetContainer::RowGroup : public parquet::RowGroupWriter::Contents {
 public:
  RowGroup(ParquetContainer* file, parquet::RowGroupMetaDataBuilder* metadata, int16_t ordinal)
      : file_(file), metadata_(metadata), ordinal_(ordinal) {}

  parquet::ColumnWriter* NextColumn() override {
    EndColumn();
    parquet::ColumnChunkMetaDataBuilder* column = metadata_->NextColumnChunk();
    const auto path = column->descr()->path();
    const parquet::WriterProperties& properties = *file_->properties_;
    const auto ordinal = static_cast<int16_t>(current_column());
    const parquet::CodecOptions codec;
    auto pages = parquet::PageWriter::Open(
        file_->sink_, properties.compression(path), column, ordinal_, ordinal,
        properties.memory_pool(), /*buffered_row_group=*/false, nullptr, nullptr,
        properties.page_checksum_enabled(),
        properties.statistics_enabled(path) ? file_->page_indexes_->GetColumnIndexBuilder(ordinal)
                                            : nullptr,
        file_->page_indexes_->GetOffsetIndexBuilder(ordinal), codec);
    column_ = parquet::ColumnWriter::Make(column, std::move(pages), &properties);
    return column_.get();
  }

  void EnterChunk(const WrittenChunk& chunk) {
    EndColumn();
    parquet::ColumnChunkMetaDataBuilder* column = metadata_->NextColumnChunk();
    parquet::OffsetIndexBuilder* index =
        file_->page_indexes_->GetOffsetIndexBuilder(current_column());
    for (const ChunkPage& page : chunk.pages)
      index->AddPage(page.offset, page.size, page.first_row);
    index->Finish(0);
    const std::map<parquet::Encoding::type, int32_t> encodings = {
        {parquet::Encoding::PLAIN, static_cast<int32_t>(chunk.pages.size())}};
    column->Finish(chunk.values, /*dictionary_page_offset=*/-1, /*index_page_offset=*/-1,
                   chunk.offset, chunk.size, chunk.size, /*has_dictionary=*/false,
                   /*dictionary_fallback=*/false, {}, encodings);
    bytes_ += chunk.size;
    CountRows(chunk.rows);
  }

  void Close() override {
    if (closed_) return;
    closed_ = true;
    EndColumn();
    metadata_->set_num_rows(rows_);
    metadata_->Finish(bytes_, ordinal_);
  }

  int num_columns() const override { return metadata_->num_columns(); }
  int64_t num_rows() const override { return rows_; }
  int current_column() const override { return metadata_->current_column(); }
  int64_t total_bytes_written() const override { return bytes_; }
  int64_t total_compressed_bytes() const override { return 0; }
  int64_t total_compressed_bytes_written() const override { return bytes_; }
  parquet::RowGroupWriter::BufferedStats EstimatedBufferedStats() const override { return {}; }
  bool buffered() const override { return false; }
  parquet::ColumnWriter* column(int) override {
    throw parquet::ParquetException("columns of this row group are written in order");
  }

 private:
  void EndColumn() {
    if (column_ == nullptr) return;
    bytes_ += column_->Close();
    CountRows(column_->rows_written());
    column_.reset();
  }

  void CountRows(int64_t rows) {
    if (counted_ && rows != rows_) {
      throw parquet::ParquetException("column ", current_column(), " has ", rows,
                                      " rows, those before it have ", rows_);
    }
    counted_ = true;
    rows_ = rows;
  }

  ParquetContainer* file_;
  parquet::RowGroupMetaDataBuilder* metadata_;
  int16_t ordinal_;
  std::shared_ptr<parquet::ColumnWriter> column_;
  int64_t rows_ = 0;
  int64_t bytes_ = 0;
  bool counted_ = false;
  bool closed_ = false;
};

ParquetContainer::ParquetContainer(std::shared_ptr<arrow::io::OutputStream> sink,
                                   std::shared_ptr<parquet::schema::GroupNode> schema,
                                   std::shared_ptr<parquet::WriterProperties> properties)
    : Contents(std::move(schema), nullptr),
      sink_(std::move(sink)),
      properties_(std::move(properties)),
      metadata_(parquet::FileMetaDataBuilder::Make(&schema_, properties_)),
      page_indexes_(parquet::PageIndexBuilder::Make(&schema_)) {
  PARQUET_THROW_NOT_OK(sink_->Write("PAR1", 4));
}

void ParquetContainer::EnterChunk(const WrittenChunk& chunk) { group_->EnterChunk(chunk); }

parquet::RowGroupWriter* ParquetContainer::AppendRowGroup() {
  CloseRowGroup();
  auto group =
      std::make_unique<RowGroup>(this, metadata_->AppendRowGroup(), static_cast<int16_t>(groups_));
  ++groups_;
  page_indexes_->AppendRowGroup();
  group_ = group.get();
  group_writer_ = std::make_unique<parquet::RowGroupWriter>(std::move(group));
  return group_writer_.get();
}

parquet::RowGroupWriter* ParquetContainer::AppendBufferedRowGroup() {
  throw parquet::ParquetException("row groups of this file are written column after column");
}

void ParquetContainer::CloseRowGroup() {
  if (group_writer_ == nullptr) return;
  group_writer_->Close();
  rows_ += group_writer_->num_rows();
}

void ParquetContainer::Close() {
  if (!open_) return;
  // Once, also when it fails: the library's destructors call it again.
  open_ = false;
  CloseRowGroup();
  page_indexes_->Finish();
  const auto places = page_indexes_->WriteTo(sink_.get());
  metadata_->SetIndexLocations(parquet::IndexKind::kColumnIndex, places.column_index_locations);
  metadata_->SetIndexLocations(parquet::IndexKind::kOffsetIndex, places.offset_index_locations);
  file_metadata_ = metadata_->Finish(key_value_metadata_);
  parquet::WriteFileMetaData(*file_metadata_, sink_.get());
}

void ParquetContainer::AddKeyValueMetadata(
    const std::shared_ptr<const arrow::KeyValueMetadata>& key_values) {
  key_value_metadata_ =
      key_value_metadata_ == nullptr ? key_values : key_value_metadata_->Merge(*key_values);
}

}  // namespace tarn::format
