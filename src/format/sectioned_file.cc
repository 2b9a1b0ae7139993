// SPDX-License-Identifier: Apache-2.0
#include "format/sectioned_file.h"

#include "parquet/exception.h"
#include "parquet/metadata.h"

namespace tarn::format {
namespace {

constexpr std::string_view kPageMapPrefix = "tarn.";
constexpr std::string_view kPageMapSuffix = ".page_map_offset";

/// Parsing the edited footer proves that every Parquet reader can.
Result<std::shared_ptr<parquet::FileMetaData>> Reparse(std::span<const std::byte> metadata) {
  BEGIN_PARQUET_CATCH_EXCEPTIONS
  return parquet::FileMetaData::Make(metadata.data(), static_cast<int64_t>(metadata.size()));
  END_PARQUET_CATCH_EXCEPTIONS
}

Result<SectionedFile> WriteSectionsAndFooter(ChecksummedWriter* out,
                                             std::span<const std::byte> metadata,
                                             const std::vector<KeyedSection>& sections,
                                             FooterKeys keys) {
  SectionedFile written;
  const uint64_t start = out->position();
  const ByteSink sink = [out](std::span<const std::byte> bytes) { return out->Append(bytes); };
  for (const KeyedSection& section : sections) {
    ARROW_ASSIGN_OR_RAISE(const SectionPlace place,
                          WriteSection(section.section, out->position(), sink));
    keys.emplace_back(section.key, std::to_string(place.offset));
  }
  written.section_bytes = out->position() - start;
  keys.emplace_back(kSectionsEndKey, std::to_string(out->position()));
  keys.emplace_back(kDataChecksumKey, ChecksumText(out->crc()));
  ARROW_ASSIGN_OR_RAISE(const auto edited, SealFooter(metadata, std::move(keys)));
  ARROW_ASSIGN_OR_RAISE(written.metadata, Reparse(edited));
  ARROW_RETURN_NOT_OK(out->Append(FooterTail(edited)));
  written.size = out->position();
  return written;
}

}  // namespace

std::string SecondarySectionKey(std::string_view column) {
  std::string key("ailake.");
  key.append(column).append(".footer_offset");
  return key;
}

std::string PageMapKey(std::string_view column) {
  std::string key(kPageMapPrefix);
  key.append(column).append(kPageMapSuffix);
  return key;
}

std::string_view ColumnOfPageMapKey(std::string_view key) {
  if (key.size() <= kPageMapPrefix.size() + kPageMapSuffix.size() ||
      !key.starts_with(kPageMapPrefix) || !key.ends_with(kPageMapSuffix)) {
    return {};
  }
  key.remove_prefix(kPageMapPrefix.size());
  key.remove_suffix(kPageMapSuffix.size());
  return key;
}

Result<SectionedFile> FinishFile(ChecksummedWriter* out, const ParquetTail& tail,
                                 const std::vector<KeyedSection>& sections, FooterKeys keys) {
  if (out->position() != tail.offset) {
    return Error(ErrorKind::kBadInput, "the Parquet tail belongs at byte ", tail.offset,
                 ", not at ", out->position());
  }
  ARROW_RETURN_NOT_OK(out->Append(tail.page_indexes()));
  return WriteSectionsAndFooter(out, tail.metadata_bytes(), sections, std::move(keys));
}

Result<SectionedFile> AppendSections(std::span<const std::byte> file, StoreWriter* out,
                                     const std::vector<KeyedSection>& sections, FooterKeys keys) {
  ARROW_ASSIGN_OR_RAISE(const FooterPlace footer, FindFooter(file, file.size()));
  return ReplaceSections(file, footer.offset, out, sections, std::move(keys));
}

Result<SectionedFile> ReplaceSections(std::span<const std::byte> file, uint64_t keep,
                                      StoreWriter* out, const std::vector<KeyedSection>& sections,
                                      FooterKeys keys) {
  ARROW_ASSIGN_OR_RAISE(const FooterPlace footer, FindFooter(file, file.size()));
  if (keep > footer.offset) {
    return Error(ErrorKind::kBadInput, "cannot keep ", keep,
                 " bytes of a file whose footer begins at ", footer.offset);
  }
  ChecksummedWriter checksummed(out);
  ARROW_RETURN_NOT_OK(checksummed.Append(file.first(keep)));
  return WriteSectionsAndFooter(&checksummed, file.subspan(footer.offset, footer.length), sections,
                                std::move(keys));
}

}  // namespace tarn::format
