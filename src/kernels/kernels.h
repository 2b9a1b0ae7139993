// SPDX-License-Identifier: Apache-2.0
//
// The table of vector kernels: whole loops, so that the choice of instruction set costs one
// indirect call for many rows. Every level computes the same integers; float kernels of different
// levels may differ in the last bits (they add in another order), except `hadamard`, which is exact
// everywhere. All functions are thread-safe and allocate nothing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/simd.h"

namespace tarn::kernels {

/// Comparisons of one f32 query with rows of one element type (f32, f16 or int8, little-endian).
/// Rows are bytes of any alignment. `gather` kernels take row pointers and prefetch ahead; `block`
/// kernels take rows that lie one after the other.
struct ExactKernels {
  using Gather = void (*)(const float* query, size_t dim, const std::byte* const* rows, size_t n,
                          float* out);
  using Block = void (*)(const float* query, size_t dim, const std::byte* rows, size_t n,
                         float* out);
  /// out[q * n + r] for queries that lie one after the other.
  using Many = void (*)(const float* queries, size_t query_count, size_t dim, const std::byte* rows,
                        size_t n, float* out);
  Gather dot_gather;  ///< <q, x>
  Block dot_block;
  Many dot_many;
  Gather l2_gather;  ///< |q - x|^2
  Block l2_block;
  Many l2_many;
  Gather dot_norm_gather;  ///< pairs <q, x>, |x|^2: what cosine needs, in one pass
  Block dot_norm_block;
};

/// Quantised rows. A row of 4-bit codes is `blocks` blocks of 64 bytes; byte j of a block holds
/// dimension j of the block's 128 in its low four bits and dimension j + 64 in its high four. A row
/// of 8-bit codes is `blocks` blocks of 64 bytes, one dimension each. Queries are int8, one value
/// for each dimension of the blocks, -127..127, zero past the end. Rows and queries are 64-byte
/// aligned.
struct CodeKernels {
  using Gather = void (*)(const int8_t* query, const uint8_t* codes, size_t blocks,
                          const uint32_t* ids, size_t n, int32_t* out);
  using Block = void (*)(const int8_t* query, const uint8_t* codes, size_t blocks, size_t n,
                         int32_t* out);
  Gather dot4_gather;  ///< sum of code * query for the rows `ids`
  Block dot4_block;
  Gather dot8_gather;
  Block dot8_block;
};

/// What a quantised row adds to its integer sum: see `keys`.
struct RowFactor {
  float scale;
  float bias;
};

/// Candidates sorted by (distance, order of arrival). The arrays have room for capacity + kPoolPad
/// elements; distances from `size` on are no smaller than any in the pool (infinity at first).
struct CandidatePool {
  float* distances;
  uint32_t* ids;
  uint32_t size;
  uint32_t capacity;
  uint32_t cursor;  ///< lowered to the position of each candidate that comes in
};
inline constexpr size_t kPoolPad = 32;

struct SearchKernels {
  /// Inserts those of n candidates that are nearer than the last of a full pool. The input arrays
  /// are readable for 16 elements past n.
  void (*pool_insert)(CandidatePool& pool, const float* distances, const uint32_t* ids, size_t n);

  /// out[i] = bias_factor * bias + scale * (factor * (sums[i] - offset)), factors of row ids[i].
  void (*keys)(const int32_t* sums, size_t n, float offset, float factor, float bias_factor,
               const RowFactor* factors, const uint32_t* ids, float* out);
  /// Unscaled Walsh-Hadamard transform in place; n is a power of two.
  void (*hadamard)(float* values, size_t n);
};

/// Product-quantised rows lie in blocks of kPqBlockRows: `code_bytes` of codes (a multiple of 64),
/// then f32 scales, f32 biases and u32 row numbers, one each for each row of the block.
/// 4 bits: byte 16 p + r of the codes holds sub-vector 2 p of row r in its low four bits and
/// sub-vector 2 p + 1 in its high four. 8 bits: byte 16 s + r holds sub-vector s of row r.
inline constexpr size_t kPqBlockRows = 16;
inline constexpr size_t kPqFactorBytes = 3 * 4 * kPqBlockRows;
struct PqBlocks {
  const std::byte* blocks;  ///< 64-byte aligned
  size_t code_bytes;
  size_t rows;           ///< of all blocks; the last may be partly filled
  const uint16_t* live;  ///< for each block, a bit for each row to look at; nullptr: all
};
/// key = base + bias_factor * bias + scale * (offset + factor * sum of the looked-up values).
struct PqQuery {
  const void* tables;  ///< as pack4 lays them out; 8 bits: 256 u16 for each byte of a row's codes
  float base;
  float bias_factor;
  float offset;
  float factor;
};
/// What pack4 adds to every value of a table, so that none is negative.
inline constexpr int kPq4Middle = 32;

struct PqKernels {
  using Scan = size_t (*)(const PqBlocks& blocks, const PqQuery& query, float limit, float* keys,
                          uint32_t* rows);
  /// Writes the keys below `limit` and their row numbers, in order, and returns how many. The
  /// arrays have room for blocks.rows. Levels may differ in the last bits of a key.
  Scan scan4;
  Scan scan8;
  /// out[s * count + j] = sum of query[d] * columns[d * count + j] over d in [starts[s], starts[s +
  /// 1]), for s < m. `count` is a multiple of 16. Returns the largest absolute value.
  float (*dot_tables)(const float* query, const float* columns, const uint32_t* starts, size_t m,
                      size_t count, float* out);
  /// From tables of 16 floats for each of m sub-vectors to 2 * code_bytes bytes: those of the even
  /// sub-vectors, then those of the odd ones. A value is round(v * per_step) + kPq4Middle, limited
  /// to 0..63; sub-vectors from m on are 0.
  void (*pack4)(const float* tables, size_t m, float per_step, size_t code_bytes, uint8_t* out);
  /// out[i] = the first j < count with the smallest half_norms[j] - <x_i, c_j>, for i < n; `count`
  /// is at most 256. Coordinate d of x_i is columns[d * stride + i], readable up to i < stride,
  /// which is a multiple of 16. The same bits at every level.
  void (*nearest)(const float* columns, size_t stride, size_t n, const float* centroids,
                  const float* half_norms, size_t count, size_t dim, uint8_t* out);
};
/// What surrounds a product of many queries with many rows (gemm.h).
struct TileKernels {
  using Widen = void (*)(const std::byte* const* rows, size_t n, size_t dim, const float* scales,
                         float* out);
  Widen widen_f32;  ///< out[r * dim + d] = scales[r] * rows[r][d]
  Widen widen_f16;
  Widen widen_i8;
  /// Writes those i, ascending, for which values[i] + biases[i] is not below the limit (a NaN is
  /// not) and returns how many. `out` has room for n + kSelectPad of them.
  size_t (*select)(const float* values, const float* biases, size_t n, float limit, uint32_t* out);
};
inline constexpr size_t kSelectPad = 32;

struct KernelTable {
  ExactKernels f32;
  ExactKernels f16;
  ExactKernels i8;
  CodeKernels codes;
  SearchKernels search;
  PqKernels pq;
  TileKernels tiles;
};

/// The kernels of the level in use.
const KernelTable& Kernels();
/// The kernels of a supported level.
const KernelTable& KernelsFor(SimdLevel level);

}  // namespace tarn::kernels
