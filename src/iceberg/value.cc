// SPDX-License-Identifier: Apache-2.0
#include "iceberg/value.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "base/bytes.h"

namespace tarn::iceberg {
namespace {

template <typename T>
std::string Raw(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename T>
T Load(std::string_view bytes) {
  return LoadLe<T>(AsBytes(bytes).data());
}

Status WrongBytes(const Type& type, std::string_view bytes) {
  return Error(ErrorKind::kCorrupt, "a bound of ", bytes.size(), " bytes is no ", type.ToString());
}

__int128 DecimalOf(std::string_view bytes) {
  __int128 value = !bytes.empty() && (static_cast<unsigned char>(bytes[0]) & 0x80) != 0 ? -1 : 0;
  for (const char c : bytes) value = value * 256 + static_cast<unsigned char>(c);
  return value;
}

/// The bytes of the code point that starts at `at`; 0 when it is not valid UTF-8.
size_t CodePointLength(std::string_view text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const size_t length = lead < 0x80       ? 1
                        : lead >> 5 == 6  ? 2
                        : lead >> 4 == 14 ? 3
                        : lead >> 3 == 30 ? 4
                                          : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[at + i]) & 0xc0) != 0x80) return 0;
  }
  return length;
}

uint32_t DecodeCodePoint(std::string_view bytes) {
  const auto lead = static_cast<unsigned char>(bytes[0]);
  if (bytes.size() == 1) return lead;
  uint32_t point = lead & (0x7fu >> bytes.size());
  for (size_t i = 1; i < bytes.size(); ++i) {
    point = point << 6 | (static_cast<unsigned char>(bytes[i]) & 0x3f);
  }
  return point;
}

std::string EncodeCodePoint(uint32_t point) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | ((point >> shift) & 0x3f)); };
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) return {static_cast<char>(0xc0 | point >> 6), tail(0)};
  if (point < 0x10000) return {static_cast<char>(0xe0 | point >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xf0 | point >> 18), tail(12), tail(6), tail(0)};
}

/// Where each of the first code points begins, and the end; empty if the text is not UTF-8.
std::vector<size_t> CodePointStarts(std::string_view text, int32_t width) {
  std::vector<size_t> starts = {0};
  while (starts.back() < text.size() && starts.size() <= static_cast<size_t>(width)) {
    const size_t length = CodePointLength(text, starts.back());
    if (length == 0) return {};
    starts.push_back(starts.back() + length);
  }
  return starts;
}

std::optional<std::string> IncrementText(std::string_view text, std::vector<size_t> starts) {
  while (starts.size() > 1) {
    const size_t begin = starts[starts.size() - 2], end = starts.back();
    uint32_t point = DecodeCodePoint(text.substr(begin, end - begin)) + 1;
    if (point == 0xd800) point = 0xe000;  // surrogates are no characters
    if (point <= 0x10ffff) return std::string(text.substr(0, begin)) + EncodeCodePoint(point);
    starts.pop_back();
  }
  return std::nullopt;
}

std::optional<std::string> IncrementBytes(std::string bytes) {
  while (!bytes.empty()) {
    if (bytes.back() != '\xff') {
      bytes.back() = static_cast<char>(static_cast<unsigned char>(bytes.back()) + 1);
      return bytes;
    }
    bytes.pop_back();
  }
  return std::nullopt;
}

/// The alternative of Value that holds a type.
size_t AlternativeOf(const Type& type) {
  switch (type.id) {
    case TypeId::kBoolean:
      return 1;
    case TypeId::kInt:
    case TypeId::kDate:
      return 2;
    case TypeId::kLong:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      return 3;
    case TypeId::kFloat:
      return 4;
    case TypeId::kDouble:
      return 5;
    case TypeId::kString:
    case TypeId::kBinary:
    case TypeId::kFixed:
    case TypeId::kUuid:
    case TypeId::kDecimal:
      return 6;
    default:
      return 0;
  }
}

}  // namespace

