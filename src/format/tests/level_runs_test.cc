// SPDX-License-Identifier: Apache-2.0
#include "format/level_runs.h"

#include <random>

#include "base/bytes.h"
#include "gtest/gtest.h"
#include "parquet/column_reader.h"
#include "parquet/types.h"

namespace tarn::format {
namespace {

/// What the Parquet library makes of the bytes.
std::vector<int16_t> Decode(const std::vector<std::byte>& bytes, int16_t max_level, int count) {
  parquet::LevelDecoder decoder;
  const int used = decoder.SetData(parquet::Encoding::RLE, max_level, count,
                                   reinterpret_cast<const uint8_t*>(bytes.data()),
                                   static_cast<int32_t>(bytes.size()));
  EXPECT_EQ(used, static_cast<int>(bytes.size()));
  std::vector<int16_t> levels(count, -1);
  EXPECT_EQ(decoder.Decode(count, levels.data()), count);
  return levels;
}

TEST(LevelRuns, AreReadByTheParquetLibraryWhateverTheRuns) {
  constexpr uint32_t kSeed = 5;
  std::mt19937 random(kSeed);
  for (int round = 0; round < 500; ++round) {
    SCOPED_TRACE("seed " + std::to_string(kSeed) + ", round " + std::to_string(round));
    const int bits = 1 + round % 3;
    const auto max_level = static_cast<int16_t>((1 << bits) - 1);
    LevelRuns runs(bits);
    std::vector<int16_t> expected;
    const int most = 1 << (random() % 12);
    for (int run = 0; run < 40; ++run) {
      const auto level = static_cast<uint8_t>(random() % (max_level + 1));
      const uint64_t count = random() % most;
      runs.Add(level, count);
      expected.insert(expected.end(), count, level);
    }
    ASSERT_EQ(runs.count(), expected.size());
    if (expected.empty()) continue;
    std::vector<std::byte> bytes;
    runs.AppendTo(&bytes);
    EXPECT_EQ(Decode(bytes, max_level, static_cast<int>(expected.size())), expected);
  }
}

TEST(LevelRuns, TakeTheShorterOfTheTwoForms) {
  LevelRuns alternating(1), constant(2);
  for (int i = 0; i < 8000; ++i) alternating.Add(i % 2, 1);
  constant.Add(2, 1'000'000);
  std::vector<std::byte> bytes;
  alternating.AppendTo(&bytes);
  EXPECT_EQ(bytes.size(), 4u + 2u + 1000u);
  bytes.clear();
  constant.AppendTo(&bytes);
  EXPECT_EQ(bytes.size(), 4u + 3u + 1u);
  EXPECT_EQ(LoadLe<uint32_t>(bytes.data()), 4u);
}

}  // namespace
}  // namespace tarn::format
