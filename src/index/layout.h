// SPDX-License-Identifier: Apache-2.0
//
// The chunks of an index as they lie in a file (docs/formats/index-chunks.md) and a checked view of
// them. Everything bulky is used in place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "index/vector_index.h"
#include "kernels/kernels.h"

namespace tarn::index {

enum ChunkKind : uint32_t {
  kParamsChunk = 0x100,
  kMeanChunk = 0x101,
  kLinksChunk = 0x102,
  kCodesChunk = 0x103,
  kLowCodesChunk = 0x104,
  kFactorsChunk = 0x105,
  kLowFactorsChunk = 0x106,
  kNodeRowsChunk = 0x107,
  kExtraEntriesChunk = 0x108,
  kPivotsChunk = 0x109,
  kPivotCodesChunk = 0x10a,
  kPivotFactorsChunk = 0x10b,
};

/// The params chunk: 128 bytes.
struct Params {
  uint32_t magic = kMagic;
  uint32_t version = 1;
  uint64_t incompatible_features = 0;  ///< a reader refuses bits it does not know
  uint64_t compatible_features = 0;    ///< a reader ignores bits it does not know
  uint32_t type = 0;                   ///< 0 graph, 2 flat: the values of IndexType
  uint32_t metric = 0;                 ///< the values of VectorMetric
  uint32_t dim = 0;
  uint32_t code_blocks = 0;  ///< 64-byte blocks of a row of 4-bit codes
  uint64_t row_count = 0;
  uint64_t node_count = 0;
  uint32_t degree = 0;  ///< links of a node; 0 when there is no graph
  uint32_t entry = 0;   ///< where a traversal starts
  uint32_t default_ef = 0;
  uint32_t reserved0 = 0;
  uint64_t rotation_seed = 0;
  float unit = 1;  ///< stored vectors are multiples of it before centring

  float margin = 0;      ///< of the rerank; see the format's document
  float radius = 0;      ///< no row is farther from the mean, in units; see kHasRadius
  float low_margin = 0;  ///< of a rerank by all eight bits; see kHasLowMargin
  uint32_t reserved1[6] = {};
  uint64_t reserved2 = 0;

  static constexpr uint32_t kMagic = 0x49584e54;  // "TNXI"
};
static_assert(sizeof(Params) == 128 && std::is_trivially_copyable_v<Params>);

/// Compatible feature: `radius` is set.
inline constexpr uint64_t kHasRadius = 1;
/// Compatible feature: `low_margin` is set, so that a rerank may go by all eight bits.
inline constexpr uint64_t kHasLowMargin = 2;
inline constexpr uint32_t kNoLink = 0xffffffffu;
/// In the row offsets: all rows of this node are exact copies of one vector.
inline constexpr uint32_t kCopiesFlag = 0x80000000u;
/// Nodes and rows are below this, which leaves a bit for marks.
inline constexpr uint32_t kMaxNodes = 0x7fffffffu;

inline uint32_t CodeBlocks(uint32_t dim) { return (dim + 127) / 128; }

/// The rows of a node: `count` >= 1.
struct NodeRows {
  const uint32_t* rows = nullptr;
  uint32_t count = 0;
  bool copies = false;
};

/// An index whose sizes fit each other. Ordinals inside are not checked yet: use the accessors.
struct IndexView {
  Params params;
  const float* mean = nullptr;
  const uint32_t* links = nullptr;
  const uint8_t* codes = nullptr;
  const uint8_t* low_codes = nullptr;
  const kernels::RowFactor* factors = nullptr;
  const kernels::RowFactor* low_factors = nullptr;
  const uint32_t* row_offsets = nullptr;  ///< nullptr: node i is row i
  const uint32_t* rows = nullptr;
  std::span<const uint32_t> extra_entries;
  /// Nodes whose codes lie in one run: a traversal starts at the nearest. Empty: at the entry.
  std::span<const uint32_t> pivots;
  const uint8_t* pivot_codes = nullptr;
  const kernels::RowFactor* pivot_factors = nullptr;
  uint64_t row_limit = 0;

  /// kCorrupt or kNotSupported as VectorIndex::Open promises.
  static Result<IndexView> Open(std::span<const ChunkView> chunks, uint64_t row_limit);

  uint32_t nodes() const { return static_cast<uint32_t>(params.node_count); }
  VectorMetric metric() const { return static_cast<VectorMetric>(params.metric); }

  /// False when the bytes are damaged. `self` holds the row of a node without a row list.
  bool RowsOf(uint32_t node, uint32_t& self, NodeRows& out) const {
    if (row_offsets == nullptr) {
      self = node;
      out = {&self, 1, false};
      return true;
    }
    const uint32_t begin = row_offsets[node] & ~kCopiesFlag;
    const uint32_t end = row_offsets[node + 1] & ~kCopiesFlag;
    if (begin >= end || end > params.row_count) return false;
    out = {rows + begin, end - begin, (row_offsets[node] & kCopiesFlag) != 0};
    return true;
  }
};

/// True for metrics that compare directions: the query counts with length 1.
inline bool ComparesAngles(VectorMetric metric) {
  return metric == VectorMetric::kCosine || metric == VectorMetric::kNormalizedCosine;
}

}  // namespace tarn::index
