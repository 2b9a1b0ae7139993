// SPDX-License-Identifier: Apache-2.0
//
// What surrounds a matrix product of many queries with many rows, compiled once for each Highway
// target: rows to floats before it, and the few products that are large enough after it.
#include <cstring>

#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tiles_simd.cc"
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

#include "kernels/elements-inl.h"

template <class Element>
void Widen(const std::byte* const* rows, size_t n, size_t dim, const float* scales, float* out) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  for (size_t r = 0; r < n; ++r, out += dim) {
    const std::byte* row = rows[r];
    const V scale = hn::Set(d, scales[r]);
    size_t i = 0;
    for (; i + lanes <= dim; i += lanes) {
      hn::StoreU(hn::Mul(scale, Element::Load(row + i * Element::kBytes)), d, out + i);
    }
    if (i == dim) continue;
    HWY_ALIGN std::byte tail[HWY_MAX_BYTES] = {};
    HWY_ALIGN float values[HWY_MAX_BYTES / sizeof(float)];
    std::memcpy(tail, row + i * Element::kBytes, (dim - i) * Element::kBytes);
    hn::Store(hn::Mul(scale, Element::Load(tail)), d, values);
    std::memcpy(out + i, values, (dim - i) * sizeof(float));
  }
}

size_t Select(const float* values, const float* biases, size_t n, float limit, uint32_t* out) {
  const D d;
  const hn::RebindToUnsigned<D> du;
  const size_t lanes = hn::Lanes(d);
  const V least = hn::Set(d, limit);
  size_t found = 0, i = 0;
  const auto below = [&](size_t at) HWY_ATTR {
    return hn::Lt(hn::Add(hn::LoadU(d, values + at), hn::LoadU(d, biases + at)), least);
  };
  const auto keep = [&](size_t at) HWY_ATTR {
    const auto ids = hn::Add(hn::Iota(du, 0), hn::Set(du, static_cast<uint32_t>(at)));
    found += hn::CompressStore(ids, hn::RebindMask(du, hn::Not(below(at))), du, out + found);
  };
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    const auto all = hn::And(hn::And(below(i), below(i + lanes)),
                             hn::And(below(i + 2 * lanes), below(i + 3 * lanes)));
    if (hn::AllTrue(d, all)) continue;
    for (size_t at = i; at < i + 4 * lanes; at += lanes) keep(at);
  }
  for (; i + lanes <= n; i += lanes) keep(i);
  for (; i < n; ++i) {
    if (!(values[i] + biases[i] < limit)) out[found++] = static_cast<uint32_t>(i);
  }
  return found;
}

void FillTable(KernelTable& table) { table.tiles = {Widen<F32>, Widen<F16>, Widen<I8>, Select}; }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tarn::kernels
HWY_AFTER_NAMESPACE();
#endif

#if HWY_ONCE
namespace tarn::kernels {
#include "kernels/levels-inl.h"
bool FillTiles(SimdLevel level, KernelTable& table) { return FillForLevel(level, table); }
}  // namespace tarn::kernels
#endif
