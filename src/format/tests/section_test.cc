// SPDX-License-Identifier: Apache-2.0
#include "format/section.h"

#include <cstring>
#include <random>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "format/page_map.h"
#include "format/section_builder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn::format {
namespace {

using testing::HasSubstr;

std::vector<std::byte> RandomBytes(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> bytes(size);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random());
  return bytes;
}

/// A file that begins with `position` zeros and ends with the section.
std::vector<std::byte> WriteAt(const NewSection& section, uint64_t position, SectionPlace* place) {
  std::vector<std::byte> file(position);
  *place = WriteSection(section, position, [&](std::span<const std::byte> bytes) {
             file.insert(file.end(), bytes.begin(), bytes.end());
             return Status::OK();
           }).ValueOrDie();
  return file;
}

struct Example {
  std::vector<std::byte> small = RandomBytes(100, 1);
  std::vector<std::byte> large = RandomBytes(200 * 1024 + 13, 2);
  NewSection section;
  SectionPlace place;
  std::vector<std::byte> file;

  explicit Example(bool with_large = true, uint64_t position = 1000) {
    section.info.flags = kFlagFlat;
    section.info.dim = 8;
    section.info.metric = VectorMetric::kDotProduct;
    section.info.precision = VectorPrecision::kF16;
    section.info.record_count = 77;
    section.chunks = {{0x100, small}, {0x102, {}}};
    if (with_large) section.chunks.push_back({0x101, large});
    file = WriteAt(section, position, &place);
  }
  Result<Section> Open() const { return Open(file); }
  Result<Section> Open(const std::vector<std::byte>& bytes) const {
    return Section::Open(bytes, place.offset, bytes.size(), SectionKind::kVectorIndex);
  }
};

TEST(Section, GivesBackWhatWasWritten) {
  const Example e;
  const Section opened = e.Open().ValueOrDie();
  EXPECT_EQ(opened.info().dim, 8u);
  EXPECT_EQ(opened.info().flags, kFlagFlat);
  EXPECT_EQ(opened.info().metric, VectorMetric::kDotProduct);
  EXPECT_EQ(opened.info().precision, VectorPrecision::kF16);
  EXPECT_EQ(opened.info().record_count, 77u);
  EXPECT_EQ(opened.size(), e.place.size);
  const auto same = [](std::span<const std::byte> a, const std::vector<std::byte>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
  };
  EXPECT_TRUE(same(opened.Find(0x100)->bytes, e.small));
  EXPECT_TRUE(same(opened.Find(0x101)->bytes, e.large));
  EXPECT_TRUE(opened.Find(0x102)->bytes.empty());
  EXPECT_EQ(opened.Find(0x999), nullptr);
  EXPECT_TRUE(opened.Verify().ok()) << opened.Verify();
}

TEST(Section, ChunksAreAlignedWithinTheFile) {
  const Example e(true, 5001);
  EXPECT_EQ(e.place.offset % 4096, 0u);
  const Section opened = e.Open().ValueOrDie();
  for (const SectionChunk& chunk : opened.chunks()) {
    const auto at = static_cast<uint64_t>(chunk.bytes.data() - e.file.data());
    EXPECT_EQ(at % (chunk.bytes.size() >= kLargeChunk ? 4096 : 64), 0u) << chunk.kind;
  }
  EXPECT_EQ(Example(false, 5001).place.offset, 5056u);
}

TEST(Section, EveryFlippedByteIsFoundByOpenOrVerify) {
  const Example e(false, 64);
  for (size_t at = e.place.offset; at < e.file.size(); ++at) {
    std::vector<std::byte> damaged = e.file;
    damaged[at] ^= std::byte{0x10};
    const auto opened = e.Open(damaged);
    EXPECT_FALSE(opened.ok() && opened->Verify().ok()) << "byte " << at - e.place.offset;
  }
}

TEST(Section, FlippedBytesOfLargeChunksAreFound) {
  const Example e;
  std::mt19937 random(5);
  for (int round = 0; round < 100; ++round) {
    std::vector<std::byte> damaged = e.file;
    const size_t at = e.place.offset + random() % e.place.size;
    damaged[at] ^= std::byte{0x01};
    const auto opened = e.Open(damaged);
    EXPECT_FALSE(opened.ok() && opened->Verify().ok())
        << "byte " << at - e.place.offset << ", seed 5";
  }
}

TEST(Section, EveryTruncationIsReported) {
  const Example e(false, 0);
  for (size_t length = 0; length < e.file.size(); ++length) {
    const std::vector<std::byte> cut(e.file.begin(), e.file.begin() + static_cast<long>(length));
    EXPECT_TRUE(IsKind(e.Open(cut).status(), ErrorKind::kCorrupt)) << length;
  }
}

