// SPDX-License-Identifier: Apache-2.0
#include "iceberg/deletion_vector.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <vector>

#include "base/bytes.h"

namespace tarn::iceberg {
namespace {

constexpr uint32_t kMagic = 0x6439d3d1;
// A 32-bit bitmap begins with one of these: without run containers, or with some.
constexpr uint32_t kCookie = 12346;
constexpr uint32_t kCookieWithRuns = 12347;
constexpr uint32_t kRowsPerContainer = 1 << 16;
// More values than this lie in a bitmap container, fewer in an array.
constexpr uint32_t kMaxArrayValues = 4096;
// Below so many containers, a bitmap with runs has no list of offsets.
constexpr uint32_t kContainersWithOffsets = 4;

/// Reads the vector that lies between the magic number and the checksum.
class VectorReader {
 public:
  VectorReader(std::span<const std::byte> bytes, std::span<uint64_t> words)
      : in_(bytes), words_(words) {}

  /// nullptr, or what is wrong.
  const char* Run() {
    const auto bitmaps = in_.Read<uint64_t>();
    uint64_t next_key = 0;
    for (uint64_t i = 0; i < bitmaps && problem_ == nullptr && in_.ok(); ++i) {
      const auto key = in_.Read<uint32_t>();
      if (in_.ok() && key < next_key) return "its bitmaps are out of order";
      next_key = uint64_t{key} + 1;
      ReadBitmap(uint64_t{key} << 32);
    }
    if (!in_.ok()) return "it ends too early";
    if (problem_ != nullptr) return problem_;
    return in_.remaining() == 0 ? nullptr : "it is followed by bytes that are no part of it";
  }

  uint64_t count() const { return count_; }

 private:
  struct Container {
    uint32_t key = 0;
    uint32_t values = 0;
    bool runs = false;
  };

  void ReadBitmap(uint64_t base) {
    const auto cookie = in_.Read<uint32_t>();
    const bool with_runs = (cookie & 0xffff) == kCookieWithRuns;
    if (!in_.ok() || (!with_runs && cookie != kCookie)) return Fail("a bitmap has no known cookie");
    const uint32_t containers = with_runs ? (cookie >> 16) + 1 : in_.Read<uint32_t>();
    if (containers > kRowsPerContainer) return Fail("a bitmap has too many containers");
    const auto run_flags = in_.ReadBytes(with_runs ? (containers + 7) / 8 : 0);
    std::vector<Container> heads(in_.ok() ? containers : 0);
    for (uint32_t i = 0; i < heads.size(); ++i) {
      heads[i].key = in_.Read<uint16_t>();
      heads[i].values = in_.Read<uint16_t>() + uint32_t{1};
      heads[i].runs = with_runs && (std::to_integer<int>(run_flags[i / 8]) >> (i % 8) & 1) != 0;
      if (i > 0 && heads[i].key <= heads[i - 1].key) return Fail("its containers are out of order");
    }
    if (!with_runs || containers >= kContainersWithOffsets) in_.ReadBytes(size_t{4} * containers);
    for (const Container& head : heads) {
      if (!in_.ok() || problem_ != nullptr) return;
      ReadContainer(head, base + uint64_t{head.key} * kRowsPerContainer);
    }
  }

  void ReadContainer(const Container& head, uint64_t base) {
    count_ += head.values;
    if (head.runs) return ReadRuns(head.values, base);
    if (head.values > kMaxArrayValues) return ReadBits(head.values, base);
    const auto values = in_.ReadBytes(size_t{2} * head.values);
    int32_t last = -1;
    for (size_t at = 0; at < values.size(); at += 2) {
      const int32_t value = LoadLe<uint16_t>(values.data() + at);
      if (value <= last) return Fail("the values of a container are out of order");
      last = value;
      Mark(base + static_cast<uint64_t>(value), 1);
    }
  }

  void ReadBits(uint32_t expected, uint64_t base) {
    const auto bits = in_.ReadBytes(kRowsPerContainer / 8);
    uint64_t values = 0;
    for (size_t at = 0; at < bits.size(); at += sizeof(uint64_t)) {
      const auto word = LoadLe<uint64_t>(bits.data() + at);
      values += static_cast<uint64_t>(std::popcount(word));
      // A container starts at a multiple of 64: its words are the result's.
      const uint64_t to = base / 64 + at / sizeof(uint64_t);
      if (to < words_.size()) words_[to] |= word;
    }
    if (!bits.empty() && values != expected) Fail("a container holds more or fewer values");
  }

  void ReadRuns(uint32_t expected, uint64_t base) {
    const uint32_t runs = in_.Read<uint16_t>();
    const auto pairs = in_.ReadBytes(size_t{4} * runs);
    uint32_t next = 0;
    uint64_t values = 0;
    for (size_t at = 0; at < pairs.size(); at += 4) {
      const uint32_t first = LoadLe<uint16_t>(pairs.data() + at);
      const uint32_t length = LoadLe<uint16_t>(pairs.data() + at + 2) + uint32_t{1};
      if (first < next || first + length > kRowsPerContainer) {
        return Fail("the runs of a container are out of order");
      }
      next = first + length;
      values += length;
      Mark(base + first, length);
    }
    if (in_.ok() && values != expected) Fail("a container holds more or fewer values");
  }

  void Mark(uint64_t first, uint64_t length) {
    const uint64_t end = std::min<uint64_t>(first + length, words_.size() * uint64_t{64});
    while (first < end) {
      const uint64_t bit = first % 64;
      const uint64_t bits = std::min<uint64_t>(64 - bit, end - first);
      const uint64_t ones = bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
      words_[first / 64] |= ones << bit;
      first += bits;
    }
  }

  void Fail(const char* problem) {
    if (problem_ == nullptr) problem_ = problem;
  }

  ByteReader in_;
  std::span<uint64_t> words_;
  uint64_t count_ = 0;
  const char* problem_ = nullptr;
};

uint32_t BigEndian(const std::byte* p) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | std::to_integer<uint32_t>(p[i]);
  return value;
}

}  // namespace

Result<uint64_t> MarkDeletionVector(std::span<const std::byte> blob, std::string_view name,
                                    std::span<uint64_t> words) {
  const auto corrupt = [&](std::string_view what) {
    return Error(ErrorKind::kCorrupt, name, ": the deletion vector is damaged: ", what);
  };
  // Length, magic, vector, checksum.
  if (blob.size() < 12) return corrupt("it is too short");
  if (BigEndian(blob.data()) != blob.size() - 8) return corrupt("its length does not fit");
  const auto checked = blob.subspan(4, blob.size() - 8);
  if (LoadLe<uint32_t>(checked.data()) != kMagic) return corrupt("its magic number is wrong");
  uLong sum = crc32(0, nullptr, 0);
  for (auto rest = checked; !rest.empty();) {
    const auto part = rest.first(std::min<size_t>(rest.size(), size_t{1} << 30));
    sum = crc32(sum, reinterpret_cast<const Bytef*>(part.data()), static_cast<uInt>(part.size()));
    rest = rest.subspan(part.size());
  }
  if (BigEndian(blob.data() + blob.size() - 4) != sum) return corrupt("its checksum does not fit");
  VectorReader reader(checked.subspan(4), words);
  if (const char* problem = reader.Run()) return corrupt(problem);
  return reader.count();
}

}  // namespace tarn::iceberg
