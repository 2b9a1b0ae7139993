// SPDX-License-Identifier: Apache-2.0
//
// Memory that starts on a cache line, as the code kernels want it. Large blocks ask for huge pages:
// the build reads rows in random order, and with small pages address translation costs it a tenth.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace tarn::index {

/// Zeroed bytes; the room is a whole number of cache lines.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(size_t size) { Resize(size); }

  /// The contents are lost, unless the size stays the same.
  void Resize(size_t size);
  size_t size() const { return size_; }

  template <typename T>
  T* as() {
    return reinterpret_cast<T*>(memory_.get());
  }
  template <typename T>
  const T* as() const {
    return reinterpret_cast<const T*>(memory_.get());
  }

 private:
  std::unique_ptr<std::byte, decltype(&std::free)> memory_{nullptr, &std::free};
  size_t size_ = 0;
};

}  // namespace tarn::index
