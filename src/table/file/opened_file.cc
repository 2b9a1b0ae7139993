// SPDX-License-Identifier: Apache-2.0
#include "table/file/opened_file.h"

#include <charconv>

#include "arrow/io/memory.h"
#include "arrow/util/key_value_metadata.h"
#include "base/crc32c.h"
#include "format/parquet_footer.h"
#include "format/parquet_writer.h"
#include "format/sectioned_file.h"
#include "parquet/arrow/reader.h"
#include "parquet/arrow/schema.h"
#include "parquet/exception.h"
#include "parquet/file_reader.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"

namespace tarn {
namespace {

using arrow::KeyValueMetadata;

constexpr char kArrowSchemaKey[] = "ARROW:schema";

std::optional<std::string> Key(const OpenedFile& file, std::string_view key) {
  const auto& keys = file.metadata->key_value_metadata();
  if (keys == nullptr) return std::nullopt;
  const int at = keys->FindKey(key);
  return at < 0 ? std::nullopt : std::optional(keys->value(at));
}

/// An offset key: 0 when absent, and UINT64_MAX, which fits no file, when it is not a number.
uint64_t OffsetKey(const OpenedFile& file, std::string_view key) {
  const auto text = Key(file, key);
  if (!text) return 0;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  return error == std::errc() && end == text->data() + text->size() ? value : UINT64_MAX;
}

/// Arrow's own schema, where another writer left one, would give columns types that we never store.
Result<std::shared_ptr<parquet::FileMetaData>> ParseMetadata(std::span<const std::byte> bytes) {
  BEGIN_PARQUET_CATCH_EXCEPTIONS
  auto metadata = parquet::FileMetaData::Make(bytes.data(), static_cast<int64_t>(bytes.size()));
  const auto& keys = metadata->key_value_metadata();
  if (keys == nullptr || keys->FindKey(kArrowSchemaKey) < 0) return metadata;
  ARROW_ASSIGN_OR_RAISE(const auto edited, format::RemoveFooterKey(bytes, kArrowSchemaKey));
  return parquet::FileMetaData::Make(edited.data(), static_cast<int64_t>(edited.size()));
  END_PARQUET_CATCH_EXCEPTIONS
}

/// Readers count rows and groups with these numbers before they meet any data.
Status CheckRowCounts(const parquet::FileMetaData& metadata) {
  BEGIN_PARQUET_CATCH_EXCEPTIONS
  int64_t rows = 0;
  for (int group = 0; group < metadata.num_row_groups(); ++group) {
    const int64_t group_rows = metadata.RowGroup(group)->num_rows();
    if (group_rows < 0 || group_rows > UINT32_MAX - rows) {
      return Error(ErrorKind::kCorrupt, "Parquet footer: row group ", group, " has ", group_rows,
                   " rows");
    }
    rows += group_rows;
  }
  if (rows != metadata.num_rows()) {
    return Error(ErrorKind::kCorrupt, "Parquet footer: the row groups hold ", rows,
                 " rows, the file ", metadata.num_rows());
  }
  END_PARQUET_CATCH_EXCEPTIONS
  return Status::OK();
}

/// Whether the keys were copied from another file, its footer's checksum among them: one damaged
/// place may spoil the key that says where the footer begins, or the checksum of what lies before
/// it, but not both. Reads the whole file where the first does not fit.
bool KeysAreOfAnotherFile(std::span<const std::byte> file, const format::FooterPlace& place) {
  const auto keys = format::ReadFooterKeys(file.subspan(place.offset, place.length));
  if (!keys.ok()) return false;
  const auto differs = [&](std::string_view key, const auto& expected) {
    for (const auto& [name, value] : *keys) {
      if (name == key) return value && *value != expected();
    }
    return false;
  };
  return differs(format::kSectionsEndKey, [&] { return std::to_string(place.offset); }) &&
         differs(format::kDataChecksumKey,
                 [&] { return format::ChecksumText(Crc32c(file.first(place.offset))); });
}

Status ReadFooter(OpenedFile* file) {
  ARROW_ASSIGN_OR_RAISE(const auto place,
                        format::FindFooter(file->bytes->bytes(), file->bytes->size()));
  const auto bytes = file->bytes->bytes().subspan(place.offset, place.length);
  file->footer_offset = place.offset;
  const Status seal = format::CheckFooterSeal(bytes);
  if (!seal.ok() && !KeysAreOfAnotherFile(file->bytes->bytes(), place)) return seal;
  auto metadata = ParseMetadata(bytes);
  if (!metadata.ok())
    return Error(ErrorKind::kCorrupt, "Parquet footer: ", metadata.status().message());
  file->metadata = metadata.MoveValueUnsafe();
  BEGIN_PARQUET_CATCH_EXCEPTIONS
  const Status status = parquet::arrow::FromParquetSchema(
      file->metadata->schema(), ReaderProperties(), nullptr, &file->schema);
  if (!status.ok()) return Error(ErrorKind::kNotSupported, "Parquet schema: ", status.message());
  END_PARQUET_CATCH_EXCEPTIONS
  return CheckRowCounts(*file->metadata);
}

Result<ColumnSections> OpenColumn(const OpenedFile& file, const std::string& column) {
  if (format::EmbeddingLeaf(*file.metadata, column) < 0) {
    return Error(ErrorKind::kCorrupt, "a page map is of '", column,
                 "', which is no column of float lists");
  }
  ColumnSections sections;
  const auto bytes = file.bytes->bytes();
  ARROW_ASSIGN_OR_RAISE(sections.map_section,
                        format::Section::Open(bytes, OffsetKey(file, format::PageMapKey(column)),
                                              file.footer_offset, format::SectionKind::kPageMap));
  ARROW_ASSIGN_OR_RAISE(sections.page_map, format::PageMap::Open(sections.map_section, bytes,
                                                                 sections.map_section.offset()));
  const format::SectionInfo& info = sections.map_section.info();
  sections.policy.column_name = column;
  sections.policy.dim = static_cast<int32_t>(info.dim);
  sections.policy.metric = info.metric;
  sections.policy.precision = info.precision;
  sections.policy.keep_raw_for_reranking = (info.flags & format::kFlagNoRaw) == 0;
  if (sections.page_map.rows() != static_cast<uint64_t>(file.rows())) {
    return Error(ErrorKind::kCorrupt, "the page map of '", column, "' is of ",
                 sections.page_map.rows(), " rows, the file has ", file.rows());
  }
  const bool primary = column == file.primary_column;
  const uint64_t offset = OffsetKey(file, primary ? std::string(format::kPrimarySectionKey)
                                                  : format::SecondarySectionKey(column));
  if (offset == 0) return sections;
  ARROW_ASSIGN_OR_RAISE(sections.index, format::Section::Open(bytes, offset, file.footer_offset,
                                                              format::SectionKind::kVectorIndex));
  const format::SectionInfo& indexed = sections.index->info();
  if (indexed.dim != info.dim || indexed.metric != info.metric ||
      indexed.precision != info.precision || indexed.record_count != info.record_count) {
    return Error(ErrorKind::kCorrupt, "the index and the page map of '", column, "' disagree");
  }
  return sections;
}

/// Whether any key still leads to a section.
bool AnySectionOpens(const OpenedFile& file, const std::vector<std::string>& columns) {
  for (const std::string& column : columns) {
    if (format::Section::Open(file.bytes->bytes(), OffsetKey(file, format::PageMapKey(column)),
                              file.footer_offset, format::SectionKind::kPageMap)
            .ok()) {
      return true;
    }
  }
  return false;
}

Status ReadSections(OpenedFile* file) {
  std::vector<std::string> columns;
  const auto& keys = file->metadata->key_value_metadata();
  for (int64_t i = 0; keys != nullptr && i < keys->size(); ++i) {
    const std::string column(format::ColumnOfPageMapKey(keys->key(i)));
    if (!column.empty() && OffsetKey(*file, keys->key(i)) != 0) columns.push_back(column);
  }
  if (OffsetKey(*file, format::kSectionsEndKey) != file->footer_offset) {
    // Rewritten by a tool that copied our keys: an ordinary Parquet file.
    if (!AnySectionOpens(*file, columns)) return Status::OK();
    return Error(ErrorKind::kCorrupt, "footer key ", format::kSectionsEndKey,
                 " does not fit the file");
  }
  file->data_checksum = Key(*file, format::kDataChecksumKey);
  const auto footer = file->bytes->bytes().subspan(file->footer_offset);
  if (!file->data_checksum || !format::HasFooterSeal(footer)) {
    return Error(ErrorKind::kCorrupt, "the footer has lost a checksum key");
  }
  file->primary_column = Key(*file, format::kVectorColumnKey).value_or("");
  for (const std::string& column : columns) {
    ARROW_ASSIGN_OR_RAISE(ColumnSections sections, OpenColumn(*file, column));
    const auto place = column == file->primary_column ? file->columns.begin() : file->columns.end();
    file->columns.insert(place, std::move(sections));
  }
  if (!file->primary_column.empty() && file->Find(file->primary_column) == nullptr) {
    return Error(ErrorKind::kCorrupt, "footer key ", format::kVectorColumnKey, " names '",
                 file->primary_column, "', which has no page map");
  }
  return Status::OK();
}

}  // namespace

int64_t OpenedFile::rows() const { return metadata->num_rows(); }

const ColumnSections* OpenedFile::Find(const std::string& column) const {
  for (const ColumnSections& sections : columns) {
    if (sections.policy.column_name == column) return &sections;
  }
  return nullptr;
}

Result<std::unique_ptr<parquet::arrow::FileReader>> OpenedFile::NewParquetReader() const {
  BEGIN_PARQUET_CATCH_EXCEPTIONS
  auto reader = parquet::ParquetFileReader::Open(SourceOf(bytes->bytes()),
                                                 parquet::default_reader_properties(), metadata);
  return parquet::arrow::FileReader::Make(arrow::default_memory_pool(), std::move(reader),
                                          ReaderProperties());
  END_PARQUET_CATCH_EXCEPTIONS
}

parquet::ArrowReaderProperties ReaderProperties() {
  parquet::ArrowReaderProperties properties;
  properties.set_arrow_extensions_enabled(true);
  properties.set_pre_buffer(false);
  // Old files of other engines; in nanoseconds, their range would be small.
  properties.set_coerce_int96_timestamp_unit(arrow::TimeUnit::MICRO);
  return properties;
}

std::shared_ptr<arrow::io::RandomAccessFile> SourceOf(std::span<const std::byte> bytes) {
  return std::make_shared<arrow::io::BufferReader>(std::make_shared<arrow::Buffer>(
      reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<int64_t>(bytes.size())));
}

Result<std::shared_ptr<const OpenedFile>> OpenFile(Store& store, const std::string& path) {
  auto file = std::make_shared<OpenedFile>();
  file->path = path;
  ARROW_ASSIGN_OR_RAISE(file->bytes, store.Map(path));
  Status status = ReadFooter(file.get());
  if (status.ok()) status = ReadSections(file.get());
  if (!status.ok()) return WithContext(status, "file '" + path + "'");
  return file;
}

}  // namespace tarn