Result<std::string> EncodeValue(const Type& type, const Value& value) {
  const size_t alternative = AlternativeOf(type);
  if (alternative == 0 || alternative != value.index()) {
    return Error(ErrorKind::kBadInput, "a value does not have the type ", type.ToString());
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    const size_t size = type.id == TypeId::kUuid    ? 16
                        : type.id == TypeId::kFixed ? static_cast<size_t>(type.length)
                                                    : text->size();
    if (text->size() != size) {
      return Error(ErrorKind::kBadInput, "a value of ", text->size(), " bytes is no ",
                   type.ToString());
    }
    return *text;
  }
  return std::visit(
      [](const auto& v) -> std::string {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, bool>) {
          return std::string(1, v ? '\1' : '\0');
        } else if constexpr (std::is_arithmetic_v<T>) {
          return Raw(v);
        } else {
          return {};
        }
      },
      value);
}

Result<Value> DecodeValue(const Type& type, std::string_view bytes) {
  switch (AlternativeOf(type)) {
    case 1:
      if (bytes.size() == 1) return Value(bytes[0] != '\0');
      break;
    case 2:
      if (bytes.size() == 4) return Value(Load<int32_t>(bytes));
      break;
    case 3:
      if (bytes.size() == 8) return Value(Load<int64_t>(bytes));
      if (bytes.size() == 4) return Value(int64_t{Load<int32_t>(bytes)});
      break;
    case 4:
      if (bytes.size() == 4) return Value(Load<float>(bytes));
      break;
    case 5:
      if (bytes.size() == 8) return Value(Load<double>(bytes));
      if (bytes.size() == 4) return Value(double{Load<float>(bytes)});
      break;
    case 6:
      if (type.id == TypeId::kUuid && bytes.size() != 16) break;
      if (type.id == TypeId::kFixed && bytes.size() != static_cast<size_t>(type.length)) break;
      if (type.id == TypeId::kDecimal && (bytes.empty() || bytes.size() > 16)) break;
      return Value(std::string(bytes));
    default:
      break;
  }
  return WrongBytes(type, bytes);
}

std::optional<std::strong_ordering> CompareEncoded(const Type& type, std::string_view a,
                                                   std::string_view b) {
  const auto left = DecodeValue(type, a), right = DecodeValue(type, b);
  if (!left.ok() || !right.ok()) return std::nullopt;
  if (type.id == TypeId::kDecimal) return DecimalOf(a) <=> DecimalOf(b);
  return std::visit(
      [](const auto& x, const auto& y) -> std::optional<std::strong_ordering> {
        using X = std::decay_t<decltype(x)>;
        using Y = std::decay_t<decltype(y)>;
        if constexpr (!std::is_same_v<X, Y>) {
          return std::nullopt;
        } else if constexpr (std::is_floating_point_v<X>) {
          if (x < y) return std::strong_ordering::less;
          if (x > y) return std::strong_ordering::greater;
          if (x == y) return std::strong_ordering::equal;
          return std::nullopt;
        } else {
          return x <=> y;
        }
      },
      *left, *right);
}

std::string TruncateLowerBound(const Type& type, std::string_view bound, int32_t width) {
  const auto bytes = static_cast<size_t>(width);
  if (type.id == TypeId::kString) {
    const auto starts = CodePointStarts(bound, width);
    return std::string(bound.substr(0, starts.empty() ? bytes : starts.back()));
  }
  return std::string(type.id == TypeId::kBinary ? bound.substr(0, bytes) : bound);
}

std::optional<std::string> TruncateUpperBound(const Type& type, std::string_view bound,
                                              int32_t width) {
  if (type.id == TypeId::kString) {
    const auto starts = CodePointStarts(bound, width);
    if (starts.empty()) return std::nullopt;
    if (starts.back() == bound.size()) return std::string(bound);
    return IncrementText(bound, starts);
  }
  if (type.id == TypeId::kBinary && bound.size() > static_cast<size_t>(width)) {
    return IncrementBytes(std::string(bound.substr(0, static_cast<size_t>(width))));
  }
  return std::string(bound);
}

std::string DecimalBytes(__int128 unscaled) {
  std::string bytes;
  for (;;) {
    const auto byte = static_cast<unsigned char>(unscaled & 0xff);
    bytes.insert(bytes.begin(), static_cast<char>(byte));
    unscaled >>= 8;
    if ((unscaled == 0 && (byte & 0x80) == 0) || (unscaled == -1 && (byte & 0x80) != 0)) {
      return bytes;
    }
  }
}

}  // namespace tarn::iceberg
