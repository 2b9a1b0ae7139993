// SPDX-License-Identifier: Apache-2.0
#include "base/random_id.h"

#include <sys/random.h>

#include <array>
#include <chrono>
#include <cstring>
#include <random>

namespace tarn {
namespace {

std::array<uint8_t, 16> RandomBytes() {
  // The kernel's generator: no seed to share by accident after a fork.
  std::array<uint8_t, 16> bytes;
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    std::random_device device;
    for (auto& byte : bytes) byte = static_cast<uint8_t>(device());
  }
  return bytes;
}

std::string Format(std::array<uint8_t, 16> bytes, uint8_t version) {
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | (version << 4));
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    text.push_back(kHex[bytes[i] >> 4]);
    text.push_back(kHex[bytes[i] & 15]);
  }
  return text;
}

}  // namespace

std::string NewUuid4() { return Format(RandomBytes(), 4); }

std::string NewUuid7() {
  auto bytes = RandomBytes();
  const auto millis = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                                std::chrono::system_clock::now().time_since_epoch())
                                                .count());
  for (int i = 0; i < 6; ++i) bytes[i] = static_cast<uint8_t>(millis >> (40 - 8 * i));
  return Format(bytes, 7);
}

int64_t NewRandomId() {
  for (;;) {
    const auto bytes = RandomBytes();
    int64_t value;
    std::memcpy(&value, bytes.data(), sizeof(value));
    value &= INT64_MAX;
    if (value > 0) return value;
  }
}

}  // namespace tarn
