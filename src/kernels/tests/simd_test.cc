// SPDX-License-Identifier: Apache-2.0
#include "kernels/simd.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernels/kernels.h"
#include "kernels/rotation.h"

namespace tarn::kernels {
namespace {

TEST(SimdLevel, NamesAreParsedAndUnknownOnesAreNot) {
  for (SimdLevel level : SupportedSimdLevels())
    EXPECT_EQ(ParseSimdLevel(SimdLevelName(level)), level);
  EXPECT_EQ(ParseSimdLevel("sse9"), std::nullopt);
  EXPECT_EQ(ParseSimdLevel(""), std::nullopt);
}

TEST(SimdLevel, ScalarIsAlwaysThereAndTheActiveLevelIsSupported) {
  const auto levels = SupportedSimdLevels();
  EXPECT_THAT(levels, testing::Contains(SimdLevel::kScalar));
  EXPECT_THAT(levels, testing::Contains(ActiveSimdLevel()));
}

TEST(SimdLevel, UsingALevelSwitchesTheTableAndAnUnsupportedOneChangesNothing) {
  const SimdLevel before = UseSimdLevel(SimdLevel::kScalar);
  EXPECT_EQ(&Kernels(), &KernelsFor(SimdLevel::kScalar));
  const auto levels = SupportedSimdLevels();
  for (int i = 0; i < 5; ++i) {
    const auto level = static_cast<SimdLevel>(i);
    if (std::ranges::find(levels, level) != levels.end()) continue;
    UseSimdLevel(level);
    EXPECT_EQ(ActiveSimdLevel(), SimdLevel::kScalar);
  }
  UseSimdLevel(before);
}

// The choice is made once in a process, so each case is a process of its own.
[[noreturn]] void PrintLevelAndExit(const char* wanted) {
  setenv("TARN_SIMD", wanted, 1);
  std::fprintf(stderr, "level=%s\n", std::string(SimdLevelName(ActiveSimdLevel())).c_str());
  std::exit(0);
}

TEST(SimdLevelDeathTest, TheEnvironmentChoosesTheLevel) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(PrintLevelAndExit("scalar"), testing::ExitedWithCode(0), "level=scalar");
}

TEST(SimdLevelDeathTest, AnUnknownNameIsReportedAndTheBestLevelUsed) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::string best(SimdLevelName(SupportedSimdLevels().back()));
  EXPECT_EXIT(PrintLevelAndExit("sse9"), testing::ExitedWithCode(0),
              "TARN_SIMD=sse9 is unknown; using " + best + "\nlevel=" + best);
}

TEST(Rotation, KeepsInnerProductsAtAnyDimension) {
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  for (const uint32_t dim : {1u, 2u, 3u, 17u, 96u, 127u, 128u, 384u, 1536u, 65536u}) {
    std::vector<float> a(dim), b(dim), ra(dim), rb(dim);
    for (auto& v : a) v = normal(random);
    for (auto& v : b) v = normal(random);
    const Rotation rotation(dim, 7);
    rotation.Apply(a.data(), ra.data());
    rotation.Apply(b.data(), rb.data());
    double before = 0, after = 0;
    for (uint32_t d = 0; d < dim; ++d)
      before += double{a[d]} * b[d], after += double{ra[d]} * rb[d];
    EXPECT_NEAR(before, after, 1e-4 * std::sqrt(dim) + 1e-4) << "seed 4 dim " << dim;
  }
}

TEST(Rotation, SpreadsASingleLargeDimension) {
  for (const uint32_t dim : {96u, 384u, 1000u}) {
    for (const uint32_t outlier : {0u, dim / 2, dim - 1}) {
      std::vector<float> v(dim), r(dim);
      v[outlier] = 1;
      Rotation(dim, 7).Apply(v.data(), r.data());
      const float largest =
          std::abs(*std::ranges::max_element(r, {}, [](float x) { return std::abs(x); }));
      EXPECT_LE(largest, 3 / std::sqrt(static_cast<float>(dim))) << dim << " " << outlier;
    }
  }
}

}  // namespace
}  // namespace tarn::kernels
