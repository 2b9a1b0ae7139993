// SPDX-License-Identifier: Apache-2.0
#include "iceberg/avro_codec.h"

#include <cstring>

#include "base/bytes.h"

namespace tarn::iceberg {
namespace {

using Kind = AvroType::Kind;

const AvroType kNullType;

/// Drops the bytes that only repeat the sign.
std::string MinimalDecimal(std::string_view bytes) {
  while (bytes.size() > 1) {
    const bool negative = (static_cast<unsigned char>(bytes[1]) & 0x80) != 0;
    if (bytes[0] != (negative ? '\xff' : '\0')) break;
    bytes.remove_prefix(1);
  }
  return std::string(bytes);
}

}  // namespace

void AvroDecoder::Fail(std::string_view what) {
  if (error_.empty()) error_ = what;
  bytes_ = {};
}

int64_t AvroDecoder::Long() {
  uint64_t value = 0;
  for (size_t i = 0; i < 10 && i < bytes_.size(); ++i) {
    const auto byte = static_cast<uint8_t>(bytes_[i]);
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) {
      bytes_ = bytes_.subspan(i + 1);
      return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
    }
  }
  Fail("a number is cut short");
  return 0;
}

std::string_view AvroDecoder::Fixed(uint64_t size) {
  if (size > bytes_.size()) {
    Fail("a value is cut short");
    return {};
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes_.data()), size);
  bytes_ = bytes_.subspan(size);
  return text;
}

std::string_view AvroDecoder::Bytes() {
  const int64_t size = Long();
  if (size < 0) {
    Fail("a length is negative");
    return {};
  }
  return Fixed(static_cast<uint64_t>(size));
}

bool AvroDecoder::Boolean() {
  const std::string_view byte = Fixed(1);
  return !byte.empty() && byte[0] != '\0';
}

const AvroType& AvroDecoder::Resolve(const AvroType& type) {
  const AvroType* resolved = &type;
  while (resolved->kind == Kind::kUnion) {
    const int64_t branch = Long();
    if (!ok() || branch < 0 || static_cast<uint64_t>(branch) >= resolved->branches.size()) {
      Fail("a union names a branch that does not exist");
      return kNullType;
    }
    resolved = resolved->branches[static_cast<size_t>(branch)].get();
  }
  return *resolved;
}

std::optional<int64_t> AvroDecoder::Integer(const AvroType& type) {
  const AvroType& resolved = Resolve(type);
  if (resolved.kind == Kind::kNull) return std::nullopt;
  if (resolved.kind == Kind::kInt || resolved.kind == Kind::kLong) return Long();
  Fail("an integer has another type");
  return std::nullopt;
}

std::optional<bool> AvroDecoder::Boolean(const AvroType& type) {
  const AvroType& resolved = Resolve(type);
  if (resolved.kind == Kind::kNull) return std::nullopt;
  if (resolved.kind == Kind::kBoolean) return Boolean();
  Fail("a boolean has another type");
  return std::nullopt;
}

std::optional<std::string> AvroDecoder::Text(const AvroType& type) {
  const AvroType& resolved = Resolve(type);
  switch (resolved.kind) {
    case Kind::kNull:
      return std::nullopt;
    case Kind::kString:
    case Kind::kBytes:
      return std::string(Bytes());
    case Kind::kFixed:
      return std::string(Fixed(resolved.size));
    default:
      Fail("a string has another type");
      return std::nullopt;
  }
}

Value AvroDecoder::Primitive(const AvroType& type) {
  const AvroType& resolved = Resolve(type);
  switch (resolved.kind) {
    case Kind::kNull:
      return {};
    case Kind::kBoolean:
      return Boolean();
    case Kind::kInt:
    case Kind::kEnum:
      return static_cast<int32_t>(Long());
    case Kind::kLong:
      return Long();
    case Kind::kFloat: {
      const std::string_view bytes = Fixed(sizeof(float));
      return bytes.empty() ? 0.f : LoadLe<float>(AsBytes(bytes).data());
    }
    case Kind::kDouble: {
      const std::string_view bytes = Fixed(sizeof(double));
      return bytes.empty() ? 0. : LoadLe<double>(AsBytes(bytes).data());
    }
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kFixed: {
      const std::string_view bytes = resolved.kind == Kind::kFixed ? Fixed(resolved.size) : Bytes();
      if (resolved.logical_type == "decimal") return MinimalDecimal(bytes);
      return std::string(bytes);
    }
    default:
      Fail("a partition value is not of a primitive type");
      return {};
  }
}

int64_t AvroDecoder::BlockCount() {
  int64_t count = Long();
  if (count < 0) {
    Long();  // the block's length in bytes
    if (count == INT64_MIN) Fail("a count is out of range");
    count = -count;
  }
  // No item that we know of takes less than a byte.
  if (!ok() || static_cast<uint64_t>(count) > bytes_.size()) {
    if (count != 0) Fail("a count is larger than what follows");
    return 0;
  }
  return count;
}

bool AvroDecoder::Items(const AvroType& type, const std::function<void(const AvroType&)>& read) {
  const AvroType& resolved = Resolve(type);
  if (resolved.kind == Kind::kNull) return false;
  if (resolved.kind != Kind::kArray) {
    Fail("an array has another type");
    return false;
  }
  for (int64_t count = BlockCount(); count > 0; count = BlockCount()) {
    for (; count > 0 && ok(); --count) read(*resolved.branches[0]);
  }
  return true;
}

void AvroDecoder::Skip(const AvroType& type) {
  const AvroType& resolved = Resolve(type);
  switch (resolved.kind) {
    case Kind::kNull:
    case Kind::kUnion:
      return;
    case Kind::kBoolean:
      Fixed(1);
      return;
    case Kind::kInt:
    case Kind::kLong:
    case Kind::kEnum:
      Long();
      return;
    case Kind::kFloat:
      Fixed(4);
      return;
    case Kind::kDouble:
      Fixed(8);
      return;
    case Kind::kBytes:
    case Kind::kString:
      Bytes();
      return;
    case Kind::kFixed:
      Fixed(resolved.size);
      return;
    case Kind::kRecord:
      for (const auto& field : resolved.fields) {
        if (ok()) Skip(*field.type);
      }
      return;
    case Kind::kArray:
    case Kind::kMap:
      for (int64_t count = BlockCount(); count > 0; count = BlockCount()) {
        for (; count > 0 && ok(); --count) {
          if (resolved.kind == Kind::kMap) Bytes();
          Skip(*resolved.branches[0]);
        }
      }
      return;
  }
}

void AvroEncoder::Long(int64_t value) {
  uint64_t zigzag = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  while (zigzag >= 0x80) {
    out_ += static_cast<char>(zigzag | 0x80);
    zigzag >>= 7;
  }
  out_ += static_cast<char>(zigzag);
}

void AvroEncoder::Bytes(std::string_view bytes) {
  Long(static_cast<int64_t>(bytes.size()));
  out_ += bytes;
}

void AvroEncoder::OptionalLong(const std::optional<int64_t>& value) {
  if (!value) return Null();
  NotNull();
  Long(*value);
}

void AvroEncoder::OptionalBytes(const std::optional<std::string>& value) {
  if (!value) return Null();
  NotNull();
  Bytes(*value);
}

}  // namespace tarn::iceberg
