// SPDX-License-Identifier: Apache-2.0
#include "format/parquet_writer.h"

#include <bit>
#include <set>

#include "arrow/api.h"
#include "format/parquet_container.h"
#include "format/parquet_footer.h"
#include "format/store_stream.h"
#include "parquet/arrow/schema.h"
#include "parquet/arrow/writer.h"
#include "parquet/exception.h"
#include "parquet/file_writer.h"
#include "parquet/metadata.h"
#include "parquet/page_index.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace tarn::format {
namespace {

constexpr int64_t kDataPageSize = 1024 * 1024;
// A reader of one row decodes a dictionary whole, so it is kept small; but large enough for every
// finite f16 value (63,488 of 4 bytes), so that such columns never fall back to plain.
constexpr int64_t kDictionaryLimit = 256 * 1024;

std::string LeafPath(const std::string& column) { return column + ".list.element"; }

std::shared_ptr<parquet::WriterProperties> MakeProperties(const ParquetLayout& layout) {
  parquet::WriterProperties::Builder builder;
  builder.version(parquet::ParquetVersion::PARQUET_2_6)
      ->data_page_version(parquet::ParquetDataPageVersion::V1)
      ->compression(parquet::Compression::ZSTD)
      ->data_pagesize(kDataPageSize)
      ->max_rows_per_page(layout.max_rows_per_page)
      ->dictionary_pagesize_limit(kDictionaryLimit)
      ->max_row_group_length(std::numeric_limits<int64_t>::max())
      ->enable_store_decimal_as_integer()
      ->enable_write_page_index()
      // Histograms of levels cost a pass over every embedding and serve no reader that we know.
      ->set_size_statistics_level(parquet::SizeStatisticsLevel::None)
      ->enable_page_checksum();
  for (const std::string& column : layout.distinct_columns) builder.disable_dictionary(column);
  for (const std::string& column : layout.raw_embeddings) {
    builder.disable_dictionary(LeafPath(column))
        ->encoding(LeafPath(column), parquet::Encoding::PLAIN)
        ->compression(LeafPath(column), parquet::Compression::UNCOMPRESSED)
        ->disable_statistics(LeafPath(column));
  }
  for (const std::string& column : layout.coded_embeddings)
    builder.disable_statistics(LeafPath(column));
  return builder.build();
}

class ParquetWriterImpl : public ParquetWriter {
 public:
  explicit ParquetWriterImpl(StoreWriter* out) : stream_(std::make_shared<StoreStream>(out)) {}

  Status Start(const std::shared_ptr<arrow::Schema>& schema, const ParquetLayout& layout) {
    const auto properties = MakeProperties(layout);
    const auto arrow_properties =
        parquet::ArrowWriterProperties::Builder().enable_compliant_nested_types()->build();
    std::shared_ptr<parquet::SchemaDescriptor> columns;
    ARROW_RETURN_NOT_OK(
        parquet::arrow::ToParquetSchema(schema.get(), *properties, *arrow_properties, &columns));
    auto container = std::make_unique<ParquetContainer>(
        stream_, std::static_pointer_cast<parquet::schema::GroupNode>(columns->schema_root()),
        properties);
    container_ = container.get();
    auto file = std::make_unique<parquet::ParquetFileWriter>();
    file->Open(std::move(container));
    max_rows_per_page_ = layout.max_rows_per_page;
    raw_.insert(layout.raw_embeddings.begin(), layout.raw_embeddings.end());
    return parquet::arrow::FileWriter::Make(arrow::default_memory_pool(), std::move(file), schema,
                                            arrow_properties, &writer_);
  }

  Status WriteRowGroup(const arrow::RecordBatch& batch) override {
    BEGIN_PARQUET_CATCH_EXCEPTIONS
    ARROW_RETURN_NOT_OK(writer_->NewRowGroup());
    for (int i = 0; i < batch.num_columns(); ++i) {
      if (!raw_.contains(batch.column_name(i))) {
        ARROW_RETURN_NOT_OK(writer_->WriteColumnChunk(*batch.column(i)));
        continue;
      }
      auto chunk = WriteVectorChunk(*batch.column(i), max_rows_per_page_, stream_.get());
      if (!chunk.ok()) return WithContext(chunk.status(), "column '" + batch.column_name(i) + "'");
      container_->EnterChunk(*chunk);
    }
    END_PARQUET_CATCH_EXCEPTIONS
    return Status::OK();
  }

