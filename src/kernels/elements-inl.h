// SPDX-License-Identifier: Apache-2.0
//
// Included inside the unnamed namespace of each target of a unit that reads rows: the element types
// of stored vectors. A row is bytes of any alignment; Load gives its next floats.

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

struct F32 {
  static constexpr size_t kBytes = 4;
  static HWY_INLINE V Load(const std::byte* p) {
    const D d;
    const hn::Repartition<uint8_t, D> du8;
    return hn::BitCast(d, hn::LoadU(du8, reinterpret_cast<const uint8_t*>(p)));
  }
};
struct F16 {
  static constexpr size_t kBytes = 2;
  static HWY_INLINE V Load(const std::byte* p) {
    const D d;
    const hn::Rebind<hwy::float16_t, D> dh;
    const hn::Repartition<uint8_t, decltype(dh)> du8;
    return hn::PromoteTo(d, hn::BitCast(dh, hn::LoadU(du8, reinterpret_cast<const uint8_t*>(p))));
  }
};
struct I8 {
  static constexpr size_t kBytes = 1;
  static HWY_INLINE V Load(const std::byte* p) {
    const D d;
    const hn::RebindToSigned<D> d32;
    const hn::Rebind<int8_t, D> d8;
    return hn::ConvertTo(d, hn::PromoteTo(d32, hn::LoadU(d8, reinterpret_cast<const int8_t*>(p))));
  }
};