/// The file with one header number changed, and the front's checksum made right again.
std::vector<std::byte> WithHeaderByte(const Example& e, size_t at, uint8_t value) {
  std::vector<std::byte> file = e.file;
  std::byte* front = file.data() + e.place.offset;
  front[at] = std::byte{value};
  const auto entries = LoadLe<uint32_t>(front + 64);
  uint32_t crc = Crc32c({front, 68});
  crc = Crc32c({front + 72, 8 + 32 * entries}, crc);
  std::memcpy(front + 68, &crc, 4);
  return file;
}

TEST(Section, UnknownIncompatibleFeaturesAreRefused) {
  const Example e;
  EXPECT_TRUE(IsKind(e.Open(WithHeaderByte(e, 63, 0x80)).status(), ErrorKind::kNotSupported));
}

TEST(Section, UnknownCompatibleFeaturesAreRead) {
  const Example e;
  const auto opened = e.Open(WithHeaderByte(e, 59, 0x80));
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->info().compatible_features, 0x80000000u);
}

TEST(Section, AnotherVersionIsNotSupported) {
  const Example e;
  EXPECT_TRUE(IsKind(e.Open(WithHeaderByte(e, 4, 3)).status(), ErrorKind::kNotSupported));
}

TEST(Section, OfAnotherKindIsRefused) {
  const Example e;
  EXPECT_THAT(Section::Open(e.file, e.place.offset, e.file.size(), SectionKind::kPageMap)
                  .status()
                  .message(),
              HasSubstr("magic"));
}

TEST(Section, OffsetsOutsideTheFileAreRefused) {
  const Example e;
  for (const uint64_t offset :
       {uint64_t{1}, uint64_t{e.file.size()}, UINT64_MAX, UINT64_MAX - 63}) {
    EXPECT_TRUE(
        IsKind(Section::Open(e.file, offset, e.file.size(), SectionKind::kVectorIndex).status(),
               ErrorKind::kCorrupt));
  }
}

TEST(PageMap, PagesThatReachPastTheDataAreRefused) {
  NewSection section;
  section.info.kind = SectionKind::kPageMap;
  section.info.dim = 4;
  section.info.record_count = 10;
  const std::vector<VectorPage> pages{{100, 0, 4, 0, 4}, {200, 4, 6, 4, 6}};
  const auto encoded = EncodePageMap(10, 10, pages, nullptr);
  section.chunks = {{kPageTable, encoded.table}};
  SectionPlace place;
  const auto bytes = WriteAt(section, 0, &place);
  const auto opened = Section::Open(bytes, 0, bytes.size(), SectionKind::kPageMap).ValueOrDie();
  const std::vector<std::byte> file(300);
  EXPECT_TRUE(PageMap::Open(opened, file, 296).ok());
  EXPECT_TRUE(IsKind(PageMap::Open(opened, file, 295).status(), ErrorKind::kCorrupt));
}

TEST(PageMap, GapsBetweenPagesAreRefused) {
  for (const VectorPage second :
       {VectorPage{200, 5, 5, 4, 5}, VectorPage{200, 4, 6, 3, 6}, VectorPage{200, 4, 6, 4, 7},
        VectorPage{200, 4, 5, 4, 5}, VectorPage{UINT64_MAX - 3, 4, 6, 4, 6}}) {
    NewSection section;
    section.info.kind = SectionKind::kPageMap;
    section.info.dim = 4;
    section.info.record_count = 10;
    const std::vector<VectorPage> pages{{100, 0, 4, 0, 4}, second};
    const auto encoded = EncodePageMap(10, 10, pages, nullptr);
    section.chunks = {{kPageTable, encoded.table}};
    SectionPlace place;
    const auto bytes = WriteAt(section, 0, &place);
    const auto opened = Section::Open(bytes, 0, bytes.size(), SectionKind::kPageMap).ValueOrDie();
    const std::vector<std::byte> file(1000);
    EXPECT_TRUE(IsKind(PageMap::Open(opened, file, 1000).status(), ErrorKind::kCorrupt));
  }
}

TEST(PageMap, DamagedRanksGiveNoRowRatherThanAWrongAddress) {
  NewSection section;
  section.info.kind = SectionKind::kPageMap;
  section.info.dim = 1;
  section.info.record_count = 1;
  const std::vector<uint64_t> valid{1};
  const std::vector<VectorPage> pages{{0, 0, 2, 0, 1}};
  auto encoded = EncodePageMap(2, 1, pages, &valid);
  encoded.bitmap[8] = std::byte{200};
  section.chunks = {{kPageTable, encoded.table}, {kRowBitmap, encoded.bitmap}};
  SectionPlace place;
  const auto bytes = WriteAt(section, 0, &place);
  const auto opened = Section::Open(bytes, 0, bytes.size(), SectionKind::kPageMap).ValueOrDie();
  const std::vector<std::byte> file(4);
  const PageMap map = PageMap::Open(opened, file, 4).ValueOrDie();
  EXPECT_EQ(map.Find(0), nullptr);
  EXPECT_TRUE(IsKind(map.Verify(), ErrorKind::kCorrupt));
}

}  // namespace
}  // namespace tarn::format
