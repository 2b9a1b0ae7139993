// SPDX-License-Identifier: Apache-2.0
//
// Integer comparisons of quantised rows with AVX-512 VNNI (vpdpbusd), in intrinsics because Highway
// 1.0.3 lacks the operation. Four rows at a time share the query's registers and one reduction; the
// usual numbers of blocks are unrolled by the compiler.
#include "hwy/base.h"
#include "kernels/parts.h"

#if HWY_ARCH_X86
#include <immintrin.h>

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")
namespace tarn::kernels {
namespace {

HWY_INLINE __m512i Load(const void* p) { return _mm512_loadu_si512(p); }

struct FourBits {
  static constexpr size_t kQueryBytes = 128;  // for each block
  static HWY_INLINE __m512i Add(__m512i sum, const int8_t* query, const uint8_t* block) {
    const __m512i mask = _mm512_set1_epi8(15);
    const __m512i codes = Load(block);
    sum = _mm512_dpbusd_epi32(sum, _mm512_and_si512(codes, mask), Load(query));
    return _mm512_dpbusd_epi32(sum, _mm512_and_si512(_mm512_srli_epi16(codes, 4), mask),
                               Load(query + 64));
  }
};
struct EightBits {
  static constexpr size_t kQueryBytes = 64;
  static HWY_INLINE __m512i Add(__m512i sum, const int8_t* query, const uint8_t* block) {
    return _mm512_dpbusd_epi32(sum, Load(block), Load(query));
  }
};

// The sums of the 16 lanes of each of four vectors.
HWY_INLINE __m128i SumFour(__m512i a, __m512i b, __m512i c, __m512i d) {
  const __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
  const __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
  const __m512i all =
      _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
  const __m256i half =
      _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
  return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

// kBlocks 0: any number of blocks.
template <class Code, size_t kBlocks>
HWY_INLINE void FourRows(const int8_t* query, const uint8_t* const* rows, size_t any_blocks,
                         int32_t* out) {
  const size_t blocks = kBlocks == 0 ? any_blocks : kBlocks;
  __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
#pragma GCC unroll 8
  for (size_t i = 0; i < blocks; ++i) {
    const int8_t* q = query + i * Code::kQueryBytes;
    a = Code::Add(a, q, rows[0] + i * 64);
    b = Code::Add(b, q, rows[1] + i * 64);
    c = Code::Add(c, q, rows[2] + i * 64);
    d = Code::Add(d, q, rows[3] + i * 64);
  }
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), SumFour(a, b, c, d));
}

template <class Code, size_t kBlocks, class RowAt>
HWY_INLINE void Rows(const int8_t* query, size_t blocks, size_t n, int32_t* out, RowAt row_at) {
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const uint8_t* rows[4] = {row_at(i), row_at(i + 1), row_at(i + 2), row_at(i + 3)};
    FourRows<Code, kBlocks>(query, rows, blocks, out + i);
  }
  if (i == n) return;
  const uint8_t* rows[4];
  for (size_t j = 0; j < 4; ++j) rows[j] = row_at(i + j < n ? i + j : n - 1);
  alignas(16) int32_t sums[4];
  FourRows<Code, kBlocks>(query, rows, blocks, sums);
  for (size_t j = 0; i + j < n; ++j) out[i + j] = sums[j];
}

struct GatherRow {
  const uint8_t* codes;
  const uint32_t* ids;
  size_t stride;
  size_t n;
  HWY_INLINE const uint8_t* operator()(size_t i) const {
    if (i + 8 < n) {
      const uint8_t* ahead = codes + size_t{ids[i + 8]} * stride;
      for (size_t at = 0; at < stride; at += 64) _mm_prefetch(ahead + at, _MM_HINT_T0);
    }
    return codes + size_t{ids[i]} * stride;
  }
};
struct BlockRow {
  const uint8_t* codes;
  size_t stride;
  HWY_INLINE const uint8_t* operator()(size_t i) const { return codes + i * stride; }
};

template <class Code, class RowAt>
HWY_INLINE void Dispatch(const int8_t* query, size_t blocks, size_t n, int32_t* out, RowAt row_at) {
  switch (blocks) {
    case 1:
      return Rows<Code, 1>(query, blocks, n, out, row_at);
    case 2:
      return Rows<Code, 2>(query, blocks, n, out, row_at);
    case 3:
      return Rows<Code, 3>(query, blocks, n, out, row_at);
    case 4:
      return Rows<Code, 4>(query, blocks, n, out, row_at);
    case 6:
      return Rows<Code, 6>(query, blocks, n, out, row_at);
    case 8:
      return Rows<Code, 8>(query, blocks, n, out, row_at);
    default:
      return Rows<Code, 0>(query, blocks, n, out, row_at);
  }
}

template <class Code>
void Gather(const int8_t* query, const uint8_t* codes, size_t blocks, const uint32_t* ids, size_t n,
            int32_t* out) {
  Dispatch<Code>(query, blocks, n, out, GatherRow{codes, ids, blocks * 64, n});
}
template <class Code>
void Block(const int8_t* query, const uint8_t* codes, size_t blocks, size_t n, int32_t* out) {
  Dispatch<Code>(query, blocks, n, out, BlockRow{codes, blocks * 64});
}

}  // namespace
}  // namespace tarn::kernels
HWY_POP_ATTRIBUTES

namespace tarn::kernels {
bool FillVnniCodes(KernelTable& table) {
  table.codes = {Gather<FourBits>, Block<FourBits>, Gather<EightBits>, Block<EightBits>};
  return true;
}
}  // namespace tarn::kernels

#else

namespace tarn::kernels {
bool FillVnniCodes(KernelTable&) { return false; }
}  // namespace tarn::kernels

#endif
