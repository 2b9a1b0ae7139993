// SPDX-License-Identifier: Apache-2.0
//
// Product-quantised rows, compiled once for each Highway target. Four bits are looked up inside
// registers (André, Kermarrec, Le Scouarnec, "Quicker ADC", TPAMI 2021): a block of 16 rows has one
// 128-bit lane for each pair of sub-vectors, so that a vector of any width holds whole lanes. Table
// values are below 64: four of them add up inside a byte before they are widened.
#include <cstring>

#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pq_simd.cc"
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

using D8 = hn::ScalableTag<uint8_t>;
using D16 = hn::ScalableTag<uint16_t>;
using DF = hn::ScalableTag<float>;
using D32 = hn::ScalableTag<uint32_t>;
using V8 = hn::Vec<D8>;
using V16 = hn::Vec<D16>;
using VF = hn::Vec<DF>;
using D128 = hn::Full128<uint16_t>;
using V128 = hn::Vec<D128>;

// 1,024 sub-vectors of at most 63 fit 16 bits.
constexpr size_t kChunkBytes = 512 * 16;

#if HWY_MAX_BYTES >= 64
HWY_INLINE V128 AddLanes(V16 v) {
  const hn::Half<D16> dh;
  const auto half = hn::Add(hn::LowerHalf(dh, v), hn::UpperHalf(dh, v));
  return hn::Add(hn::LowerHalf(D128(), half), hn::UpperHalf(D128(), half));
}
#elif HWY_MAX_BYTES >= 32
HWY_INLINE V128 AddLanes(V16 v) {
  return hn::Add(hn::LowerHalf(D128(), v), hn::UpperHalf(D128(), v));
}
#else
HWY_INLINE V128 AddLanes(V16 v) { return v; }
#endif

// The sums of a block's 16 rows.
struct Sums {
  V128 low, high;  // rows 0 to 7, 8 to 15
};

// Looks up the even and the odd sub-vectors of a vector of codes and adds the two.
HWY_INLINE V8 LookUp(const uint8_t* codes, V8 even, V8 odd) {
  const D8 d8;
  const V8 mask = hn::Set(d8, 15);
  const V8 code = hn::LoadU(d8, codes);
  const V8 high = hn::BitCast(d8, hn::ShiftRight<4>(hn::BitCast(D16(), code)));
  return hn::Add(hn::TableLookupBytes(even, hn::And(code, mask)),
                 hn::TableLookupBytes(odd, hn::And(high, mask)));
}

// Bytes summed as 16-bit numbers.
struct WideSum {
  V16 all;   // the even bytes, and 256 times the odd ones
  V16 odds;  // the odd bytes alone
  // Written out: a constructor that the compiler makes would not be compiled for the target.
  HWY_INLINE WideSum() : all(hn::Zero(D16())), odds(hn::Zero(D16())) {}
  HWY_INLINE void Add(V8 values) {
    const V16 pairs = hn::BitCast(D16(), values);
    all = hn::Add(all, pairs);
    odds = hn::Add(odds, hn::ShiftRight<8>(pairs));
  }
  HWY_INLINE Sums Total() const {
    const V128 odd_rows = AddLanes(odds);
    const V128 even_rows = AddLanes(hn::Sub(all, hn::ShiftLeft<8>(odds)));
    return {hn::InterleaveLower(D128(), even_rows, odd_rows),
            hn::InterleaveUpper(D128(), even_rows, odd_rows)};
  }
};

// Two blocks at a time share the loads of the tables.
HWY_INLINE void SumTwo(const uint8_t* first, const uint8_t* second, size_t bytes,
                       const uint8_t* even, const uint8_t* odd, Sums& first_out,
                       Sums& second_out) {
  const D8 d8;
  const size_t step = hn::Lanes(d8);
  WideSum a, b;
  size_t at = 0;
  for (; at + 2 * step <= bytes; at += 2 * step) {
    const V8 even0 = hn::LoadU(d8, even + at), odd0 = hn::LoadU(d8, odd + at);
    const V8 even1 = hn::LoadU(d8, even + at + step), odd1 = hn::LoadU(d8, odd + at + step);
    a.Add(hn::Add(LookUp(first + at, even0, odd0), LookUp(first + at + step, even1, odd1)));
    b.Add(hn::Add(LookUp(second + at, even0, odd0), LookUp(second + at + step, even1, odd1)));
  }
  for (; at < bytes; at += step) {
    const V8 even0 = hn::LoadU(d8, even + at), odd0 = hn::LoadU(d8, odd + at);
    a.Add(LookUp(first + at, even0, odd0));
    b.Add(LookUp(second + at, even0, odd0));
  }
  first_out = a.Total();
  second_out = b.Total();
}

