// SPDX-License-Identifier: Apache-2.0
//
// Avro's binary encoding. The decoder reads values of whatever type the writer chose; after the
// first error it is not ok and gives nothing more, so check once per record. Every count is bounded
// by the bytes that remain.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "iceberg/avro_type.h"
#include "iceberg/value.h"

namespace tarn::iceberg {

class AvroDecoder {
 public:
  explicit AvroDecoder(std::span<const std::byte> bytes) : bytes_(bytes) {}

  // Raw encodings.
  int64_t Long();
  std::string_view Bytes();
  std::string_view Fixed(uint64_t size);

  // Values of a writer's type; nullopt is null. A type of another family is an error.
  std::optional<int64_t> Integer(const AvroType& type);
  std::optional<bool> Boolean(const AvroType& type);
  std::optional<std::string> Text(const AvroType& type);  ///< string, bytes or fixed
  /// Any primitive. Decimals become minimal.
  Value Primitive(const AvroType& type);
  /// Calls `read` for each item of an array. `read` must consume the item. False for null.
  bool Items(const AvroType& type, const std::function<void(const AvroType&)>& read);
  void Skip(const AvroType& type);
  /// Follows unions to the branch that was written.
  const AvroType& Resolve(const AvroType& type);

  bool ok() const { return error_.empty(); }
  const std::string& error() const { return error_; }
  void Fail(std::string_view what);
  size_t remaining() const { return bytes_.size(); }

 private:
  bool Boolean();
  /// The count of the next block of an array or map; 0 at its end.
  int64_t BlockCount();

  std::span<const std::byte> bytes_;
  std::string error_;
};

/// Appends to a string.
class AvroEncoder {
 public:
  void Long(int64_t value);
  void Bytes(std::string_view bytes);
  void Fixed(std::string_view bytes) { out_ += bytes; }
  void Boolean(bool value) { out_ += value ? '\1' : '\0'; }
  template <typename T>
  void Float(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  /// Index 0 of ["null", T].
  void Null() { Long(0); }
  /// Index 1 of ["null", T]: the value follows.
  void NotNull() { Long(1); }
  void OptionalLong(const std::optional<int64_t>& value);
  void OptionalBytes(const std::optional<std::string>& value);

  std::string& out() { return out_; }

 private:
  std::string out_;
};

}  // namespace tarn::iceberg
