// SPDX-License-Identifier: Apache-2.0
//
// The candidate pool, the step from integer sums to keys, and the Hadamard transform, compiled once
// for each Highway target.
#include <cstring>

#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/search_simd.cc"
#include "hwy/foreach_target.h"
//
#include "hwy/highway.h"
#include "kernels/parts.h"

#if TARN_COMPILES_TARGET(HWY_TARGET)
HWY_BEFORE_NAMESPACE();
namespace tarn::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

HWY_INLINE uint32_t CountNotAbove(const float* sorted, uint32_t size, float value) {
  const D d;
  const V v = hn::Set(d, value);
  const auto lanes = static_cast<uint32_t>(hn::Lanes(d));
  // Elements past the end are no smaller than any in the pool, so a short count ends the search.
  for (uint32_t i = 0; i < size; i += lanes) {
    const auto count = static_cast<uint32_t>(hn::CountTrue(d, hn::Le(hn::LoadU(d, sorted + i), v)));
    if (count < lanes) return i + count < size ? i + count : size;
  }
  return size;
}

#if HWY_TARGET == HWY_AVX3
// Puts `value` at `at` and moves what follows one place up, from whole vectors to the same whole
// vectors: the next insertion reads just what this one stored, which the store buffer can forward.
// Highway 1.0.3 cannot shift lanes across its 128-bit blocks.
HWY_INLINE void InsertAt(uint32_t* values, uint32_t at, uint32_t size, uint32_t value) {
  uint32_t block = at & ~15u;
  __m512i v = _mm512_loadu_si512(values + block);
  const __mmask16 after = static_cast<__mmask16>(0xfffeu << (at & 15));
  const __mmask16 here = static_cast<__mmask16>(1u << (at & 15));
  __m512i moved = _mm512_mask_alignr_epi32(v, after, v, v, 15);
  _mm512_storeu_si512(values + block, _mm512_mask_set1_epi32(moved, here, static_cast<int>(value)));
  for (block += 16; block <= size; block += 16) {
    const __m512i next = _mm512_loadu_si512(values + block);
    _mm512_storeu_si512(values + block, _mm512_alignr_epi32(next, v, 15));
    v = next;
  }
}
#else
// Puts `value` at `at` and moves what follows one place up, from the top. Up to one vector of the
// padding may move along.
HWY_INLINE void InsertAt(uint32_t* values, uint32_t at, uint32_t size, uint32_t value) {
  const hn::ScalableTag<uint32_t> d;
  const auto lanes = static_cast<uint32_t>(hn::Lanes(d));
  for (uint32_t left = (size - at + lanes - 1) / lanes; left-- > 0;) {
    uint32_t* from = values + at + left * lanes;
    hn::StoreU(hn::LoadU(d, from), d, from + 1);
  }
  std::memcpy(values + at, &value, sizeof(value));  // they may be floats to everybody else
}
#endif

void PoolInsert(CandidatePool& pool, const float* distances, const uint32_t* ids, size_t n) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  for (size_t base = 0; base < n; base += lanes) {
    uint64_t near = ~uint64_t{0};
    if (pool.size == pool.capacity) {
      const V limit = hn::Set(d, pool.distances[pool.size - 1]);
      uint8_t bits[8] = {};
      hn::StoreMaskBits(d, hn::Lt(hn::LoadU(d, distances + base), limit), bits);
      std::memcpy(&near, bits, sizeof(near));
    }
    const size_t left = n - base < lanes ? n - base : lanes;
    near &= (uint64_t{1} << left) - 1;
    for (; near != 0; near &= near - 1) {
      const size_t i = base + hwy::Num0BitsBelowLS1Bit_Nonzero64(near);
      const float value = distances[i];
      if (pool.size == pool.capacity && !(value < pool.distances[pool.size - 1])) continue;
      const uint32_t at = CountNotAbove(pool.distances, pool.size, value);
      uint32_t bits;
      std::memcpy(&bits, &value, sizeof(bits));
      InsertAt(reinterpret_cast<uint32_t*>(pool.distances), at, pool.size, bits);
      InsertAt(pool.ids, at, pool.size, ids[i]);
      if (pool.size < pool.capacity) ++pool.size;
      if (at < pool.cursor) pool.cursor = at;
    }
  }
}

