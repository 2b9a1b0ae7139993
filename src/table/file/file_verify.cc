// SPDX-License-Identifier: Apache-2.0
#include "table/file/file_verify.h"

#include <cstring>

#include "arrow/util/key_value_metadata.h"
#include "base/crc32c.h"
#include "format/parquet_writer.h"
#include "format/sectioned_file.h"
#include "parquet/column_page.h"
#include "parquet/column_reader.h"
#include "parquet/exception.h"
#include "parquet/file_reader.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"
#include "table/file/decoded_vectors.h"
#include "table/file/raw_vectors.h"

namespace tarn {
namespace {

Status Damaged(const std::string& what) { return Error(ErrorKind::kCorrupt, what); }

/// Whether another engine wrote the column's pages.
bool IsForeign(const ColumnSections& sections) {
  return (sections.map_section.info().flags & format::kFlagForeign) != 0;
}

/// The vectors beside the index of a foreign column must be those of its pages.
Status CheckForeignVectors(const OpenedFile& file, const ColumnSections& sections) {
  const auto differs = [&](const std::string& what) {
    return Damaged(what + " of '" + sections.policy.column_name + "' differ from its pages");
  };
  DecodedVectors decoded;
  ARROW_RETURN_NOT_OK(DecodeVectors(file, sections.policy, &decoded));
  std::vector<uint32_t> rows;
  sections.page_map.AppendRows(0, static_cast<uint32_t>(sections.page_map.rows()), &rows);
  if (rows != decoded.rows) return differs("the rows with a vector");
  const auto raw = sections.index ? RawVectors::Of(*sections.index) : std::nullopt;
  if (!raw) return Status::OK();
  std::vector<float> vector(sections.page_map.dim());
  for (size_t rank = 0; rank < rows.size(); ++rank) {
    if (rank >= raw->count()) return differs("the exact vectors");
    WidenValues(raw->precision(), raw->step(), raw->row(rank), vector.size(), vector.data());
    if (std::memcmp(vector.data(), decoded.values.data() + rank * vector.size(),
                    vector.size() * sizeof(float)) != 0) {
      return differs("the exact vectors");
    }
  }
  return Status::OK();
}

/// Compares the pages of a raw embedding column with its page map.
class PageMapCheck {
 public:
  PageMapCheck(const OpenedFile& file, const ColumnSections& sections)
      : file_(file), sections_(sections) {}

  Status Visit(const parquet::DataPage& page) {
    const auto pages = sections_.page_map.pages();
    if (next_ >= pages.size()) return Damaged(Name() + " has fewer pages than its column");
    const format::VectorPage& mapped = pages[next_++];
    const uint64_t floats =
        uint64_t{mapped.vector_count} * sections_.page_map.dim() * sizeof(float);
    // Every null row takes one level, every vector one for each element.
    const uint64_t levels = mapped.row_count - mapped.vector_count +
                            uint64_t{mapped.vector_count} * sections_.page_map.dim();
    if (page.encoding() != parquet::Encoding::PLAIN ||
        static_cast<uint64_t>(page.num_values()) != levels ||
        static_cast<uint64_t>(page.size()) < floats) {
      return Damaged(Name() + ": page " + std::to_string(next_ - 1) +
                     " is not the one the page map describes");
    }
    const std::byte* mapped_floats = file_.bytes->bytes().data() + mapped.floats_offset;
    if (floats > 0 && std::memcmp(page.data() + page.size() - floats, mapped_floats, floats) != 0) {
      return Damaged(Name() + ": the floats of page " + std::to_string(next_ - 1) +
                     " lie elsewhere");
    }
    return Status::OK();
  }

  Status Finish() const {
    return next_ == sections_.page_map.pages().size()
               ? Status::OK()
               : Damaged(Name() + " has more pages than its column");
  }

