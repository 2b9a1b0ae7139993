// SPDX-License-Identifier: Apache-2.0
//
// A section: a checksummed container of chunks that lies between the row groups and the footer of a
// Parquet file, found through a footer key. docs/formats/ailk-v2.md gives every byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tarn/types.h"

namespace tarn::format {

inline constexpr uint16_t kSectionVersion = 2;
inline constexpr size_t kSectionHeaderSize = 64;
inline constexpr size_t kSectionTrailerSize = 24;
inline constexpr size_t kChunkAlignment = 64;
/// Chunks (and sections) of at least this size begin on a page of the file.
inline constexpr size_t kLargeChunk = 64 * 1024;
inline constexpr size_t kLargeChunkAlignment = 4096;
inline constexpr size_t kChecksumBlock = 64 * 1024;

/// What a section holds, told apart by its magic.
enum class SectionKind : uint8_t {
  kVectorIndex,  ///< "AILK"
  kPageMap,      ///< "AILP"
};

/// Chunk kinds of this room. 0x100-0x1ff are the index's (index-chunks.md).
enum ChunkKind : uint32_t {
  kBlockChecksums = 0x01,
  kPageTable = 0x200,
  kRowBitmap = 0x201,
  kRawHalfVectors = 0x300,
  kRawByteVectors = 0x301,
  kRawFloatVectors = 0x302,
};

/// Header flags.
enum SectionFlags : uint16_t {
  kFlagIvfPq = 1 << 0,
  kFlagFlat = 1 << 1,
  kFlagNoRaw = 1 << 2,  ///< no exact vectors are offered for reranking
  /// Another engine wrote the column's pages: a row without a vector may still hold a list, one
  /// that is no vector of the column.
  kFlagForeign = 1 << 3,
};

/// The facts of a section's header.
struct SectionInfo {
  SectionKind kind = SectionKind::kVectorIndex;
  uint16_t flags = 0;
  uint32_t dim = 0;
  VectorPrecision precision = VectorPrecision::kF32;
  VectorMetric metric = VectorMetric::kCosine;
  /// Vectors in the section (of a page map: in the column).
  uint64_t record_count = 0;
  uint32_t compatible_features = 0;
  uint32_t incompatible_features = 0;
};

/// A chunk inside mapped section bytes.
struct SectionChunk {
  uint32_t kind = 0;
  uint32_t flags = 0;
  uint32_t crc = 0;
  std::span<const std::byte> bytes;
};

/// An opened section: a view of mapped bytes, which must outlive it. Immutable.
class Section {
 public:
  /// Opens the section at `offset` of a file of which it must not reach past `limit` (the footer's
  /// offset). Reads header, chunk table and trailer, and nothing else. kCorrupt says what does not
  /// fit; kNotSupported for another version or an unknown incompatible feature.
  static Result<Section> Open(std::span<const std::byte> file, uint64_t offset, uint64_t limit,
                              SectionKind kind);

  const SectionInfo& info() const { return info_; }
  uint64_t offset() const { return offset_; }
  uint64_t size() const { return bytes_.size(); }
  const std::vector<SectionChunk>& chunks() const { return chunks_; }
  /// nullptr when there is none.
  const SectionChunk* Find(uint32_t kind) const;

  /// Reads every byte: chunk and block checksums, and padding that must be zero.
  Status Verify() const;

 private:
  Status ReadHeader(SectionKind kind);
  Status ReadChunkTable(std::span<const std::byte> rest, uint64_t limit);
  Status CheckTrailer() const;
  Status VerifyBlocks() const;
  Status VerifyPadding() const;
  Status Damaged(const std::string& what) const;

  uint64_t offset_ = 0;
  std::span<const std::byte> bytes_;
  SectionInfo info_;
  uint64_t table_end_ = 0;
  std::vector<SectionChunk> chunks_;
};

/// "AILK" or "AILP".
const char* SectionMagic(SectionKind kind);

}  // namespace tarn::format
