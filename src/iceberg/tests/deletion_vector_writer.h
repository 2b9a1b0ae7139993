// SPDX-License-Identifier: Apache-2.0
//
// Writes deletion vectors and Puffin files for tests, from the specifications and apart from the
// code that reads them.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace tarn::iceberg {

class DeletionVectorWriter {
 public:
  enum class Style {
    kPlain,  ///< arrays, and bitmaps where they are smaller
    kRuns,   ///< run containers throughout
  };

  /// The blob, length and checksum included.
  static std::string Blob(const std::set<uint64_t>& positions, Style style = Style::kPlain) {
    std::map<uint32_t, std::map<uint16_t, std::vector<uint16_t>>> bitmaps;
    for (const uint64_t position : positions) {
      bitmaps[static_cast<uint32_t>(position >> 32)][static_cast<uint16_t>(position >> 16)]
          .push_back(static_cast<uint16_t>(position));
    }
    std::string vector = "\xd1\xd3\x39\x64";
    Put<uint64_t>(&vector, bitmaps.size());
    for (const auto& [key, containers] : bitmaps) {
      Put<uint32_t>(&vector, key);
      PutBitmap(containers, style, &vector);
    }
    return Wrap(vector);
  }

  /// Length and checksum around what lies between them.
  static std::string Wrap(const std::string& vector) {
    std::string blob;
    PutBigEndian(&blob, static_cast<uint32_t>(vector.size()));
    blob += vector;
    PutBigEndian(&blob,
                 static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(vector.data()),
                                             static_cast<uInt>(vector.size()))));
    return blob;
  }

  /// A Puffin file of deletion vectors, one after the other from byte 4 on.
  static std::string Puffin(const std::vector<std::pair<std::string, std::string>>& blobs_by_file) {
    std::string file = "PFA1", list;
    for (const auto& [data_file, blob] : blobs_by_file) {
      list += (list.empty() ? "" : ",") +
              std::string(
                  "{\"type\":\"deletion-vector-v1\",\"fields\":[],\"snapshot-id\":-1,"
                  "\"sequence-number\":-1,\"offset\":") +
              std::to_string(file.size()) + ",\"length\":" + std::to_string(blob.size()) +
              ",\"properties\":{\"referenced-data-file\":\"" + data_file + "\"}}";
      file += blob;
    }
    const std::string footer = "{\"blobs\":[" + list + "]}";
    file += "PFA1" + footer;
    Put<uint32_t>(&file, static_cast<uint32_t>(footer.size()));
    Put<uint32_t>(&file, 0);
    return file + "PFA1";
  }

  template <typename T>
  static void Put(std::string* out, T value) {
    for (size_t i = 0; i < sizeof(T); ++i) {
      out->push_back(static_cast<char>(static_cast<uint64_t>(value) >> (8 * i)));
    }
  }

 private:
  static void PutBigEndian(std::string* out, uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
  }

  static std::string Container(const std::vector<uint16_t>& values, Style style) {
    std::string bytes;
    if (style == Style::kRuns) {
      std::vector<std::pair<uint16_t, uint16_t>> runs;  // first, further values
      for (const uint16_t value : values) {
        if (!runs.empty() && runs.back().first + runs.back().second + 1 == value) {
          ++runs.back().second;
        } else {
          runs.emplace_back(value, 0);
        }
      }
      Put<uint16_t>(&bytes, static_cast<uint16_t>(runs.size()));
      for (const auto& [first, more] : runs) {
        Put<uint16_t>(&bytes, first);
        Put<uint16_t>(&bytes, more);
      }
    } else if (values.size() <= 4096) {
      for (const uint16_t value : values) Put<uint16_t>(&bytes, value);
    } else {
      bytes.resize(8192);
      for (const uint16_t value : values) bytes[value / 8] |= static_cast<char>(1 << (value % 8));
    }
    return bytes;
  }

  static void PutBitmap(const std::map<uint16_t, std::vector<uint16_t>>& containers, Style style,
                        std::string* out) {
    const size_t start = out->size(), count = containers.size();
    const bool runs = style == Style::kRuns;
    if (runs) {
      Put<uint32_t>(out, static_cast<uint32_t>(12347 | (count - 1) << 16));
      for (size_t i = 0; i < (count + 7) / 8; ++i) out->push_back('\xff');
    } else {
      Put<uint32_t>(out, 12346);
      Put<uint32_t>(out, static_cast<uint32_t>(count));
    }
    for (const auto& [key, values] : containers) {
      Put<uint16_t>(out, key);
      Put<uint16_t>(out, static_cast<uint16_t>(values.size() - 1));
    }
    std::string bytes;
    const bool offsets = !runs || count >= 4;
    const size_t first = out->size() - start + (offsets ? 4 * count : 0);
    for (const auto& [key, values] : containers) {
      if (offsets) Put<uint32_t>(out, static_cast<uint32_t>(first + bytes.size()));
      bytes += Container(values, style);
    }
    *out += bytes;
  }
};

}  // namespace tarn::iceberg
