// SPDX-License-Identifier: Apache-2.0
#include "format/section.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace tarn::format {
namespace {

// Room for every chunk that any feature could need; a larger count is damage.
constexpr uint32_t kMaxChunks = 4096;
constexpr size_t kTablePrefix = 16;
constexpr size_t kTableEntry = 32;
// Incompatible features that this version reads: none yet.
constexpr uint32_t kKnownIncompatible = 0;

bool IsZero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

const char* SectionName(SectionKind kind) {
  return kind == SectionKind::kPageMap ? "page map section" : "vector section";
}

}  // namespace

const char* SectionMagic(SectionKind kind) {
  return kind == SectionKind::kPageMap ? "AILP" : "AILK";
}

Status Section::Damaged(const std::string& what) const {
  return Error(ErrorKind::kCorrupt, SectionName(info_.kind), " at byte ", offset_, ": ", what);
}

Status Section::ReadHeader(SectionKind kind) {
  ByteReader reader(bytes_.first(kSectionHeaderSize));
  info_.kind = kind;
  if (std::memcmp(reader.ReadBytes(4).data(), SectionMagic(kind), 4) != 0)
    return Damaged("the header has no magic");
  if (const auto version = reader.Read<uint16_t>(); version != kSectionVersion) {
    return Error(ErrorKind::kNotSupported, SectionName(kind), " at byte ", offset_, " has version ",
                 version, "; this reader knows version 2");
  }
  info_.flags = reader.Read<uint16_t>();
  info_.dim = reader.Read<uint32_t>();
  const auto precision = reader.Read<uint8_t>();
  const auto metric = reader.Read<uint8_t>();
  const auto reserved = reader.Read<uint16_t>();
  info_.record_count = reader.Read<uint64_t>();
  const auto centroid_offset = reader.Read<uint64_t>();
  const auto centroid_length = reader.Read<uint64_t>();
  const auto table_offset = reader.Read<uint64_t>();
  const auto table_length = reader.Read<uint64_t>();
  info_.compatible_features = reader.Read<uint32_t>();
  info_.incompatible_features = reader.Read<uint32_t>();
  if ((info_.incompatible_features & ~kKnownIncompatible) != 0) {
    return Error(ErrorKind::kNotSupported, SectionName(kind), " at byte ", offset_,
                 " needs features ", info_.incompatible_features,
                 " that this reader does not know; use a newer version");
  }
  if (precision > static_cast<uint8_t>(VectorPrecision::kI8)) return Damaged("unknown precision");
  if (metric > static_cast<uint8_t>(VectorMetric::kNormalizedCosine))
    return Damaged("unknown metric");
  info_.precision = static_cast<VectorPrecision>(precision);
  info_.metric = static_cast<VectorMetric>(metric);
  if (info_.dim == 0 || info_.dim > 65536) return Damaged("the dimension is out of range");
  if (reserved != 0 || centroid_offset != 0 || centroid_length != 0)
    return Damaged("a reserved number is not zero");
  if (table_offset != kSectionHeaderSize || table_length < kTablePrefix ||
      table_length > kTablePrefix + kMaxChunks * kTableEntry ||
      (table_length - kTablePrefix) % kTableEntry != 0) {
    return Damaged("the chunk table's place does not fit");
  }
  table_end_ = table_offset + table_length;
  return Status::OK();
}

Status Section::ReadChunkTable(std::span<const std::byte> rest, uint64_t limit) {
  if (table_end_ > rest.size()) return Damaged("the chunk table is cut off");
  ByteReader reader(rest.first(table_end_).subspan(kSectionHeaderSize));
  const auto count = reader.Read<uint32_t>();
  const auto stored_crc = reader.Read<uint32_t>();
  const auto length = reader.Read<uint64_t>();
  if (count != (table_end_ - kSectionHeaderSize - kTablePrefix) / kTableEntry) {
    return Damaged("the chunk count does not fit the table's length");
  }
  uint32_t crc = Crc32c(rest.first(kSectionHeaderSize + 4));
  crc = Crc32c(rest.first(table_end_).subspan(kSectionHeaderSize + 8), crc);
  if (crc != stored_crc) return Damaged("the checksum of header and chunk table does not match");
  if (length > rest.size() || length < table_end_ + kSectionTrailerSize) {
    return Damaged("its length does not fit the file (limit " + std::to_string(limit) + ")");
  }
  bytes_ = rest.first(length);
  uint64_t end = table_end_;
  for (uint32_t i = 0; i < count; ++i) {
    SectionChunk chunk;
    chunk.kind = reader.Read<uint32_t>();
    chunk.flags = reader.Read<uint32_t>();
    const auto chunk_offset = reader.Read<uint64_t>();
    const auto chunk_length = reader.Read<uint64_t>();
    chunk.crc = reader.Read<uint32_t>();
    if (reader.Read<uint32_t>() != 0)
      return Damaged("a reserved number of the chunk table is not zero");
    const uint64_t chunks_limit = length - kSectionTrailerSize;
    if (chunk_offset % kChunkAlignment != 0 || chunk_offset < end || chunk_offset > chunks_limit ||
        chunk_length > chunks_limit - chunk_offset) {
      return Damaged("chunk " + std::to_string(i) + " does not fit the section");
    }
    if (Find(chunk.kind) != nullptr)
      return Damaged("chunk kind " + std::to_string(chunk.kind) + " appears twice");
    chunk.bytes = bytes_.subspan(chunk_offset, chunk_length);
    end = chunk_offset + chunk_length;
    chunks_.push_back(chunk);
  }
  return Status::OK();
}

