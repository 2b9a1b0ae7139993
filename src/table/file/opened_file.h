// SPDX-License-Identifier: Apache-2.0
//
// OpenedFile: a data file mapped, its footer and section headers read, nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/io/type_fwd.h"
#include "arrow/type_fwd.h"
#include "format/page_map.h"
#include "format/section.h"
#include "tarn/store.h"
#include "tarn/types.h"

namespace parquet {
class ArrowReaderProperties;
class FileMetaData;
namespace arrow {
class FileReader;
}
}  // namespace parquet

namespace tarn {

/// The sections of one vector column.
struct ColumnSections {
  /// As the page map's header has it.
  VectorStoragePolicy policy;
  format::Section map_section;
  format::PageMap page_map;
  std::optional<format::Section> index;
};

/// Immutable and thread-safe.
struct OpenedFile {
  std::string path;
  std::shared_ptr<StoreBytes> bytes;
  /// Of the data, in front of the footer.
  uint64_t footer_offset = 0;
  std::shared_ptr<parquet::FileMetaData> metadata;
  std::shared_ptr<arrow::Schema> schema;
  /// Columns with a page map, the primary one first. Empty for files of other engines, and for
  /// files that another engine rewrote with our footer keys but without our sections.
  std::vector<ColumnSections> columns;
  std::string primary_column;
  /// Of every byte before the footer, as the footer has it; nullopt where the file is not ours.
  std::optional<std::string> data_checksum;

  int64_t rows() const;
  const ColumnSections* Find(const std::string& column) const;
  /// A new Parquet reader over the mapped bytes, for one thread.
  Result<std::unique_ptr<parquet::arrow::FileReader>> NewParquetReader() const;
};

/// Errors as AilakeFileReader::Open.
Result<std::shared_ptr<const OpenedFile>> OpenFile(Store& store, const std::string& path);

/// How Parquet becomes Arrow, everywhere: UUIDs keep their type, nothing else is special.
parquet::ArrowReaderProperties ReaderProperties();

/// Parquet over mapped bytes, which must outlive it.
std::shared_ptr<arrow::io::RandomAccessFile> SourceOf(std::span<const std::byte> bytes);

}  // namespace tarn
