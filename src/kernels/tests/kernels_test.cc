// SPDX-License-Identifier: Apache-2.0
//
// Every level of this machine against the scalar kernels, at even and ragged dimensions.
#include "kernels/kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "base/byte_step.h"
#include "base/bytes.h"
#include "base/float16.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tarn/types.h"

namespace tarn::kernels {
namespace {

constexpr uint32_t kSeed = 20240711;
constexpr size_t kDims[] = {1, 3, 17, 96, 127, 128, 384, 768, 1024, 1536, 3072};

class KernelLevels : public testing::TestWithParam<SimdLevel> {
 protected:
  const KernelTable& level() const { return KernelsFor(GetParam()); }
  const KernelTable& oracle() const { return KernelsFor(SimdLevel::kScalar); }
  std::mt19937 random_{kSeed};

  std::vector<float> Floats(size_t n) {
    std::normal_distribution<float> normal;
    std::vector<float> values(n);
    for (auto& v : values) v = normal(random_);
    return values;
  }
};

std::string LevelName(const testing::TestParamInfo<SimdLevel>& info) {
  return std::string(SimdLevelName(info.param));
}
INSTANTIATE_TEST_SUITE_P(Every, KernelLevels, testing::ValuesIn(SupportedSimdLevels()), LevelName);

// Rows of an element type, one byte away from any alignment.
struct RowBytes {
  std::vector<std::byte> bytes{std::byte{0}};
  size_t row_bytes = 0;
  size_t count = 0;
  const std::byte* data() const { return bytes.data() + 1; }
  std::vector<const std::byte*> Pointers() const {
    std::vector<const std::byte*> rows;
    for (size_t i = 0; i < count; ++i) rows.push_back(data() + (count - 1 - i) * row_bytes);
    return rows;
  }
};

constexpr VectorPrecision kPrecisions[] = {VectorPrecision::kF32, VectorPrecision::kF16,
                                           VectorPrecision::kI8};

const ExactKernels& KernelsOf(const KernelTable& table, VectorPrecision precision) {
  if (precision == VectorPrecision::kI8) return table.i8;
  return precision == VectorPrecision::kF16 ? table.f16 : table.f32;
}

RowBytes MakeRows(const std::vector<float>& values, size_t dim, VectorPrecision precision) {
  RowBytes rows;
  for (float v : values) {
    if (precision == VectorPrecision::kF32) AppendLe(rows.bytes, v);
    if (precision == VectorPrecision::kF16) AppendLe(rows.bytes, FloatToHalf(v));
    if (precision == VectorPrecision::kI8) AppendLe(rows.bytes, RoundToSteps(v, 1));
  }
  rows.row_bytes = dim * (precision == VectorPrecision::kF32   ? 4
                          : precision == VectorPrecision::kF16 ? 2
                                                               : 1);
  rows.count = values.size() / dim;
  return rows;
}

void ExpectNear(const std::vector<float>& got, const std::vector<float>& want, size_t dim) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    // Sums of dim products of unit size, added in another order.
    EXPECT_NEAR(got[i], want[i], 1e-6 * (8 + dim))
        << "seed " << kSeed << " dim " << dim << " at " << i;
  }
}

TEST_P(KernelLevels, ExactKernelsAgreeWithTheOracleAtAnyDimensionAndAlignment) {
  constexpr size_t kRows = 11, kQueries = 7;
  for (const auto precision : kPrecisions) {
    const ExactKernels& got = KernelsOf(level(), precision);
    const ExactKernels& want = KernelsOf(oracle(), precision);
    for (const size_t dim : kDims) {
      const auto queries = Floats(kQueries * dim);
      const RowBytes rows = MakeRows(Floats(kRows * dim), dim, precision);
      const auto pointers = rows.Pointers();
      const auto compare = [&](auto a, auto b, auto input, size_t outputs) {
        std::vector<float> x(outputs * kRows), y(outputs * kRows);
        a(queries.data(), dim, input, kRows, x.data());
        b(queries.data(), dim, input, kRows, y.data());
        ExpectNear(x, y, dim);
      };
      compare(got.dot_gather, want.dot_gather, pointers.data(), 1);
      compare(got.l2_gather, want.l2_gather, pointers.data(), 1);
      compare(got.dot_norm_gather, want.dot_norm_gather, pointers.data(), 2);
      compare(got.dot_block, want.dot_block, rows.data(), 1);
      compare(got.l2_block, want.l2_block, rows.data(), 1);
      compare(got.dot_norm_block, want.dot_norm_block, rows.data(), 2);
      for (const auto& [a, b] :
           {std::pair{got.dot_many, want.dot_many}, {got.l2_many, want.l2_many}}) {
        std::vector<float> x(kQueries * kRows), y(kQueries * kRows);
        a(queries.data(), kQueries, dim, rows.data(), kRows, x.data());
        b(queries.data(), kQueries, dim, rows.data(), kRows, y.data());
        ExpectNear(x, y, dim);
      }
    }
  }
}

