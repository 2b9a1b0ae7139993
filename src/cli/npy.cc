// SPDX-License-Identifier: Apache-2.0
#include "cli/npy.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/float16.h"

namespace tarn::cli {
namespace {

// The value of a key of the header, a Python dictionary literal: up to the comma or bracket that
// ends it.
std::optional<std::string_view> ValueOf(std::string_view header, std::string_view key) {
  const size_t at = header.find("'" + std::string(key) + "'");
  if (at == std::string_view::npos) return std::nullopt;
  const size_t colon = header.find(':', at);
  if (colon == std::string_view::npos) return std::nullopt;
  const size_t begin = header.find_first_not_of(' ', colon + 1);
  if (begin == std::string_view::npos) return std::nullopt;
  const size_t end = header.find_first_of(header[begin] == '(' ? ")" : ",}", begin);
  if (end == std::string_view::npos) return std::nullopt;
  return header.substr(begin, end - begin);
}

struct Shape {
  uint64_t rows;
  uint64_t columns;
};

// "(10, 384" -> 10 x 384.
std::optional<Shape> ParseShape(std::string_view text) {
  std::vector<uint64_t> sizes;
  bool in_number = false;
  for (char c : text) {
    if (c >= '0' && c <= '9') {
      if (!in_number) sizes.push_back(0);
      if (sizes.back() > std::numeric_limits<uint32_t>::max()) return std::nullopt;
      sizes.back() = sizes.back() * 10 + static_cast<uint64_t>(c - '0');
      in_number = true;
    } else {
      in_number = false;
    }
  }
  if (sizes.size() != 2) return std::nullopt;
  return Shape{sizes[0], sizes[1]};
}

struct Header {
  char kind = 0;  // 'f' or 'i'
  size_t item_bytes = 0;
  Shape shape{};
  size_t data_offset = 0;
};

Result<Header> ParseHeader(std::string_view bytes, const std::string& path) {
  constexpr std::string_view kMagic = "\x93NUMPY";
  if (bytes.size() < 12 || bytes.substr(0, 6) != kMagic) {
    return Error(ErrorKind::kCorrupt, path, ": not a .npy file");
  }
  const auto* raw = reinterpret_cast<const std::byte*>(bytes.data());
  const auto major = static_cast<uint8_t>(bytes[6]);
  if (major < 1 || major > 3) {
    return Error(ErrorKind::kNotSupported, path, ": .npy format ", int{major}, "; 1 to 3 are read");
  }
  const size_t length = major == 1 ? LoadLe<uint16_t>(raw + 8) : LoadLe<uint32_t>(raw + 8);
  Header header;
  header.data_offset = (major == 1 ? 10 : 12) + length;
  if (header.data_offset > bytes.size()) {
    return Error(ErrorKind::kCorrupt, path, ": the header is cut short");
  }
  const auto text = bytes.substr(header.data_offset - length, length);
  const auto type = ValueOf(text, "descr");
  const auto order = ValueOf(text, "fortran_order");
  const auto shape_text = ValueOf(text, "shape");
  if (!type || !order || !shape_text) {
    return Error(ErrorKind::kCorrupt, path, ": the header lacks descr, fortran_order or shape");
  }
  const auto shape = ParseShape(*shape_text);
  if (*order != "False" || !shape) {
    return Error(ErrorKind::kNotSupported, path, ": only matrices in C order are read, not shape ",
                 *shape_text, ")");
  }
  if (*type != "'<f2'" && *type != "'<f4'" && *type != "'<i4'" && *type != "'<i8'") {
    return Error(ErrorKind::kNotSupported, path, ": elements are ", *type,
                 "; float16, float32, int32 and int64 (little-endian) are read");
  }
  header.kind = (*type)[2];
  header.item_bytes = static_cast<size_t>((*type)[3] - '0');
  header.shape = *shape;
  return header;
}

Result<std::string> ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return Error(ErrorKind::kNotFound, path, ": cannot be opened");
  const auto size = file.tellg();
  if (size < 0) return Error(ErrorKind::kIo, path, ": cannot be read");
  std::string bytes(static_cast<size_t>(size), '\0');
  file.seekg(0);
  if (!file.read(bytes.data(), size)) return Error(ErrorKind::kIo, path, ": cannot be read");
  return bytes;
}

}  // namespace

Result<NpyMatrix> ReadNpy(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const std::string bytes, ReadWhole(path));
  ARROW_ASSIGN_OR_RAISE(const Header header, ParseHeader(bytes, path));
  NpyMatrix out;
  out.rows = header.shape.rows;
  out.columns = header.shape.columns;
  const size_t available = (bytes.size() - header.data_offset) / header.item_bytes;
  if (out.columns != 0 && out.rows > available / out.columns) {
    return Error(ErrorKind::kCorrupt, path, ": the file is cut short; ", out.rows, " x ",
                 out.columns, " elements were promised");
  }
  const size_t count = out.rows * out.columns;
  const auto* data = reinterpret_cast<const std::byte*>(bytes.data()) + header.data_offset;
  if (header.kind == 'f') {
    out.floats.resize(count);
    for (size_t i = 0; i < count; ++i) {
      out.floats[i] = header.item_bytes == 4 ? LoadLe<float>(data + 4 * i)
                                             : HalfToFloat(LoadLe<uint16_t>(data + 2 * i));
    }
  } else {
    out.integers.resize(count);
    for (size_t i = 0; i < count; ++i) {
      out.integers[i] =
          header.item_bytes == 8 ? LoadLe<int64_t>(data + 8 * i) : LoadLe<int32_t>(data + 4 * i);
    }
  }
  return out;
}

Status WriteNpy(const std::string& path, std::span<const int32_t> values, uint64_t columns) {
  std::string header = "{'descr': '<i4', 'fortran_order': False, 'shape': (" +
                       std::to_string(columns == 0 ? 0 : values.size() / columns) + ", " +
                       std::to_string(columns) + "), }";
  // The values start at a multiple of 64 bytes: 10 bytes of magic and length, the header, a
  // newline.
  header.resize((header.size() + 11 + 63) / 64 * 64 - 11, ' ');
  header += '\n';
  std::vector<std::byte> bytes;
  for (const char c : std::string("\x93NUMPY\x01\x00", 8)) bytes.push_back(std::byte(c));
  AppendLe(bytes, static_cast<uint16_t>(header.size()));
  for (const char c : header) bytes.push_back(std::byte(c));
  for (const int32_t value : values) AppendLe(bytes, value);
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) return Error(ErrorKind::kIo, "cannot write ", path);
  return Status::OK();
}

}  // namespace tarn::cli
