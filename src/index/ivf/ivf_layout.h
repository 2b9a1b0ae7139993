// SPDX-License-Identifier: Apache-2.0
//
// The chunks of an inverted-file index as they lie in a file (docs/formats/ivf-chunks.md) and
// checked views of them. Everything bulky is used in place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "index/vector_index.h"
#include "kernels/kernels.h"

namespace tarn::index {

enum IvfChunkKind : uint32_t {
  kIvfParamsChunk = 0x120,
  kCodebookChunk = 0x121,
  kCodebookMeanChunk = 0x122,
  kCentroidsChunk = 0x123,
  kListFactorsChunk = 0x124,
  kPqCentroidsChunk = 0x125,
  kListsChunk = 0x126,
  kBlocksChunk = 0x127,
};

/// The IVF params chunk: 64 bytes.
struct IvfParams {
  uint32_t magic = kMagic;
  uint32_t version = 1;
  uint64_t incompatible_features = 0;  ///< a reader refuses bits it does not know
  uint64_t compatible_features = 0;    ///< a reader ignores bits it does not know
  uint32_t metric = 0;                 ///< the values of VectorMetric
  uint32_t dim = 0;
  uint64_t row_count = 0;
  uint64_t block_count = 0;
  double coding_error = 0;  ///< of these rows, measured as the codebook's training error
  uint64_t reserved = 0;

  static constexpr uint32_t kMagic = 0x56494e54;  // "TNIV"
};
static_assert(sizeof(IvfParams) == 64 && std::is_trivially_copyable_v<IvfParams>);

/// The codebook chunk: 128 bytes. The fingerprint covers what lies before it, and the codebook's
/// other chunks.
struct CodebookParams {
  uint32_t magic = kMagic;
  uint32_t version = 1;
  uint32_t metric = 0;
  uint32_t dim = 0;
  uint32_t nlist = 0;
  uint32_t m = 0;
  uint32_t bits = 0;
  uint32_t flags = 0;  ///< kResidual, kRotated
  uint32_t nprobe = 0;
  float unit = 1;    ///< rows are multiples of it before centring
  float margin = 0;  ///< of the rerank; see the format's document
  float spread = 0;  ///< mean squared length of what is coded
  uint64_t seed = 0;
  uint64_t trained_rows = 0;
  double training_error = 0;
  double variance = 0;  ///< mean squared length of the training sample's rows, centred
  uint64_t reserved0[4] = {};
  uint8_t fingerprint[16] = {};

  static constexpr uint32_t kMagic = 0x42434e54;  // "TNCB"
  static constexpr uint32_t kResidual = 1;
  static constexpr uint32_t kRotated = 2;
};
static_assert(sizeof(CodebookParams) == 128 && std::is_trivially_copyable_v<CodebookParams>);

/// What belongs to the centroid of a list: coordinate d is scale * (code - 128). Its place in the
/// order of probing is -(rank * (<q', centroid> + query part) + bias); see IvfFrame.
struct ListFactor {
  float scale;
  float rank;
  float with_mean;  ///< <mean, centroid>
  float bias;
};

/// Where the rows of a list are: in whole blocks from `first_block` on.
struct ListPlace {
  uint32_t first_block;
  uint32_t rows;
};

/// The row number of a place in a block that no row takes.
inline constexpr uint32_t kNoRow = 0xffffffffu;

/// A codebook whose sizes fit each other.
struct CodebookView {
  CodebookParams params;
  const float* mean = nullptr;         ///< dim, of the rows in units, not rotated
  const uint8_t* centroids = nullptr;  ///< nlist rows of centroid_stride() bytes
  const ListFactor* factors = nullptr;
  const float* pq = nullptr;  ///< dim columns of pq_count() values

  VectorMetric metric() const { return static_cast<VectorMetric>(params.metric); }
  uint32_t dim() const { return params.dim; }
  bool residual() const { return (params.flags & CodebookParams::kResidual) != 0; }
  bool rotated() const { return (params.flags & CodebookParams::kRotated) != 0; }
  size_t centroid_blocks() const { return (size_t{params.dim} + 63) / 64; }
  size_t centroid_stride() const { return centroid_blocks() * 64; }
  size_t pq_count() const { return size_t{1} << params.bits; }
  /// Bytes of the codes of a block of kPqBlockRows rows.
  size_t code_bytes() const {
    const size_t lanes = params.bits == 4 ? (size_t{params.m} + 1) / 2 : params.m;
    return (lanes * kernels::kPqBlockRows + 63) / 64 * 64;
  }
  size_t block_bytes() const { return code_bytes() + kernels::kPqFactorBytes; }
  /// The first coordinate of sub-vector s; s = m gives dim.
  uint32_t start(uint32_t s) const {
    return static_cast<uint32_t>(uint64_t{s} * params.dim / params.m);
  }

  /// Coordinates of a list's centroid: `out` has dim values.
  void Centroid(uint32_t list, float* out) const;

  /// kNotFound when the chunks hold no codebook; kCorrupt or kNotSupported when they do not fit.
  static Result<CodebookView> Open(std::span<const ChunkView> chunks);
};

/// An inverted-file index whose sizes fit each other. Ordinals inside are not checked yet.
struct IvfView {
  IvfParams params;
  CodebookView codebook;  ///< nlist 0: an empty index that was made without one
  const ListPlace* places = nullptr;
  const std::byte* blocks = nullptr;
  uint64_t row_limit = 0;

  VectorMetric metric() const { return static_cast<VectorMetric>(params.metric); }
  /// False when the list's place is damaged.
  bool IsSound(const ListPlace& place) const {
    const uint64_t blocks_needed =
        (uint64_t{place.rows} + kernels::kPqBlockRows - 1) / kernels::kPqBlockRows;
    return place.rows <= params.row_count &&
           place.first_block + blocks_needed <= params.block_count;
  }

  static bool Matches(std::span<const ChunkView> chunks);
  /// kCorrupt or kNotSupported as VectorIndex::Open promises.
  static Result<IvfView> Open(std::span<const ChunkView> chunks, uint64_t row_limit);
};

/// XXH3-128 of a codebook, as its params chunk names it.
void ComputeFingerprint(const CodebookView& codebook, uint8_t out[16]);
std::string FingerprintText(const uint8_t fingerprint[16]);

}  // namespace tarn::index