TEST_P(KernelLevels, ExactKernelsLetNansThrough) {
  std::vector<float> row(17, 1.0f), query(17, 1.0f);
  row[16] = std::numeric_limits<float>::quiet_NaN();
  float out = 0;
  level().f32.dot_block(query.data(), 17, reinterpret_cast<const std::byte*>(row.data()), 1, &out);
  EXPECT_TRUE(std::isnan(out));
}

struct alignas(64) Line {
  uint8_t bytes[64];
};

TEST_P(KernelLevels, CodeKernelsGiveTheSameIntegersAtExtremesToo) {
  for (const bool extreme : {false, true}) {
    for (const size_t blocks : {1, 2, 3, 4, 5, 6, 8, 9, 12, 24, 512}) {
      const size_t rows = blocks == 512 ? 5 : 37;
      std::vector<Line> codes(rows * blocks), query(2 * blocks);
      for (auto& line : codes) {
        for (auto& b : line.bytes) b = extreme ? 255 : static_cast<uint8_t>(random_());
      }
      for (auto& line : query) {
        for (auto& b : line.bytes) {
          b = static_cast<uint8_t>(extreme ? 127 : static_cast<int>(random_() % 255) - 127);
        }
      }
      const auto* q = reinterpret_cast<const int8_t*>(query.data());
      std::vector<uint32_t> ids(rows);
      for (auto& id : ids) id = random_() % rows;
      const auto& got = level().codes;
      const auto& want = oracle().codes;
      for (const auto& [a, b] : {std::pair{got.dot4_gather, want.dot4_gather},
                                 std::pair{got.dot8_gather, want.dot8_gather}}) {
        for (size_t n : {size_t{0}, size_t{1}, rows - 2, rows}) {
          std::vector<int32_t> x(n), y(n);
          a(q, codes[0].bytes, blocks, ids.data(), n, x.data());
          b(q, codes[0].bytes, blocks, ids.data(), n, y.data());
          EXPECT_EQ(x, y) << "seed " << kSeed << " blocks " << blocks;
        }
      }
      for (const auto& [a, b] : {std::pair{got.dot4_block, want.dot4_block},
                                 std::pair{got.dot8_block, want.dot8_block}}) {
        std::vector<int32_t> x(rows), y(rows);
        a(q, codes[0].bytes, blocks, rows, x.data());
        b(q, codes[0].bytes, blocks, rows, y.data());
        EXPECT_EQ(x, y) << "seed " << kSeed << " blocks " << blocks;
      }
    }
  }
}

struct Pool {
  explicit Pool(uint32_t capacity)
      : distances(capacity + kPoolPad, std::numeric_limits<float>::infinity()),
        ids(capacity + kPoolPad) {
    view = {distances.data(), ids.data(), 0, capacity, ~0u};
  }
  std::vector<float> distances;
  std::vector<uint32_t> ids;
  CandidatePool view;
};