void Keys(const int32_t* sums, size_t n, float offset, float factor, float bias_factor,
          const RowFactor* factors, const uint32_t* ids, float* out) {
  for (size_t i = 0; i < n; ++i) {
    const RowFactor f = factors[ids[i]];
    out[i] = bias_factor * f.bias + f.scale * (factor * (static_cast<float>(sums[i]) - offset));
  }
}

// One butterfly between lanes that lie `kStep` apart: the partner is added to the lower lane, and
// from the partner the upper lane is subtracted.
template <size_t kStep>
HWY_INLINE V Butterfly(V v) {
  const D d;
  const hn::RebindToUnsigned<D> du;
  V partner = v;
  if constexpr (kStep == 1) partner = hn::Shuffle2301(v);
  if constexpr (kStep == 2) partner = hn::Shuffle1032(v);
#if HWY_MAX_BYTES >= 32
  if constexpr (kStep == 4) partner = hn::SwapAdjacentBlocks(v);
#endif
#if HWY_MAX_BYTES >= 64
  if constexpr (kStep == 8) partner = hn::ConcatLowerUpper(d, v, v);
#endif
  const auto upper = hn::And(hn::Iota(du, 0), hn::Set(du, kStep));
  const auto sign = hn::BitCast(d, hn::ShiftLeftSame(upper, 31 - hwy::FloorLog2(kStep)));
  return hn::Add(partner, hn::Xor(v, sign));
}

HWY_INLINE void WithinVectors(float* values, size_t n) {
  const D d;
  for (size_t i = 0; i < n; i += hn::Lanes(d)) {
    V v = hn::LoadU(d, values + i);
    v = Butterfly<2>(Butterfly<1>(v));
#if HWY_MAX_BYTES >= 32
    v = Butterfly<4>(v);
#endif
#if HWY_MAX_BYTES >= 64
    v = Butterfly<8>(v);
#endif
    hn::StoreU(v, d, values + i);
  }
}

void HadamardSmall(float* values, size_t n) {
  for (size_t h = 1; h < n; h *= 2) {
    for (size_t i = 0; i < n; ++i) {
      if (i & h) continue;
      const float a = values[i], b = values[i + h];
      values[i] = a + b;
      values[i + h] = a - b;
    }
  }
}

void Hadamard(float* values, size_t n) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  if (n < lanes) return HadamardSmall(values, n);
  WithinVectors(values, n);
  size_t h = lanes;
  for (; 4 * h <= n; h *= 4) {  // two stages in one pass
    for (size_t i = 0; i < n; i += 4 * h) {
      for (size_t j = i; j < i + h; j += lanes) {
        const V a = hn::LoadU(d, values + j), b = hn::LoadU(d, values + j + h);
        const V c = hn::LoadU(d, values + j + 2 * h), e = hn::LoadU(d, values + j + 3 * h);
        const V s = hn::Add(a, b), t = hn::Sub(a, b), u = hn::Add(c, e), w = hn::Sub(c, e);
        hn::StoreU(hn::Add(s, u), d, values + j);
        hn::StoreU(hn::Add(t, w), d, values + j + h);
        hn::StoreU(hn::Sub(s, u), d, values + j + 2 * h);
        hn::StoreU(hn::Sub(t, w), d, values + j + 3 * h);
      }
    }
  }
  for (; 2 * h <= n; h *= 2) {
    for (size_t j = 0; j < h; j += lanes) {
      const V a = hn::LoadU(d, values + j), b = hn::LoadU(d, values + j + h);
      hn::StoreU(hn::Add(a, b), d, values + j);
      hn::StoreU(hn::Sub(a, b), d, values + j + h);
    }
  }
}

void FillTable(KernelTable& table) { table.search = {PoolInsert, Keys, Hadamard}; }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tarn::kernels
HWY_AFTER_NAMESPACE();
#endif

#if HWY_ONCE
namespace tarn::kernels {
#include "kernels/levels-inl.h"
bool FillSearch(SimdLevel level, KernelTable& table) { return FillForLevel(level, table); }
}  // namespace tarn::kernels
#endif