HWY_INLINE Sums SumOne(const uint8_t* codes, size_t bytes, const uint8_t* even,
                       const uint8_t* odd) {
  const D8 d8;
  const size_t step = hn::Lanes(d8);
  WideSum a;
  size_t at = 0;
  for (; at + 2 * step <= bytes; at += 2 * step) {
    const size_t next = at + step;
    a.Add(hn::Add(LookUp(codes + at, hn::LoadU(d8, even + at), hn::LoadU(d8, odd + at)),
                  LookUp(codes + next, hn::LoadU(d8, even + next), hn::LoadU(d8, odd + next))));
  }
  for (; at < bytes; at += step) {
    a.Add(LookUp(codes + at, hn::LoadU(d8, even + at), hn::LoadU(d8, odd + at)));
  }
  return a.Total();
}

#if HWY_MAX_BYTES >= 64
HWY_INLINE VF FloatsOf(const Sums& sums, size_t) {
  const hn::Full256<uint16_t> d256;
  return hn::ConvertTo(DF(), hn::BitCast(hn::RebindToSigned<D32>(),
                                         hn::PromoteTo(D32(), hn::Combine(d256, sums.high, sums.low))));
}
#elif HWY_MAX_BYTES >= 32
HWY_INLINE VF FloatsOf(const Sums& sums, size_t at) {
  return hn::ConvertTo(DF(), hn::BitCast(hn::RebindToSigned<D32>(),
                                         hn::PromoteTo(D32(), at == 0 ? sums.low : sums.high)));
}
#else
HWY_INLINE VF FloatsOf(const Sums& sums, size_t at) {
  const V128 v = at < 8 ? sums.low : sums.high;
  const hn::Half<D128> dh;
  return hn::ConvertTo(
      DF(), hn::BitCast(hn::RebindToSigned<D32>(),
                        hn::PromoteTo(D32(), at % 8 == 0 ? hn::LowerHalf(dh, v)
                                                         : hn::UpperHalf(dh, v))));
}
#endif

// Writes the rows of `wanted` whose keys are below the limit.
class Output {
 public:
  HWY_INLINE Output(const PqQuery& query, float limit, float* keys, uint32_t* rows)
      : query_(query), limit_(limit), keys_(keys), rows_(rows), found_(0) {}

  template <class SumsAt>
  HWY_INLINE void Add(const std::byte* factors, uint32_t wanted, SumsAt sums_at) {
    const DF df;
    const size_t lanes = hn::Lanes(df);
    const auto* values = reinterpret_cast<const float*>(factors);
    const VF base = hn::Set(df, query_.base), bias_factor = hn::Set(df, query_.bias_factor);
    const VF offset = hn::Set(df, query_.offset), factor = hn::Set(df, query_.factor);
    HWY_ALIGN float keys[kPqBlockRows];
    uint32_t near = 0;
    for (size_t at = 0; at < kPqBlockRows; at += lanes) {
      const VF bias = hn::MulAdd(bias_factor, hn::Load(df, values + 16 + at), base);
      const VF product = hn::MulAdd(factor, sums_at(at), offset);
      const VF key = hn::MulAdd(hn::Load(df, values + at), product, bias);
      uint8_t bits[8] = {};
      hn::StoreMaskBits(df, hn::Lt(key, hn::Set(df, limit_)), bits);
      uint32_t mask;
      std::memcpy(&mask, bits, sizeof(mask));
      near |= mask << at;
      hn::Store(key, df, keys + at);
    }
    near &= wanted;
    const auto* rows = reinterpret_cast<const uint32_t*>(factors + 128);
    for (; near != 0; near &= near - 1) {
      const size_t r = hwy::Num0BitsBelowLS1Bit_Nonzero32(near);
      keys_[found_] = keys[r];
      rows_[found_++] = rows[r];
    }
  }
  HWY_INLINE size_t found() const { return found_; }

 private:
  const PqQuery& query_;
  float limit_;
  float* keys_;
  uint32_t* rows_;
  size_t found_;
};

