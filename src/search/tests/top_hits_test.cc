// SPDX-License-Identifier: Apache-2.0
#include "search/top_hits.h"

#include <algorithm>
#include <limits>
#include <random>
#include <tuple>

#include "gtest/gtest.h"

namespace tarn {
namespace {

TEST(TopHits, GivesTheNearestOfAllFilesWhateverTheirOrder) {
  constexpr uint32_t kSeed = 7;
  std::mt19937 random(kSeed);
  std::vector<std::vector<index::Neighbor>> files(5);
  std::vector<std::tuple<float, uint32_t, uint32_t>> all;
  for (uint32_t file = 0; file < files.size(); ++file) {
    for (uint32_t row = 0; row < 20; ++row) {
      const float distance = static_cast<float>(random() % 50);
      files[file].push_back({distance, row});
      all.emplace_back(distance, file, row);
    }
    std::sort(files[file].begin(), files[file].end(), [](const auto& a, const auto& b) {
      return std::tie(a.distance, a.row) < std::tie(b.distance, b.row);
    });
  }
  std::sort(all.begin(), all.end());
  TopHits top(17);
  for (const uint32_t file : {3, 0, 4, 1, 2}) top.Add(file, files[file]);
  EXPECT_EQ(top.limit(), std::get<0>(all[16]));
  const auto hits = top.Take();
  ASSERT_EQ(hits.size(), 17u);
  for (size_t i = 0; i < hits.size(); ++i) {
    EXPECT_EQ(std::tuple(hits[i].distance, hits[i].file, hits[i].row), all[i]) << "seed " << kSeed;
  }
}

TEST(TopHits, FewerRowsThanAskedAreAllGiven) {
  EXPECT_TRUE(TopHits(10).Take().empty());
  const std::vector<std::vector<index::Neighbor>> files{{{1, 1}}, {}, {{0.5f, 3}}};
  TopHits top(10);
  for (uint32_t file = 0; file < 3; ++file) top.Add(file, files[file]);
  EXPECT_EQ(top.limit(), std::numeric_limits<float>::infinity());
  const auto hits = top.Take();
  ASSERT_EQ(hits.size(), 2u);
  EXPECT_EQ(hits[0].file, 2u);
}

}  // namespace
}  // namespace tarn
