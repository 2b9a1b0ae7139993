// SPDX-License-Identifier: Apache-2.0
#include "base/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

namespace tarn {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // reflected

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? kPolynomial : 0);
    table[i] = value;
  }
  return table;
}

[[maybe_unused]] uint32_t ExtendPortable(uint32_t crc, const std::byte* p, size_t n) {
  static constexpr std::array<uint32_t, 256> kTable = MakeTable();
  for (size_t i = 0; i < n; ++i)
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<uint8_t>(p[i])) & 0xff];
  return crc;
}

#if defined(__x86_64__)

// The instruction takes three cycles, but one can begin in each: three stretches side by side.
constexpr size_t kStretch = 4096;

using ShiftTables = std::array<std::array<uint32_t, 256>, 4>;

/// What each byte of a remainder becomes after kStretch further bytes of zeros.
ShiftTables MakeShiftTables() {
  const std::array<std::byte, kStretch> zeros{};
  std::array<uint32_t, 32> bits;
  for (uint32_t bit = 0; bit < 32; ++bit)
    bits[bit] = ExtendPortable(uint32_t{1} << bit, zeros.data(), kStretch);
  ShiftTables tables{};
  for (uint32_t place = 0; place < 4; ++place) {
    for (uint32_t value = 0; value < 256; ++value) {
      for (uint32_t bit = 0; bit < 8; ++bit)
        if (value >> bit & 1) tables[place][value] ^= bits[8 * place + bit];
    }
  }
  return tables;
}

uint32_t ShiftOverStretch(uint32_t crc) {
  static const ShiftTables kTables = MakeShiftTables();
  return kTables[0][crc & 0xff] ^ kTables[1][crc >> 8 & 0xff] ^ kTables[2][crc >> 16 & 0xff] ^
         kTables[3][crc >> 24];
}

uint64_t LoadWord(const std::byte* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof(word));
  return word;
}

__attribute__((target("sse4.2"))) uint32_t ExtendHardware(uint32_t crc, const std::byte* p,
                                                          size_t n) {
  for (; n >= 3 * kStretch; n -= 3 * kStretch, p += 3 * kStretch) {
    uint64_t first = crc, second = 0, third = 0;
    for (size_t i = 0; i < kStretch; i += 8) {
      first = _mm_crc32_u64(first, LoadWord(p + i));
      second = _mm_crc32_u64(second, LoadWord(p + kStretch + i));
      third = _mm_crc32_u64(third, LoadWord(p + 2 * kStretch + i));
    }
    crc = ShiftOverStretch(static_cast<uint32_t>(first)) ^ static_cast<uint32_t>(second);
    crc = ShiftOverStretch(crc) ^ static_cast<uint32_t>(third);
  }
  uint64_t wide = crc;
  for (; n >= 8; n -= 8, p += 8) wide = _mm_crc32_u64(wide, LoadWord(p));
  crc = static_cast<uint32_t>(wide);
  for (; n > 0; --n, ++p) crc = _mm_crc32_u8(crc, static_cast<uint8_t>(*p));
  return crc;
}
#endif

}  // namespace

uint32_t Crc32c(std::span<const std::byte> bytes, uint32_t crc) {
  crc = ~crc;
#if defined(__x86_64__)
  static const bool has_hardware = __builtin_cpu_supports("sse4.2");
  crc = has_hardware ? ExtendHardware(crc, bytes.data(), bytes.size())
                     : ExtendPortable(crc, bytes.data(), bytes.size());
#elif defined(__ARM_FEATURE_CRC32)
  const std::byte* p = bytes.data();
  size_t n = bytes.size();
  for (; n >= 8; n -= 8, p += 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    crc = __crc32cd(crc, word);
  }
  for (; n > 0; --n, ++p) crc = __crc32cb(crc, static_cast<uint8_t>(*p));
#else
  crc = ExtendPortable(crc, bytes.data(), bytes.size());
#endif
  return ~crc;
}

}  // namespace tarn
