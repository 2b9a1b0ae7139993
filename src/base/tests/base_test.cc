// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <set>

#include "base/bytes.h"
#include "base/crc32.h"
#include "base/crc32c.h"
#include "base/float16.h"
#include "base/parallel.h"
#include "base/random_id.h"
#include "gtest/gtest.h"
#include "tarn/types.h"

namespace tarn {
namespace {

TEST(Crc32c, MatchesThePublishedCheckValue) {
  EXPECT_EQ(Crc32c(AsBytes("123456789")), 0xe3069283u);
  EXPECT_EQ(Crc32c(AsBytes("6789"), Crc32c(AsBytes("12345"))), 0xe3069283u);
}

/// Bit by bit, as the polynomial division is defined.
uint32_t NaiveCrc(std::span<const std::byte> bytes, uint32_t polynomial, uint32_t crc) {
  crc = ~crc;
  for (const std::byte byte : bytes) {
    crc ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? polynomial : 0);
  }
  return ~crc;
}

TEST(Crc32, MatchesThePublishedCheckValue) {
  EXPECT_EQ(Crc32(AsBytes("123456789")), 0xcbf43926u);
  EXPECT_EQ(Crc32(AsBytes("6789"), Crc32(AsBytes("12345"))), 0xcbf43926u);
}

TEST(Crc32, BothChecksumsAreThoseOfTheDefinitionAtEveryLengthAndPlace) {
  std::mt19937 random(7);
  std::vector<std::byte> bytes(40'000);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  std::vector<size_t> lengths(300);
  std::iota(lengths.begin(), lengths.end(), 0);
  for (size_t around : {4096u, 8192u, 12'288u, 24'576u, 36'864u})
    for (size_t length = around - 9; length < around + 9; ++length) lengths.push_back(length);
  for (const size_t length : lengths) {
    const auto some = std::span(bytes).subspan(random() % 17, length);
    const uint32_t start = length % 3 == 0 ? 0 : random();
    EXPECT_EQ(Crc32(some, start), NaiveCrc(some, 0xedb88320, start)) << length;
    EXPECT_EQ(Crc32c(some, start), NaiveCrc(some, 0x82f63b78, start)) << length;
  }
}

TEST(Float16, EveryHalfSurvivesTheRoundTrip) {
  for (uint32_t h = 0; h < 0x10000; ++h) {
    const float f = HalfToFloat(static_cast<uint16_t>(h));
    if (std::isnan(f)) continue;
    ASSERT_EQ(FloatToHalf(f), h) << f;
  }
}

TEST(Float16, RoundsToNearestEven) {
  EXPECT_EQ(FloatToHalf(1.f + 0x1p-11f), FloatToHalf(1.f));
  EXPECT_EQ(FloatToHalf(1.f + 3 * 0x1p-11f), FloatToHalf(1.f + 0x1p-9f));
  EXPECT_EQ(FloatToHalf(65519.f), 0x7bff);
  EXPECT_EQ(FloatToHalf(65520.f), 0x7c00);
  EXPECT_EQ(FloatToHalf(0x1p-25f), 0);
  EXPECT_EQ(FloatToHalf(-0x1.8p-25f), 0x8001);
}

TEST(ByteReader, ReadsPastTheEndAreZeroAndNotOk) {
  const std::vector<std::byte> bytes(6, std::byte{1});
  ByteReader reader(bytes);
  EXPECT_EQ(reader.Read<uint32_t>(), 0x01010101u);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.Read<uint32_t>(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.Read<uint8_t>(), 0u);
}

TEST(ParallelFor, CoversEveryIndexOnce) {
  std::vector<std::atomic<int>> seen(1000);
  ParallelFor(seen.size(), 7, 4, [&](size_t begin, size_t end, int) {
    for (size_t i = begin; i < end; ++i) ++seen[i];
  });
  for (const auto& count : seen) EXPECT_EQ(count, 1);
}

TEST(RandomId, UuidsAreWellFormedAndVersion7IsOrdered) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(NewUuid4());
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_EQ(NewUuid4()[14], '4');
  EXPECT_EQ(NewUuid7()[14], '7');
  EXPECT_LE(NewUuid7().substr(0, 13), NewUuid7().substr(0, 13));
  EXPECT_GT(NewRandomId(), 0);
}

TEST(Status, KindSurvivesContext) {
  const Status status = WithContext(Error(ErrorKind::kCommitConflict, "version ", 3), "table a.b");
  EXPECT_TRUE(IsKind(status, ErrorKind::kCommitConflict));
  EXPECT_EQ(status.message(), "table a.b: version 3");
  EXPECT_EQ(KindOf(Status::OK()), std::nullopt);
  EXPECT_EQ(KindOf(arrow::Status::Invalid("x")), ErrorKind::kBadInput);
}

TEST(Types, NamesParseBackAndOldSpellingsAreKnown) {
  for (auto metric : {VectorMetric::kCosine, VectorMetric::kEuclidean, VectorMetric::kDotProduct,
                      VectorMetric::kNormalizedCosine}) {
    EXPECT_EQ(ParseMetric(MetricName(metric)).ValueOrDie(), metric);
  }
  EXPECT_EQ(ParseMetric("normalizedcosine").ValueOrDie(), VectorMetric::kNormalizedCosine);
  EXPECT_TRUE(IsKind(ParseMetric("hamming").status(), ErrorKind::kBadInput));
  EXPECT_TRUE(SnapshotId(5) > 0);
}

TEST(Types, InvertedFileSettingsAreChosenBySizeAndChecked) {
  const auto config = IvfPqConfig::ForDataset(1'000'000, 384);
  EXPECT_EQ(config.nlist, 4000);
  EXPECT_EQ(config.m, 128);
  EXPECT_EQ(config.bits, 4);
  EXPECT_TRUE(config.residual);
  EXPECT_TRUE(config.Validate(384).ok());
  for (const int64_t n : {0, 1, 15, 16, 500, 100'000}) {
    for (const int32_t dim : {1, 2, 31, 32, 33, 100, 65536}) {
      const auto some = IvfPqConfig::ForDataset(n, dim);
      EXPECT_TRUE(some.Validate(dim).ok());
      EXPECT_GE(some.nlist, 1);
      EXPECT_LE(some.nlist, std::max<int64_t>(1, n / 16)) << "lists of fewer than 16 rows";
      EXPECT_GE(some.m, 1);
    }
  }
  EXPECT_TRUE(IvfPqConfig{}.Validate(1).ok()) << "0 is to be chosen";
  EXPECT_FALSE((IvfPqConfig{.nlist = -1}).Validate(8).ok());
  EXPECT_FALSE((IvfPqConfig{.nlist = 1 << 21}).Validate(8).ok());
  EXPECT_FALSE((IvfPqConfig{.nprobe = -1}).Validate(8).ok());
  EXPECT_FALSE((IvfPqConfig{.m = 9}).Validate(8).ok());
  EXPECT_FALSE((IvfPqConfig{.bits = 6}).Validate(8).ok());
  EXPECT_FALSE(IvfPqConfig{}.Validate(0).ok());
}

TEST(Types, PolicyAndGraphSettingsAreChecked) {
  EXPECT_FALSE((VectorStoragePolicy{"", 4}).Validate().ok());
  EXPECT_FALSE((VectorStoragePolicy{"v", 0}).Validate().ok());
  EXPECT_TRUE((VectorStoragePolicy{"v", 4}).Validate().ok());
  EXPECT_FALSE((HnswConfig{1, 100, 10}).Validate().ok());
  EXPECT_FALSE((HnswConfig{16, 10, 10}).Validate().ok());
  EXPECT_TRUE(HnswConfig{}.Validate().ok());
}

}  // namespace
}  // namespace tarn
