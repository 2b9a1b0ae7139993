// SPDX-License-Identifier: Apache-2.0
#include "table/file/leaf_copier.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "arrow/buffer.h"
#include "arrow/io/memory.h"
#include "parquet/column_reader.h"
#include "parquet/column_writer.h"
#include "parquet/file_reader.h"
#include "parquet/metadata.h"
#include "parquet/page_index.h"
#include "parquet/properties.h"

namespace tarn {
namespace {

constexpr int64_t kBatchLevels = 1024;

Status Damaged(const OpenedFile& file, const char* what) {
  return Error(ErrorKind::kCorrupt, "file '", file.path, "': ", what);
}

/// Pages of a column chunk as one stream, and which of its records are wanted.
struct ChosenPages {
  std::shared_ptr<arrow::Buffer> bytes;
  std::vector<uint64_t> records;  ///< ascending, counted from the first record of `bytes`
};

/// A column chunk's bytes [begin, end) in the file.
struct ChunkRange {
  uint64_t begin = 0;
  uint64_t end = 0;
};

Result<ChunkRange> RangeOf(const OpenedFile& file, const parquet::ColumnChunkMetaData& chunk) {
  int64_t begin = chunk.data_page_offset();
  if (chunk.has_dictionary_page() && chunk.dictionary_page_offset() > 0) {
    begin = std::min(begin, chunk.dictionary_page_offset());
  }
  const int64_t length = chunk.total_compressed_size();
  const auto limit = static_cast<int64_t>(file.footer_offset);
  if (begin < 0 || length < 0 || begin > limit || length > limit - begin) {
    return Damaged(file, "a column chunk lies outside the file's data");
  }
  return ChunkRange{static_cast<uint64_t>(begin), static_cast<uint64_t>(begin + length)};
}

std::shared_ptr<arrow::Buffer> ViewOf(const OpenedFile& file, uint64_t begin, uint64_t end) {
  return std::make_shared<arrow::Buffer>(
      reinterpret_cast<const uint8_t*>(file.bytes->bytes().data()) + begin,
      static_cast<int64_t>(end - begin));
}

/// The dictionary page and those pages that hold the rows; the whole chunk when it has no offset
/// index.
Result<ChosenPages> ChoosePages(const OpenedFile& file, const parquet::OffsetIndex* index,
                                const ChunkRange& chunk, std::span<const uint32_t> rows) {
  ChosenPages out;
  if (index == nullptr || index->page_locations().empty()) {
    out.bytes = ViewOf(file, chunk.begin, chunk.end);
    out.records.assign(rows.begin(), rows.end());
    return out;
  }
  const auto& pages = index->page_locations();
  const auto first_page = static_cast<uint64_t>(pages[0].offset);
  if (first_page < chunk.begin || first_page > chunk.end)
    return Damaged(file, "an offset index does not fit its pages");
  std::vector<std::shared_ptr<arrow::Buffer>> parts{ViewOf(file, chunk.begin, first_page)};
  uint64_t records_before = 0;
  size_t row = 0;
  for (size_t page = 0; page < pages.size() && row < rows.size(); ++page) {
    const bool last = page + 1 == pages.size();
    const auto begin = static_cast<uint64_t>(pages[page].offset);
    const uint64_t first_row = static_cast<uint64_t>(pages[page].first_row_index);
    const uint64_t end_row =
        last ? uint64_t{UINT32_MAX} + 1 : static_cast<uint64_t>(pages[page + 1].first_row_index);
    if (pages[page].compressed_page_size < 0 || begin < chunk.begin || begin > chunk.end ||
        static_cast<uint64_t>(pages[page].compressed_page_size) > chunk.end - begin ||
        end_row < first_row) {
      return Damaged(file, "an offset index does not fit its pages");
    }
    if (rows[row] >= end_row) continue;
    parts.push_back(ViewOf(file, begin, begin + pages[page].compressed_page_size));
    for (; row < rows.size() && rows[row] < end_row; ++row) {
      if (rows[row] < first_row) return Damaged(file, "an offset index does not fit its rows");
      out.records.push_back(records_before + rows[row] - first_row);
    }
    records_before += end_row - first_row;
  }
  ARROW_ASSIGN_OR_RAISE(out.bytes, arrow::ConcatenateBuffers(parts));
  return out;
}

/// Copies the wanted records of a stream of levels and values.
template <typename DType>
class RecordCopier {
 public:
  using Value = typename DType::c_type;

  RecordCopier(const parquet::ColumnDescriptor& descriptor, parquet::ColumnWriter* out)
      : max_def_(descriptor.max_definition_level()),
        max_rep_(descriptor.max_repetition_level()),
        out_(static_cast<parquet::TypedColumnWriter<DType>*>(out)) {}

