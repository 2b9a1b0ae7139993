// SPDX-License-Identifier: Apache-2.0
//
// Sections between the row groups and the footer of a Parquet file, and the footer keys that name
// them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/checksummed_writer.h"
#include "format/parquet_footer.h"
#include "format/parquet_writer.h"
#include "format/section_builder.h"

namespace tarn::format {

// Footer keys of the file (docs/formats/ailk-v2.md).
inline constexpr std::string_view kVersionKey = "ailake.format_version";
inline constexpr std::string_view kVectorColumnKey = "ailake.vector_column";
inline constexpr std::string_view kPrimarySectionKey = "ailake.footer_offset";
inline constexpr std::string_view kPrecisionKey = "ailake.precision";
inline constexpr std::string_view kMetricKey = "ailake.metric";
inline constexpr std::string_view kDimKey = "ailake.dim";
inline constexpr std::string_view kRecordCountKey = "ailake.record_count";
/// Where the sections end and the footer begins. Tools that rewrite a file with its key/values but
/// without its sections leave a number that no longer fits, which tells their files from damaged
/// ones.
inline constexpr std::string_view kSectionsEndKey = "tarn.sections_end";
/// CRC-32C, as eight hex digits, of every byte before the footer.
inline constexpr std::string_view kDataChecksumKey = "tarn.data_crc32c";
/// "ailake.<column>.footer_offset", of a column that is not the primary one.
std::string SecondarySectionKey(std::string_view column);
/// "tarn.<column>.page_map_offset".
std::string PageMapKey(std::string_view column);
/// The column of a PageMapKey; empty when it is another key.
std::string_view ColumnOfPageMapKey(std::string_view key);

/// A section, and the footer key that will hold its offset.
struct KeyedSection {
  std::string key;
  NewSection section;
};

/// What was added to a file.
struct SectionedFile {
  uint64_t size = 0;           ///< of the whole file
  uint64_t section_bytes = 0;  ///< sections and the padding before them
  std::shared_ptr<parquet::FileMetaData> metadata;
};

/// Writes the page indexes of the tail, the sections, and the footer with `keys` and the sections'
/// offsets set. Everything before the tail must have gone through `out`. Does not commit.
Result<SectionedFile> FinishFile(ChecksummedWriter* out, const ParquetTail& tail,
                                 const std::vector<KeyedSection>& sections, FooterKeys keys);

/// Copies a finished Parquet file up to its footer, byte for byte, then continues as FinishFile
/// does: nothing is decoded or encoded again, and every older section stays where it was. Does not
/// commit.
Result<SectionedFile> AppendSections(std::span<const std::byte> file, StoreWriter* out,
                                     const std::vector<KeyedSection>& sections, FooterKeys keys);

/// The same, but only the first `keep` bytes are copied, which must hold everything that the footer
/// leads to. Sections behind them are gone: `sections` or `keys` must set the keys that named them.
Result<SectionedFile> ReplaceSections(std::span<const std::byte> file, uint64_t keep,
                                      StoreWriter* out, const std::vector<KeyedSection>& sections,
                                      FooterKeys keys);

}  // namespace tarn::format