 private:
  std::string Name() const { return "page map of '" + sections_.policy.column_name + "'"; }
  const OpenedFile& file_;
  const ColumnSections& sections_;
  size_t next_ = 0;
};

Status VerifyChunk(parquet::ParquetFileReader& reader, int group, int leaf, PageMapCheck* check) {
  const auto metadata = reader.metadata()->RowGroup(group)->ColumnChunk(leaf);
  const auto pages = reader.RowGroup(group)->GetColumnPageReader(leaf);
  int64_t values = 0;
  while (const std::shared_ptr<parquet::Page> page = pages->NextPage()) {
    if (page->type() != parquet::PageType::DATA_PAGE &&
        page->type() != parquet::PageType::DATA_PAGE_V2)
      continue;
    const auto& data = static_cast<const parquet::DataPage&>(*page);
    values += data.num_values();
    if (check != nullptr) ARROW_RETURN_NOT_OK(check->Visit(data));
  }
  if (values != metadata->num_values()) {
    return Damaged("the pages hold " + std::to_string(values) + " values, the footer says " +
                   std::to_string(metadata->num_values()));
  }
  return Status::OK();
}

Status VerifyParquet(const OpenedFile& file) {
  parquet::ReaderProperties properties = parquet::default_reader_properties();
  properties.set_page_checksum_verification(true);
  BEGIN_PARQUET_CATCH_EXCEPTIONS
  const auto reader =
      parquet::ParquetFileReader::Open(SourceOf(file.bytes->bytes()), properties, file.metadata);
  for (int leaf = 0; leaf < file.metadata->num_columns(); ++leaf) {
    const std::string path = file.metadata->schema()->Column(leaf)->path()->ToDotString();
    const ColumnSections* sections = file.Find(path.substr(0, path.rfind(".list.element")));
    const bool raw = sections != nullptr && sections->policy.precision == VectorPrecision::kF32 &&
                     !IsForeign(*sections) &&
                     format::EmbeddingLeaf(*file.metadata, sections->policy.column_name) == leaf;
    std::optional<PageMapCheck> check;
    if (raw) check.emplace(file, *sections);
    for (int group = 0; group < file.metadata->num_row_groups(); ++group) {
      Status status;
      try {
        status = VerifyChunk(*reader, group, leaf, check ? &*check : nullptr);
      } catch (const parquet::ParquetException& e) {
        status = Damaged(e.what());
      }
      if (!status.ok())
        return WithContext(status, "column '" + path + "', row group " + std::to_string(group));
    }
    if (check) ARROW_RETURN_NOT_OK(check->Finish());
  }
  END_PARQUET_CATCH_EXCEPTIONS
  return Status::OK();
}

Status ExpectKey(const OpenedFile& file, std::string_view key, std::string_view value) {
  const auto& keys = file.metadata->key_value_metadata();
  const int at = keys == nullptr ? -1 : keys->FindKey(key);
  const std::string found = at < 0 ? "" : keys->value(at);
  if (at >= 0 && found == value) return Status::OK();
  return Error(ErrorKind::kCorrupt, "footer key ", key, " is '", found, "', not '", value, "'");
}

Status VerifyKeys(const OpenedFile& file) {
  const ColumnSections* primary = file.Find(file.primary_column);
  if (primary == nullptr) return Status::OK();
  ARROW_RETURN_NOT_OK(
      ExpectKey(file, format::kVersionKey, std::to_string(format::kSectionVersion)));
  ARROW_RETURN_NOT_OK(ExpectKey(file, format::kDimKey, std::to_string(primary->policy.dim)));
  ARROW_RETURN_NOT_OK(ExpectKey(file, format::kMetricKey, MetricName(primary->policy.metric)));
  ARROW_RETURN_NOT_OK(
      ExpectKey(file, format::kPrecisionKey, PrecisionName(primary->policy.precision)));
  return ExpectKey(file, format::kRecordCountKey, std::to_string(file.rows()));
}

}  // namespace

Status VerifyFile(const OpenedFile& file) {
  if (std::memcmp(file.bytes->bytes().data(), "PAR1", 4) != 0)
    return Damaged("the file does not begin with PAR1");
  ARROW_RETURN_NOT_OK(VerifyKeys(file));
  // The parts first: their messages say more than the whole's.
  for (const ColumnSections& column : file.columns) {
    ARROW_RETURN_NOT_OK(column.map_section.Verify());
    ARROW_RETURN_NOT_OK(column.page_map.Verify());
    if (column.index) ARROW_RETURN_NOT_OK(column.index->Verify());
  }
  ARROW_RETURN_NOT_OK(VerifyParquet(file));
  for (const ColumnSections& column : file.columns) {
    if (IsForeign(column)) ARROW_RETURN_NOT_OK(CheckForeignVectors(file, column));
  }
  const auto data = file.bytes->bytes().first(file.footer_offset);
  if (file.data_checksum && format::ChecksumText(Crc32c(data)) != *file.data_checksum) {
    return Damaged(
        "the checksum of all bytes before the footer does not match; pages and sections are whole, "
        "so it is page indexes, page headers or padding");
  }
  return Status::OK();
}

}  // namespace tarn
