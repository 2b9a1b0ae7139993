// SPDX-License-Identifier: Apache-2.0
//
// Memory that starts on a cache line, as the code kernels want it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tarn::index {

struct alignas(64) CacheLine {
  std::byte bytes[64];
};

/// Zeroed bytes, in whole cache lines.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(size_t size) { Resize(size); }

  void Resize(size_t size) {
    lines_.resize((size + 63) / 64);
    size_ = size;
  }
  size_t size() const { return size_; }

  template <typename T>
  T* as() {
    return reinterpret_cast<T*>(lines_.data());
  }
  template <typename T>
  const T* as() const {
    return reinterpret_cast<const T*>(lines_.data());
  }
  std::span<const std::byte> span() const { return {as<std::byte>(), size_}; }

 private:
  std::vector<CacheLine> lines_;
  size_t size_ = 0;
};

}  // namespace tarn::index
