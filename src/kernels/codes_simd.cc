// SPDX-License-Identifier: Apache-2.0
//
// Integer comparisons of quantised rows, compiled once for each Highway target. Where x86 has
// multiply-add of unsigned by signed bytes, the 4-bit kernel uses it (Highway 1.0.3 has no such
// operation, and widening first costs half the speed); the rest is portable.
#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/codes_simd.cc"
#include "hwy/foreach_target.h"
//
#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/parts.h"

#if TARN_COMPILES_TARGET(HWY_TARGET)
HWY_BEFORE_NAMESPACE();
namespace tarn::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D32 = hn::ScalableTag<int32_t>;
using V32 = hn::Vec<D32>;

// Adds the products of unsigned codes and signed query bytes, in any order of the lanes.
struct Widening {
  using D16 = hn::Repartition<int16_t, D32>;
  using DU8 = hn::Rebind<uint8_t, D16>;
  using DI8 = hn::Rebind<int8_t, D16>;
  V32 sum0, sum1;

  // Written out: a constructor that the compiler makes would not be compiled for the target.
  HWY_INLINE Widening() : sum0(hn::Zero(D32())), sum1(hn::Zero(D32())) {}

  HWY_INLINE void Add(hn::Vec<DU8> codes, const int8_t* query) {
    const D16 d16;
    const auto c = hn::PromoteTo(d16, codes);
    const auto q = hn::PromoteTo(d16, hn::LoadU(DI8(), query));
    sum0 = hn::ReorderWidenMulAccumulate(D32(), c, q, sum0, sum1);
  }
  HWY_INLINE int32_t Total() { return hn::GetLane(hn::SumOfLanes(D32(), hn::Add(sum0, sum1))); }
};

HWY_INLINE int32_t Dot8Row(const int8_t* query, const uint8_t* row, size_t blocks) {
  const Widening::DU8 du8;
  Widening sum;
  for (size_t j = 0; j < blocks * 64; j += hn::Lanes(du8))
    sum.Add(hn::LoadU(du8, row + j), query + j);
  return sum.Total();
}

#if HWY_TARGET == HWY_AVX2
using Bytes = __m256i;
HWY_INLINE Bytes LoadBytes(const void* p) {
  return _mm256_loadu_si256(static_cast<const Bytes*>(p));
}
HWY_INLINE Bytes Low(Bytes v) { return _mm256_and_si256(v, _mm256_set1_epi8(15)); }
HWY_INLINE Bytes High(Bytes v) { return Low(_mm256_srli_epi16(v, 4)); }
HWY_INLINE Bytes MulPairs(Bytes c, Bytes q) { return _mm256_maddubs_epi16(c, q); }
HWY_INLINE Bytes Add16(Bytes a, Bytes b) { return _mm256_add_epi16(a, b); }
HWY_INLINE V32 Widen(V32 sum, Bytes v) {
  return V32{_mm256_add_epi32(sum.raw, _mm256_madd_epi16(v, _mm256_set1_epi16(1)))};
}
HWY_INLINE Bytes ZeroBytes() { return _mm256_setzero_si256(); }
#define TARN_HAS_MULPAIRS 1
#elif HWY_TARGET == HWY_AVX3
using Bytes = __m512i;
HWY_INLINE Bytes LoadBytes(const void* p) { return _mm512_loadu_si512(p); }
HWY_INLINE Bytes Low(Bytes v) { return _mm512_and_si512(v, _mm512_set1_epi8(15)); }
HWY_INLINE Bytes High(Bytes v) { return Low(_mm512_srli_epi16(v, 4)); }
HWY_INLINE Bytes MulPairs(Bytes c, Bytes q) { return _mm512_maddubs_epi16(c, q); }
HWY_INLINE Bytes Add16(Bytes a, Bytes b) { return _mm512_add_epi16(a, b); }
HWY_INLINE V32 Widen(V32 sum, Bytes v) {
  return V32{_mm512_add_epi32(sum.raw, _mm512_madd_epi16(v, _mm512_set1_epi16(1)))};
}
HWY_INLINE Bytes ZeroBytes() { return _mm512_setzero_si512(); }
#define TARN_HAS_MULPAIRS 1
#else
#define TARN_HAS_MULPAIRS 0
#endif

