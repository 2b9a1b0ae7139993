// SPDX-License-Identifier: Apache-2.0
#include "format/section_builder.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace tarn::format {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::array<std::byte, kLargeChunkAlignment> kZeros{};

uint64_t AlignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

uint64_t ChunkAlignmentOf(size_t size) {
  return size >= kLargeChunk ? kLargeChunkAlignment : kChunkAlignment;
}

struct PlacedChunk {
  uint32_t kind;
  Bytes bytes;
  uint64_t offset;
};

/// Checksums of 64 KiB blocks over bytes that arrive in pieces.
class BlockChecksums {
 public:
  void Add(Bytes bytes) {
    while (!bytes.empty()) {
      const size_t take = std::min(bytes.size(), kChecksumBlock - filled_);
      crc_ = Crc32c(bytes.first(take), crc_);
      filled_ += take;
      bytes = bytes.subspan(take);
      if (filled_ == kChecksumBlock) CloseBlock();
    }
  }
  std::vector<std::byte> Finish() {
    if (filled_ > 0) CloseBlock();
    return std::move(sums_);
  }

 private:
  void CloseBlock() {
    AppendLe(sums_, crc_);
    crc_ = 0;
    filled_ = 0;
  }
  uint32_t crc_ = 0;
  size_t filled_ = 0;
  std::vector<std::byte> sums_;
};

/// Header and chunk table, with their checksum.
std::vector<std::byte> EncodeFront(const SectionInfo& info, const std::vector<PlacedChunk>& chunks,
                                   const std::vector<uint32_t>& crcs, uint64_t length) {
  std::vector<std::byte> out;
  for (const char* c = SectionMagic(info.kind); *c != 0; ++c) AppendLe(out, *c);
  AppendLe(out, kSectionVersion);
  AppendLe(out, info.flags);
  AppendLe(out, info.dim);
  AppendLe(out, static_cast<uint8_t>(info.precision));
  AppendLe(out, static_cast<uint8_t>(info.metric));
  AppendLe<uint16_t>(out, 0);
  AppendLe(out, info.record_count);
  AppendLe<uint64_t>(out, 0);  // centroid offset and length: none in this version
  AppendLe<uint64_t>(out, 0);
  AppendLe<uint64_t>(out, kSectionHeaderSize);
  AppendLe<uint64_t>(out, 16 + 32 * chunks.size());
  AppendLe(out, info.compatible_features);
  AppendLe(out, info.incompatible_features);
  std::vector<std::byte> table;
  AppendLe(table, length);
  for (size_t i = 0; i < chunks.size(); ++i) {
    AppendLe(table, chunks[i].kind);
    AppendLe<uint32_t>(table, 0);
    AppendLe(table, chunks[i].offset);
    AppendLe<uint64_t>(table, chunks[i].bytes.size());
    AppendLe(table, crcs[i]);
    AppendLe<uint32_t>(table, 0);
  }
  AppendLe(out, static_cast<uint32_t>(chunks.size()));
  const uint32_t crc = Crc32c(table, Crc32c(out));
  AppendLe(out, crc);
  out.insert(out.end(), table.begin(), table.end());
  return out;
}

std::vector<std::byte> EncodeTrailer(const SectionInfo& info, uint64_t offset, uint64_t length) {
  std::vector<std::byte> out;
  AppendLe(out, offset);
  AppendLe(out, length);
  AppendLe(out, kSectionVersion);
  AppendLe(out, info.flags);
  for (const char* c = SectionMagic(info.kind); *c != 0; ++c) AppendLe(out, *c);
  return out;
}

/// Gives every chunk but the checksums its place.
std::vector<PlacedChunk> PlaceChunks(const std::vector<NewChunk>& chunks, uint64_t front) {
  std::vector<PlacedChunk> placed;
  uint64_t at = front;
  for (const NewChunk& chunk : chunks) {
    at = AlignUp(at, ChunkAlignmentOf(chunk.bytes.size()));
    placed.push_back({chunk.kind, chunk.bytes, at});
    at += chunk.bytes.size();
  }
  return placed;
}

/// Writes bytes at their offset within the section, with zeros before them.
class PaddedWriter {
 public:
  explicit PaddedWriter(const ByteSink& sink) : sink_(sink) {}
  Status PadTo(uint64_t offset) {
    while (position_ < offset) {
      const uint64_t step = std::min<uint64_t>(offset - position_, kZeros.size());
      ARROW_RETURN_NOT_OK(sink_(Bytes(kZeros).first(step)));
      position_ += step;
    }
    return Status::OK();
  }
  Status Write(uint64_t offset, Bytes bytes) {
    ARROW_RETURN_NOT_OK(PadTo(offset));
    position_ += bytes.size();
    return bytes.empty() ? Status::OK() : sink_(bytes);
  }

 private:
  const ByteSink& sink_;
  uint64_t position_ = 0;
};

}  // namespace

Result<SectionPlace> WriteSection(const NewSection& section, uint64_t position,
                                  const ByteSink& sink) {
  uint64_t alignment = kChunkAlignment;
  for (const NewChunk& chunk : section.chunks)
    alignment = std::max(alignment, ChunkAlignmentOf(chunk.bytes.size()));

  const uint64_t front = kSectionHeaderSize + 16 + 32 * (section.chunks.size() + 1);
  std::vector<PlacedChunk> placed = PlaceChunks(section.chunks, front);
  const uint64_t chunks_end =
      placed.empty() ? front : placed.back().offset + placed.back().bytes.size();
  const uint64_t sums_offset = AlignUp(chunks_end, kChunkAlignment);

  BlockChecksums blocks;
  std::vector<uint32_t> crcs;
  for (size_t i = 0; i < placed.size(); ++i) {
    crcs.push_back(Crc32c(placed[i].bytes));
    blocks.Add(placed[i].bytes);
    const uint64_t next = i + 1 < placed.size() ? placed[i + 1].offset : sums_offset;
    blocks.Add(Bytes(kZeros).first(next - placed[i].offset - placed[i].bytes.size()));
  }
  const std::vector<std::byte> sums = blocks.Finish();
  placed.push_back({kBlockChecksums, sums, sums_offset});
  crcs.push_back(Crc32c(sums));
  const uint64_t trailer = AlignUp(sums_offset + sums.size(), 8);
  const uint64_t length = trailer + kSectionTrailerSize;

  const uint64_t start = AlignUp(position, alignment);
  ARROW_RETURN_NOT_OK(PaddedWriter(sink).PadTo(start - position));
  PaddedWriter writer(sink);
  ARROW_RETURN_NOT_OK(writer.Write(0, EncodeFront(section.info, placed, crcs, length)));
  for (const PlacedChunk& chunk : placed)
    ARROW_RETURN_NOT_OK(writer.Write(chunk.offset, chunk.bytes));
  ARROW_RETURN_NOT_OK(writer.Write(trailer, EncodeTrailer(section.info, start, length)));
  return SectionPlace{start, length};
}

}  // namespace tarn::format