HWY_INLINE uint32_t Wanted(const PqBlocks& in, size_t b) {
  const size_t left = in.rows - b * kPqBlockRows;
  const uint32_t there = left < kPqBlockRows ? (1u << left) - 1 : 0xffffu;
  return in.live == nullptr ? there : there & in.live[b];
}

// More sub-vectors than one 16-bit sum can take.
HWY_INLINE void SumLong(const uint8_t* codes, size_t bytes, const uint8_t* even,
                        const uint8_t* odd, float* totals) {
  const DF df;
  for (size_t r = 0; r < kPqBlockRows; r += hn::Lanes(df)) hn::Store(hn::Zero(df), df, totals + r);
  for (size_t at = 0; at < bytes; at += kChunkBytes) {
    const size_t left = bytes - at;
    const Sums sums = SumOne(codes + at, left < kChunkBytes ? left : kChunkBytes, even + at, odd + at);
    for (size_t r = 0; r < kPqBlockRows; r += hn::Lanes(df)) {
      hn::Store(hn::Add(hn::Load(df, totals + r), FloatsOf(sums, r)), df, totals + r);
    }
  }
}

size_t Scan4(const PqBlocks& in, const PqQuery& query, float limit, float* keys, uint32_t* rows) {
  const DF df;
  const auto* even = static_cast<const uint8_t*>(query.tables);
  const size_t bytes = in.code_bytes;
  const uint8_t* odd = even + bytes;
  Output output(query, limit, keys, rows);
  const std::byte* block = in.blocks;
  const size_t stride = bytes + kPqFactorBytes;
  const size_t blocks = (in.rows + kPqBlockRows - 1) / kPqBlockRows;
  for (size_t b = 0; b < blocks;) {
    const uint32_t wanted = Wanted(in, b);
    const auto* codes = reinterpret_cast<const uint8_t*>(block);
    const uint32_t wanted_next = b + 1 < blocks ? Wanted(in, b + 1) : 0;
    if (bytes > kChunkBytes) {
      HWY_ALIGN float totals[kPqBlockRows];
      SumLong(codes, bytes, even, odd, totals);
      output.Add(block + bytes, wanted, [&](size_t at) HWY_ATTR { return hn::Load(df, totals + at); });
      ++b, block += stride;
    } else if (wanted != 0 && wanted_next != 0) {
      Sums first, second;
      SumTwo(codes, codes + stride, bytes, even, odd, first, second);
      output.Add(block + bytes, wanted, [&](size_t at) HWY_ATTR { return FloatsOf(first, at); });
      output.Add(block + stride + bytes, wanted_next,
                 [&](size_t at) HWY_ATTR { return FloatsOf(second, at); });
      b += 2, block += 2 * stride;
    } else {
      if (wanted != 0) {
        const Sums sums = SumOne(codes, bytes, even, odd);
        output.Add(block + bytes, wanted, [&](size_t at) HWY_ATTR { return FloatsOf(sums, at); });
      }
      ++b, block += stride;
    }
  }
  return output.found();
}

size_t Scan8(const PqBlocks& in, const PqQuery& query, float limit, float* keys, uint32_t* rows) {
  Output output(query, limit, keys, rows);
  const std::byte* block = in.blocks;
  const size_t stride = in.code_bytes + kPqFactorBytes;
  for (size_t b = 0; b * kPqBlockRows < in.rows; ++b, block += stride) {
    const uint32_t wanted = Wanted(in, b);
    if (wanted == 0) continue;
    HWY_ALIGN float floats[kPqBlockRows];
    const auto* codes = reinterpret_cast<const uint8_t*>(block);
    // Half of the rows at a time: their sums stay in registers.
    for (size_t half = 0; half < kPqBlockRows; half += 8) {
      uint64_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0;
      const auto* table = static_cast<const uint16_t*>(query.tables);
      for (size_t at = half; at < in.code_bytes; at += kPqBlockRows, table += 256) {
        uint64_t code;
        std::memcpy(&code, codes + at, sizeof(code));
        s0 += table[code & 255], s1 += table[code >> 8 & 255];
        s2 += table[code >> 16 & 255], s3 += table[code >> 24 & 255];
        s4 += table[code >> 32 & 255], s5 += table[code >> 40 & 255];
        s6 += table[code >> 48 & 255], s7 += table[code >> 56];
      }
      const uint64_t sums[8] = {s0, s1, s2, s3, s4, s5, s6, s7};
      for (size_t r = 0; r < 8; ++r) floats[half + r] = static_cast<float>(sums[r]);
    }
    const DF df;
    output.Add(block + in.code_bytes, wanted,
               [&](size_t at) HWY_ATTR { return hn::Load(df, floats + at); });
  }
  return output.found();
}