  Result<ParquetTail> Finish() override {
    ParquetTail tail;
    BEGIN_PARQUET_CATCH_EXCEPTIONS
    ARROW_RETURN_NOT_OK(stream_->Hold());
    ARROW_RETURN_NOT_OK(writer_->Close());
    tail.offset = stream_->held_offset();
    tail.bytes = stream_->TakeHeld();
    ARROW_ASSIGN_OR_RAISE(const FooterPlace footer,
                          FindFooter(tail.bytes, tail.offset + tail.bytes.size()));
    tail.metadata_length = footer.length;
    uint32_t length = footer.length;
    tail.metadata = parquet::FileMetaData::Make(tail.metadata_bytes().data(), length);
    END_PARQUET_CATCH_EXCEPTIONS
    return tail;
  }

 private:
  std::shared_ptr<StoreStream> stream_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
  ParquetContainer* container_ = nullptr;  // of writer_
  std::set<std::string> raw_;
  int64_t max_rows_per_page_ = 1;
};

/// The number of vectors among rows [begin, end).
uint32_t CountVectors(const std::vector<uint64_t>& valid_words, uint64_t begin, uint64_t end) {
  if (valid_words.empty()) return static_cast<uint32_t>(end - begin);
  uint32_t count = 0;
  for (uint64_t row = begin; row < end;) {
    if (row % 64 == 0 && end - row >= 64) {
      count += static_cast<uint32_t>(std::popcount(valid_words[row / 64]));
      row += 64;
    } else {
      count += valid_words[row / 64] >> (row % 64) & 1;
      ++row;
    }
  }
  return count;
}

Result<std::vector<VectorPage>> PagesFromOffsetIndexes(const ParquetTail& tail, int leaf,
                                                       uint32_t dim,
                                                       const std::vector<uint64_t>& valid_words) {
  std::vector<VectorPage> pages;
  uint64_t group_start = 0;
  uint32_t vectors = 0;
  for (int group = 0; group < tail.metadata->num_row_groups(); ++group) {
    const auto row_group = tail.metadata->RowGroup(group);
    const auto location = row_group->ColumnChunk(leaf)->GetOffsetIndexLocation();
    const auto rows = static_cast<uint64_t>(row_group->num_rows());
    if (!location || static_cast<uint64_t>(location->offset) < tail.offset ||
        location->offset + location->length >
            static_cast<int64_t>(tail.offset + tail.bytes.size())) {
      return Error(ErrorKind::kCorrupt,
                   "the Parquet writer left no offset index for an embedding column");
    }
    const auto index =
        parquet::OffsetIndex::Make(tail.bytes.data() + (location->offset - tail.offset),
                                   location->length, parquet::default_reader_properties());
    const auto& locations = index->page_locations();
    for (size_t i = 0; i < locations.size(); ++i) {
      const auto first = static_cast<uint64_t>(locations[i].first_row_index);
      const uint64_t end = i + 1 < locations.size() ? locations[i + 1].first_row_index : rows;
      VectorPage page;
      page.first_row = static_cast<uint32_t>(group_start + first);
      page.row_count = static_cast<uint32_t>(end - first);
      page.first_vector = vectors;
      page.vector_count = CountVectors(valid_words, group_start + first, group_start + end);
      page.floats_offset = static_cast<uint64_t>(locations[i].offset) +
                           locations[i].compressed_page_size -
                           uint64_t{page.vector_count} * dim * sizeof(float);
      vectors += page.vector_count;
      pages.push_back(page);
    }
    group_start += rows;
  }
  return pages;
}

}  // namespace

Result<std::unique_ptr<ParquetWriter>> ParquetWriter::Open(
    StoreWriter* out, const std::shared_ptr<arrow::Schema>& schema, const ParquetLayout& layout) {
  auto writer = std::make_unique<ParquetWriterImpl>(out);
  BEGIN_PARQUET_CATCH_EXCEPTIONS
  ARROW_RETURN_NOT_OK(writer->Start(schema, layout));
  END_PARQUET_CATCH_EXCEPTIONS
  return writer;
}

Result<std::vector<VectorPage>> FindVectorPages(const ParquetTail& tail, const std::string& column,
                                                uint32_t dim,
                                                const std::vector<uint64_t>& valid_words) {
  const int leaf = EmbeddingLeaf(*tail.metadata, column);
  if (leaf < 0)
    return Error(ErrorKind::kNotFound, "the file has no embedding column '", column, "'");
  BEGIN_PARQUET_CATCH_EXCEPTIONS
  return PagesFromOffsetIndexes(tail, leaf, dim, valid_words);
  END_PARQUET_CATCH_EXCEPTIONS
}

int EmbeddingLeaf(const parquet::FileMetaData& metadata, const std::string& column) {
  const auto& schema = *metadata.schema();
  for (int leaf = 0; leaf < schema.num_columns(); ++leaf) {
    const auto path = schema.Column(leaf)->path()->ToDotVector();
    if (path.size() == 3 && path[0] == column &&
        schema.Column(leaf)->physical_type() == parquet::Type::FLOAT) {
      return leaf;
    }
  }
  return -1;
}

}  // namespace tarn::format