TEST_P(KernelLevels, PoolKeepsTheNearestInOrderOfDistanceThenArrival) {
  for (const uint32_t capacity : {1u, 2u, 15u, 16u, 17u, 64u, 200u}) {
    Pool pool(capacity);
    std::vector<std::pair<float, uint32_t>> all;
    uint32_t next = 0;
    for (int round = 0; round < 40; ++round) {
      const size_t n = random_() % 33;
      std::vector<float> d(n + 16, -1.0f);  // what lies past n must not matter
      std::vector<uint32_t> ids(n + 16);
      for (size_t i = 0; i < n; ++i) {
        d[i] = static_cast<float>(random_() % 500);  // many ties
        ids[i] = next++;
        all.push_back({d[i], ids[i]});
      }
      pool.view.cursor = ~0u;
      const auto before = std::vector(pool.ids.begin(), pool.ids.begin() + pool.view.size);
      level().search.pool_insert(pool.view, d.data(), ids.data(), n);
      std::ranges::stable_sort(all, {}, [](const auto& p) { return p.first; });
      const size_t kept = std::min<size_t>(capacity, all.size());
      ASSERT_EQ(pool.view.size, kept);
      for (size_t i = 0; i < kept; ++i) {
        ASSERT_EQ(pool.distances[i], all[i].first) << "seed " << kSeed << " round " << round;
        ASSERT_EQ(pool.ids[i], all[i].second) << "seed " << kSeed << " round " << round;
      }
      const auto after = std::vector(pool.ids.begin(), pool.ids.begin() + pool.view.size);
      const auto changed = std::ranges::mismatch(before, after).in2 - after.begin();
      if (changed < static_cast<ptrdiff_t>(kept)) {
        EXPECT_LE(pool.view.cursor, static_cast<uint32_t>(changed));
      }
    }
  }
}

TEST_P(KernelLevels, KeysAreTheSameBitsAtEveryLevel) {
  constexpr size_t kCount = 21;
  std::vector<int32_t> sums(kCount + 16);
  std::vector<uint32_t> ids(kCount + 16);
  for (auto& s : sums) s = static_cast<int32_t>(random_() % 2000000) - 1000000;
  for (auto& id : ids) id = random_() % kCount;
  std::vector<RowFactor> factors(kCount);
  for (auto& f : factors) f = {Floats(1)[0], Floats(1)[0]};
  std::vector<float> x(kCount + 16), y(kCount + 16);
  level().search.keys(sums.data(), kCount, 12345.5f, -0.37f, 0.7f, factors.data(), ids.data(),
                      x.data());
  oracle().search.keys(sums.data(), kCount, 12345.5f, -0.37f, 0.7f, factors.data(), ids.data(),
                       y.data());
  EXPECT_TRUE(std::equal(x.begin(), x.begin() + kCount, y.begin()));
}

TEST_P(KernelLevels, HadamardIsTheSameBitsAtEveryLevel) {
  for (size_t n = 1; n <= 65536; n *= 2) {
    auto x = Floats(n + 1);
    auto y = x;
    level().search.hadamard(x.data() + 1, n);  // unaligned
    oracle().search.hadamard(y.data() + 1, n);
    EXPECT_EQ(x, y) << "seed " << kSeed << " n " << n;
  }
}

TEST_P(KernelLevels, WidenedRowsAreTheSameBitsAtEveryLevel) {
  constexpr size_t kRows = 5;
  const auto scales = Floats(kRows);
  for (const auto precision : kPrecisions) {
    for (const size_t dim : kDims) {
      const RowBytes rows = MakeRows(Floats(kRows * dim), dim, precision);
      const auto pointers = rows.Pointers();
      std::vector<float> x(kRows * dim), y(kRows * dim);
      const auto widen = [&](const TileKernels& t, float* out) {
        const auto kernel = precision == VectorPrecision::kF32   ? t.widen_f32
                            : precision == VectorPrecision::kF16 ? t.widen_f16
                                                                 : t.widen_i8;
        kernel(pointers.data(), kRows, dim, scales.data(), out);
      };
      widen(level().tiles, x.data());
      widen(oracle().tiles, y.data());
      EXPECT_EQ(x, y) << "seed " << kSeed << " dim " << dim;
    }
  }
}

TEST_P(KernelLevels, SelectFindsWhatIsNotBelowTheLimit) {
  for (const size_t n : {0, 1, 15, 16, 17, 64, 65, 100, 1000}) {
    auto values = Floats(n);
    const auto biases = Floats(n);
    if (n > 20) values[n - 2] = values[3] = std::numeric_limits<float>::quiet_NaN();
    const float infinity = std::numeric_limits<float>::infinity();
    for (const float limit : {-infinity, -1.0f, 1.5f, 4.0f, infinity}) {
      std::vector<uint32_t> x(n + kSelectPad), y(n + kSelectPad);
      x.resize(level().tiles.select(values.data(), biases.data(), n, limit, x.data()));
      y.resize(oracle().tiles.select(values.data(), biases.data(), n, limit, y.data()));
      EXPECT_EQ(x, y) << "seed " << kSeed << " n " << n << " limit " << limit;
    }
  }
}

}  // namespace
}  // namespace tarn::kernels