  /// Returns the number of wanted records that were found.
  size_t Copy(parquet::ColumnReader* column, std::span<const uint64_t> records) {
    auto* reader = static_cast<parquet::TypedColumnReader<DType>*>(column);
    size_t wanted = 0;
    bool copying = false;
    uint64_t next_record = 0;
    if (max_rep_ == 0 && !records.empty())
      next_record = static_cast<uint64_t>(reader->Skip(static_cast<int64_t>(records[0])));
    // A repeated record goes on until the next one begins.
    while ((wanted < records.size() || (copying && max_rep_ > 0)) && reader->HasNext()) {
      int64_t values_read = 0;
      const int64_t levels = reader->ReadBatch(kBatchLevels, def_, rep_, values_, &values_read);
      if (levels == 0 && values_read == 0) break;
      Start();
      for (int64_t i = 0, value = 0; i < levels; ++i) {
        if (max_rep_ == 0 || rep_[i] == 0) {
          copying = wanted < records.size() && records[wanted] == next_record;
          wanted += copying;
          ++next_record;
        }
        const bool has_value = max_def_ == 0 || def_[i] == max_def_;
        if (copying) Keep(i, has_value ? &values_[value] : nullptr);
        value += has_value;
      }
      // The values point into the page, which the next batch may replace.
      Flush();
    }
    return wanted;
  }

 private:
  void Start() { levels_out_ = values_out_ = 0; }
  void Keep(int64_t level, const Value* value) {
    def_out_[levels_out_] = max_def_ > 0 ? def_[level] : 0;
    rep_out_[levels_out_] = max_rep_ > 0 ? rep_[level] : 0;
    ++levels_out_;
    if (value != nullptr) values_out_data_[values_out_++] = *value;
  }
  void Flush() {
    if (levels_out_ > 0) {
      out_->WriteBatch(levels_out_, max_def_ > 0 ? def_out_ : nullptr,
                       max_rep_ > 0 ? rep_out_ : nullptr, values_out_data_);
    }
  }

  const int16_t max_def_;
  const int16_t max_rep_;
  parquet::TypedColumnWriter<DType>* out_;
  int64_t levels_out_ = 0;
  int64_t values_out_ = 0;
  int16_t def_[kBatchLevels] = {};
  int16_t rep_[kBatchLevels] = {};
  int16_t def_out_[kBatchLevels] = {};
  int16_t rep_out_[kBatchLevels] = {};
  Value values_[kBatchLevels] = {};
  Value values_out_data_[kBatchLevels] = {};
};

template <typename DType>
size_t CopyRecords(parquet::ColumnReader* reader, std::span<const uint64_t> records,
                   parquet::ColumnWriter* out) {
  return RecordCopier<DType>(*reader->descr(), out).Copy(reader, records);
}

size_t CopyRecordsOfType(parquet::ColumnReader* reader, std::span<const uint64_t> records,
                         parquet::ColumnWriter* out) {
  switch (reader->type()) {
    case parquet::Type::BOOLEAN:
      return CopyRecords<parquet::BooleanType>(reader, records, out);
    case parquet::Type::INT32:
      return CopyRecords<parquet::Int32Type>(reader, records, out);
    case parquet::Type::INT64:
      return CopyRecords<parquet::Int64Type>(reader, records, out);
    case parquet::Type::INT96:
      return CopyRecords<parquet::Int96Type>(reader, records, out);
    case parquet::Type::FLOAT:
      return CopyRecords<parquet::FloatType>(reader, records, out);
    case parquet::Type::DOUBLE:
      return CopyRecords<parquet::DoubleType>(reader, records, out);
    case parquet::Type::BYTE_ARRAY:
      return CopyRecords<parquet::ByteArrayType>(reader, records, out);
    case parquet::Type::FIXED_LEN_BYTE_ARRAY:
      return CopyRecords<parquet::FLBAType>(reader, records, out);
    default:
      return 0;
  }
}

}  // namespace

Status CopyLeafRows(const OpenedFile& file, parquet::ParquetFileReader& reader, int row_group,
                    int leaf, std::span<const uint32_t> rows, parquet::ColumnWriter* out) {
  const auto group = file.metadata->RowGroup(row_group);
  const auto chunk = group->ColumnChunk(leaf);
  std::shared_ptr<parquet::OffsetIndex> index;
  if (chunk->GetOffsetIndexLocation()) {
    const auto indexes = reader.GetPageIndexReader();
    const auto of_group = indexes == nullptr ? nullptr : indexes->RowGroup(row_group);
    if (of_group != nullptr) index = of_group->GetOffsetIndex(leaf);
  }
  ARROW_ASSIGN_OR_RAISE(const ChunkRange range, RangeOf(file, *chunk));
  ARROW_ASSIGN_OR_RAISE(const ChosenPages pages, ChoosePages(file, index.get(), range, rows));
  const parquet::ColumnDescriptor& descriptor = *file.metadata->schema()->Column(leaf);
  auto pager = parquet::PageReader::Open(std::make_shared<arrow::io::BufferReader>(pages.bytes),
                                         chunk->num_values(), chunk->compression(),
                                         parquet::default_reader_properties(), descriptor);
  const auto column = parquet::ColumnReader::Make(&descriptor, std::move(pager));
  const size_t copied = CopyRecordsOfType(column.get(), pages.records, out);
  if (copied != rows.size())
    return Damaged(file, "a column chunk holds fewer rows than its row group");
  return Status::OK();
}

}  // namespace tarn