#if TARN_HAS_MULPAIRS
HWY_INLINE int32_t Dot4Row(const int8_t* query, const uint8_t* row, size_t blocks) {
  // A pair of products is at most 2 * 15 * 127 = 3810: eight pairs fit 16 bits, so do four blocks
  // of 64 bytes on AVX-512 and, at two vectors a block, two blocks on AVX2.
  constexpr size_t kVectors = 64 / sizeof(Bytes);
  constexpr size_t kGroup = 4 / kVectors;
  V32 sum = hn::Zero(D32());
  for (size_t b = 0; b < blocks;) {
    const size_t end = b + kGroup < blocks ? b + kGroup : blocks;
    Bytes pairs = ZeroBytes();
    for (; b < end; ++b) {
      for (size_t v = 0; v < kVectors; ++v) {
        const Bytes codes = LoadBytes(row + b * 64 + v * sizeof(Bytes));
        const int8_t* q = query + b * 128 + v * sizeof(Bytes);
        pairs = Add16(pairs, Add16(MulPairs(Low(codes), LoadBytes(q)),
                                   MulPairs(High(codes), LoadBytes(q + 64))));
      }
    }
    sum = Widen(sum, pairs);
  }
  return hn::GetLane(hn::SumOfLanes(D32(), sum));
}
#else
HWY_INLINE int32_t Dot4Row(const int8_t* query, const uint8_t* row, size_t blocks) {
  const Widening::DU8 du8;
  Widening sum;
  for (size_t b = 0; b < blocks; ++b) {
    for (size_t j = 0; j < 64; j += hn::Lanes(du8)) {
      const auto codes = hn::LoadU(du8, row + b * 64 + j);
      // Bytes cannot be shifted everywhere: as 16-bit numbers after widening they can.
      const auto low = hn::And(codes, hn::Set(du8, 15));
      const Widening::D16 d16;
      const auto high = hn::ShiftRight<4>(hn::PromoteTo(d16, codes));
      sum.Add(low, query + b * 128 + j);
      const auto q = hn::PromoteTo(d16, hn::LoadU(Widening::DI8(), query + b * 128 + 64 + j));
      sum.sum0 = hn::ReorderWidenMulAccumulate(D32(), high, q, sum.sum0, sum.sum1);
    }
  }
  return sum.Total();
}
#endif
#undef TARN_HAS_MULPAIRS

HWY_INLINE void PrefetchRow(const uint8_t* row, size_t blocks) {
  for (size_t b = 0; b < blocks; ++b) hwy::Prefetch(row + b * 64);
}

struct FourBits {
  static HWY_INLINE int32_t Row(const int8_t* query, const uint8_t* row, size_t blocks) {
    return Dot4Row(query, row, blocks);
  }
};
struct EightBits {
  static HWY_INLINE int32_t Row(const int8_t* query, const uint8_t* row, size_t blocks) {
    return Dot8Row(query, row, blocks);
  }
};

template <class Code>
void Gather(const int8_t* query, const uint8_t* codes, size_t blocks, const uint32_t* ids, size_t n,
            int32_t* out) {
  constexpr size_t kAhead = 4;
  for (size_t i = 0; i < n; ++i) {
    if (i + kAhead < n) PrefetchRow(codes + size_t{ids[i + kAhead]} * blocks * 64, blocks);
    out[i] = Code::Row(query, codes + size_t{ids[i]} * blocks * 64, blocks);
  }
}
template <class Code>
void Block(const int8_t* query, const uint8_t* codes, size_t blocks, size_t n, int32_t* out) {
  for (size_t i = 0; i < n; ++i) out[i] = Code::Row(query, codes + i * blocks * 64, blocks);
}

void FillTable(KernelTable& table) {
  table.codes = {Gather<FourBits>, Block<FourBits>, Gather<EightBits>, Block<EightBits>};
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tarn::kernels
HWY_AFTER_NAMESPACE();
#endif

#if HWY_ONCE
namespace tarn::kernels {
#include "kernels/levels-inl.h"
bool FillCodes(SimdLevel level, KernelTable& table) { return FillForLevel(level, table); }
}  // namespace tarn::kernels
#endif