float DotTables(const float* query, const float* columns, const uint32_t* starts, size_t m,
                size_t count, float* out) {
  const DF df;
  VF largest = hn::Zero(df);
  for (size_t s = 0; s < m; ++s) {
    for (size_t j = 0; j < count; j += hn::Lanes(df)) {
      VF sum = hn::Zero(df);
      for (size_t d = starts[s]; d < starts[s + 1]; ++d) {
        sum = hn::MulAdd(hn::Set(df, query[d]), hn::LoadU(df, columns + d * count + j), sum);
      }
      hn::StoreU(sum, df, out + s * count + j);
      largest = hn::Max(largest, hn::Abs(sum));
    }
  }
  return hn::GetLane(hn::MaxOfLanes(df, largest));
}

void Pack4(const float* tables, size_t m, float per_step, size_t code_bytes, uint8_t* out) {
  const DF df;
  const hn::RebindToSigned<DF> di;
  const hn::Rebind<uint8_t, DF> d8;
  std::memset(out, 0, 2 * code_bytes);
  const auto middle = hn::Set(di, kPq4Middle), zero = hn::Zero(di), most = hn::Set(di, 63);
  for (size_t s = 0; s < m; ++s) {
    uint8_t* table = out + (s % 2 == 0 ? 0 : code_bytes) + s / 2 * 16;
    for (size_t j = 0; j < 16; j += hn::Lanes(df)) {
      const VF scaled = hn::Mul(hn::LoadU(df, tables + s * 16 + j), hn::Set(df, per_step));
      const auto value = hn::Add(hn::NearestInt(scaled), middle);
      hn::StoreU(hn::DemoteTo(d8, hn::Min(hn::Max(value, zero), most)), d8, table + j);
    }
  }
}

void Nearest(const float* columns, size_t stride, size_t n, const float* centroids,
             const float* half_norms, size_t count, size_t dim, uint8_t* out) {
  const DF df;
  const hn::RebindToSigned<DF> di;
  const size_t lanes = hn::Lanes(df);
  HWY_ALIGN int32_t chosen[2 * HWY_MAX_BYTES / 4];
  const size_t step = 16 < lanes ? lanes : 16;
  for (size_t i = 0; i < n; i += step) {
    for (size_t v = 0; v < step && i + v < n; v += lanes) {
      const float* x = columns + i + v;
      VF best = hn::Set(df, half_norms[0]);
      for (size_t d = 0; d < dim; ++d) {
        best = hn::Sub(best, hn::Mul(hn::Set(df, centroids[d]), hn::LoadU(df, x + d * stride)));
      }
      auto at = hn::Zero(di);
      for (size_t j = 1; j < count; ++j) {
        VF value = hn::Set(df, half_norms[j]);
        for (size_t d = 0; d < dim; ++d) {
          // No fused arithmetic: every level must choose alike.
          value = hn::Sub(value, hn::Mul(hn::Set(df, centroids[j * dim + d]),
                                         hn::LoadU(df, x + d * stride)));
        }
        const auto nearer = hn::Lt(value, best);
        best = hn::IfThenElse(nearer, value, best);
        at = hn::IfThenElse(hn::RebindMask(di, nearer), hn::Set(di, static_cast<int32_t>(j)), at);
      }
      hn::Store(at, di, chosen + v);
    }
    for (size_t r = 0; r < step && i + r < n; ++r) out[i + r] = static_cast<uint8_t>(chosen[r]);
  }
}

void FillTable(KernelTable& table) { table.pq = {Scan4, Scan8, DotTables, Pack4, Nearest}; }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tarn::kernels
HWY_AFTER_NAMESPACE();
#endif

#if HWY_ONCE
namespace tarn::kernels {
#include "kernels/levels-inl.h"
bool FillPq(SimdLevel level, KernelTable& table) { return FillForLevel(level, table); }
}  // namespace tarn::kernels
#endif