Status Section::CheckTrailer() const {
  ByteReader reader(bytes_.last(kSectionTrailerSize));
  if (reader.Read<uint64_t>() != offset_) return Damaged("the trailer names another offset");
  if (reader.Read<uint64_t>() != bytes_.size()) return Damaged("the trailer names another length");
  if (reader.Read<uint16_t>() != kSectionVersion)
    return Damaged("the trailer names another version");
  if (reader.Read<uint16_t>() != info_.flags)
    return Damaged("the trailer's flags differ from the header's");
  if (std::memcmp(reader.ReadBytes(4).data(), SectionMagic(info_.kind), 4) != 0) {
    return Damaged("the trailer has no magic");
  }
  return Status::OK();
}

Result<Section> Section::Open(std::span<const std::byte> file, uint64_t offset, uint64_t limit,
                              SectionKind kind) {
  Section section;
  section.offset_ = offset;
  section.info_.kind = kind;
  limit = std::min<uint64_t>(limit, file.size());
  if (offset % kChunkAlignment != 0) return section.Damaged("the offset is not a multiple of 64");
  if (offset > limit || limit - offset < kSectionHeaderSize + kTablePrefix + kSectionTrailerSize) {
    return section.Damaged("it lies outside the file's data, which ends at " +
                           std::to_string(limit));
  }
  const auto rest = file.subspan(offset, limit - offset);
  section.bytes_ = rest;
  ARROW_RETURN_NOT_OK(section.ReadHeader(kind));
  ARROW_RETURN_NOT_OK(section.ReadChunkTable(rest, limit));
  ARROW_RETURN_NOT_OK(section.CheckTrailer());
  return section;
}

const SectionChunk* Section::Find(uint32_t kind) const {
  for (const SectionChunk& chunk : chunks_) {
    if (chunk.kind == kind) return &chunk;
  }
  return nullptr;
}

Status Section::VerifyBlocks() const {
  const SectionChunk* sums = Find(kBlockChecksums);
  if (sums == nullptr || sums != &chunks_.back())
    return Damaged("the last chunk does not hold the block checksums");
  const auto begin = static_cast<uint64_t>(chunks_.front().bytes.data() - bytes_.data());
  const auto end = static_cast<uint64_t>(sums->bytes.data() - bytes_.data());
  const uint64_t blocks = (end - begin + kChecksumBlock - 1) / kChecksumBlock;
  if (sums->bytes.size() != blocks * 4)
    return Damaged("there are not as many block checksums as blocks");
  for (uint64_t i = 0; i < blocks; ++i) {
    const uint64_t at = begin + i * kChecksumBlock;
    const auto block = bytes_.subspan(at, std::min<uint64_t>(kChecksumBlock, end - at));
    if (Crc32c(block) != LoadLe<uint32_t>(sums->bytes.data() + i * 4)) {
      return Damaged("the checksum of block " + std::to_string(i) + " does not match");
    }
  }
  return Status::OK();
}

Status Section::VerifyPadding() const {
  uint64_t end = table_end_;
  for (const SectionChunk& chunk : chunks_) {
    const auto start = static_cast<uint64_t>(chunk.bytes.data() - bytes_.data());
    if (!IsZero(bytes_.subspan(end, start - end)))
      return Damaged("padding between chunks is not zero");
    end = start + chunk.bytes.size();
  }
  const uint64_t trailer = bytes_.size() - kSectionTrailerSize;
  if (!IsZero(bytes_.subspan(end, trailer - end)))
    return Damaged("padding before the trailer is not zero");
  return Status::OK();
}

Status Section::Verify() const {
  for (const SectionChunk& chunk : chunks_) {
    if (Crc32c(chunk.bytes) != chunk.crc) {
      return Damaged("the checksum of chunk kind " + std::to_string(chunk.kind) +
                     " does not match");
    }
  }
  ARROW_RETURN_NOT_OK(VerifyBlocks());
  return VerifyPadding();
}

}  // namespace tarn::format
