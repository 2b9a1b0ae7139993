// SPDX-License-Identifier: Apache-2.0
#include "base/crc32.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

namespace tarn {
namespace {

constexpr uint32_t kPolynomial = 0xedb88320;  // reflected

constexpr size_t kSlices = 8;
using SliceTables = std::array<std::array<uint32_t, 256>, kSlices>;

/// Table s advances a byte over s further bytes of zeros (M. Kounavis, F. Berry, "A Systematic
/// Approach to Building High Performance Software-based CRC Generators", 2005).
constexpr SliceTables MakeTables() {
  SliceTables tables{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? kPolynomial : 0);
    tables[0][i] = value;
  }
  for (size_t s = 1; s < kSlices; ++s) {
    for (size_t i = 0; i < 256; ++i) {
      const uint32_t before = tables[s - 1][i];
      tables[s][i] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

uint32_t ExtendPortable(uint32_t crc, const std::byte* p, size_t n) {
  static constexpr SliceTables kTables = MakeTables();
  for (; n >= kSlices; n -= kSlices, p += kSlices) {
    uint64_t word;
    std::memcpy(&word, p, sizeof(word));
    word ^= crc;
    crc = 0;
    for (size_t s = 0; s < kSlices; ++s) crc ^= kTables[kSlices - 1 - s][word >> (8 * s) & 0xff];
  }
  for (; n > 0; --n, ++p) crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<uint8_t>(*p)) & 0xff];
  return crc;
}

#if defined(__x86_64__)

constexpr size_t kLane = 16;
constexpr size_t kLanes = 4;

__m128i LoadLane(const std::byte* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

/// The lane moved on over as many bytes as the constants stand for, and the bytes there added.
__attribute__((target("pclmul,sse4.1"))) __m128i Fold(__m128i lane, __m128i constants,
                                                      __m128i bytes) {
  const __m128i low = _mm_clmulepi64_si128(lane, constants, 0x00);
  const __m128i high = _mm_clmulepi64_si128(lane, constants, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), bytes);
}

/// Four lanes at once by carry-less multiplication (V. Gopal et al., "Fast CRC Computation for
/// Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009). The last lane has the remainder
/// of all bytes before it, so the plain way can end the work. At least 64 bytes.
__attribute__((target("pclmul,sse4.1"))) uint32_t ExtendFolding(uint32_t crc, const std::byte* p,
                                                                size_t n) {
  // x^(8 * bytes + 32) and x^(8 * bytes - 32) modulo the polynomial, reflected.
  const __m128i over_64 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
  const __m128i over_16 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
  __m128i lanes[kLanes];
  for (size_t i = 0; i < kLanes; ++i) lanes[i] = LoadLane(p + i * kLane);
  lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi32_si128(static_cast<int>(crc)));
  p += kLanes * kLane;
  n -= kLanes * kLane;
  for (; n >= kLanes * kLane; n -= kLanes * kLane, p += kLanes * kLane) {
    for (size_t i = 0; i < kLanes; ++i) lanes[i] = Fold(lanes[i], over_64, LoadLane(p + i * kLane));
  }
  __m128i last = lanes[0];
  for (size_t i = 1; i < kLanes; ++i) last = Fold(last, over_16, lanes[i]);
  for (; n >= kLane; n -= kLane, p += kLane) last = Fold(last, over_16, LoadLane(p));
  std::byte rest[kLane];
  std::memcpy(rest, &last, kLane);
  return ExtendPortable(ExtendPortable(0, rest, kLane), p, n);
}
#endif

}  // namespace

uint32_t Crc32(std::span<const std::byte> bytes, uint32_t crc) {
  crc = ~crc;
  const std::byte* p = bytes.data();
  size_t n = bytes.size();
#if defined(__x86_64__)
  static const bool folds = __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
  if (folds && n >= kLanes * kLane) return ~ExtendFolding(crc, p, n);
#elif defined(__ARM_FEATURE_CRC32)
  for (; n >= 8; n -= 8, p += 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    crc = __crc32d(crc, word);
  }
#endif
  return ~ExtendPortable(crc, p, n);
}

}  // namespace tarn
