// SPDX-License-Identifier: Apache-2.0
//
// Little-endian numbers in byte buffers. Readers are bounds-checked: parsing hostile bytes can fail
// but never reads past the end.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace tarn {

static_assert(std::endian::native == std::endian::little, "Tarn's formats are read in place");

template <typename T>
T LoadLe(const std::byte* p) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  std::memcpy(&value, p, sizeof(T));
  return value;
}

template <typename T>
void AppendLe(std::vector<std::byte>& out, T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  const size_t at = out.size();
  out.resize(at + sizeof(T));
  std::memcpy(out.data() + at, &value, sizeof(T));
}

inline std::span<const std::byte> AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// Reads numbers one after the other. After the first read past the end ok() is false and every
/// further read gives zero: check once, at the end of a structure.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <typename T>
  T Read() {
    T value{};
    if (Need(sizeof(T))) {
      value = LoadLe<T>(bytes_.data() + position_);
      position_ += sizeof(T);
    }
    return value;
  }

  std::span<const std::byte> ReadBytes(size_t n) {
    if (!Need(n)) return {};
    position_ += n;
    return bytes_.subspan(position_ - n, n);
  }

  bool ok() const { return ok_; }
  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }

 private:
  bool Need(size_t n) {
    if (!ok_ || n > bytes_.size() - position_) ok_ = false;
    return ok_;
  }

  std::span<const std::byte> bytes_;
  size_t position_ = 0;
  bool ok_ = true;
};

}  // namespace tarn
