// SPDX-License-Identifier: Apache-2.0
//
// The product quantiser's kernels of every level of this machine against the scalar ones.
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernels/kernels.h"

namespace tarn::kernels {
namespace {

constexpr uint32_t kSeed = 7041776;

class PqLevels : public testing::TestWithParam<SimdLevel> {
 protected:
  const PqKernels& level() const { return KernelsFor(GetParam()).pq; }
  const PqKernels& oracle() const { return KernelsFor(SimdLevel::kScalar).pq; }
  std::mt19937 random_{kSeed};

  std::vector<float> Floats(size_t n, float scale = 1) {
    std::normal_distribution<float> normal;
    std::vector<float> values(n);
    for (auto& v : values) v = scale * normal(random_);
    return values;
  }
};
INSTANTIATE_TEST_SUITE_P(Every, PqLevels, testing::ValuesIn(SupportedSimdLevels()),
                         [](const auto& info) { return std::string(SimdLevelName(info.param)); });

struct alignas(64) Line {
  uint8_t bytes[64];
};

// Random blocks; rows are numbered from 1000.
struct Blocks {
  std::vector<Line> lines;
  PqBlocks in{};
  std::vector<uint16_t> live;

  Blocks(size_t code_bytes, size_t rows, bool extreme, std::mt19937& random) {
    const size_t blocks = (rows + kPqBlockRows - 1) / kPqBlockRows;
    const size_t stride = code_bytes + kPqFactorBytes;
    lines.resize(blocks * stride / 64);
    for (size_t b = 0; b < blocks; ++b) {
      auto* block = reinterpret_cast<uint8_t*>(lines.data()) + b * stride;
      for (size_t i = 0; i < code_bytes; ++i) {
        block[i] = extreme ? 255 : static_cast<uint8_t>(random());
      }
      for (uint32_t r = 0; r < kPqBlockRows; ++r) {
        const float scale = 1.0f + 0.01f * static_cast<float>(r), bias = static_cast<float>(r % 7);
        const uint32_t row = 1000 + static_cast<uint32_t>(b * kPqBlockRows) + r;
        std::memcpy(block + code_bytes + 4 * r, &scale, 4);
        std::memcpy(block + code_bytes + 64 + 4 * r, &bias, 4);
        std::memcpy(block + code_bytes + 128 + 4 * r, &row, 4);
      }
      live.push_back(static_cast<uint16_t>(b % 3 == 1 ? 0 : random()));
    }
    in = {reinterpret_cast<const std::byte*>(lines.data()), code_bytes, rows, nullptr};
  }
};

void ExpectSameScan(PqKernels::Scan got, PqKernels::Scan want, const PqBlocks& in,
                    const PqQuery& query, float limit) {
  std::vector<float> keys(in.rows), wanted_keys(in.rows);
  std::vector<uint32_t> rows(in.rows), wanted_rows(in.rows);
  const size_t n = got(in, query, limit, keys.data(), rows.data());
  const size_t wanted = want(in, query, limit, wanted_keys.data(), wanted_rows.data());
  keys.resize(n), rows.resize(n), wanted_keys.resize(wanted), wanted_rows.resize(wanted);
  EXPECT_EQ(rows, wanted_rows) << "seed " << kSeed << " code bytes " << in.code_bytes;
  for (size_t i = 0; i < std::min(n, wanted); ++i) {
    EXPECT_NEAR(keys[i], wanted_keys[i], 1e-5 * (1 + std::abs(wanted_keys[i])));
  }
}

// No key lies within rounding of this.
float SafeLimit(PqKernels::Scan scan, const PqBlocks& in, const PqQuery& query) {
  std::vector<float> keys(in.rows);
  std::vector<uint32_t> rows(in.rows);
  keys.resize(scan(in, query, std::numeric_limits<float>::infinity(), keys.data(), rows.data()));
  std::sort(keys.begin(), keys.end());
  for (size_t i = keys.size() / 2; i + 1 < keys.size(); ++i) {
    if (keys[i + 1] - keys[i] > 1e-3 * std::abs(keys[i])) return (keys[i] + keys[i + 1]) / 2;
  }
  return std::numeric_limits<float>::infinity();
}

TEST_P(PqLevels, FourBitScansAgreeAtAnyLengthAndNeverOverflow) {
  for (const bool extreme : {false, true}) {
    // 2^20 code bytes are 131,072 sub-vectors: far more than one 16-bit sum can take.
    for (const size_t code_bytes : {64, 128, 192, 1536, 8192, 8256, 24576, 1 << 20}) {
      const size_t rows = code_bytes > 10000 ? 19 : 77;
      Blocks blocks(code_bytes, rows, extreme, random_);
      std::vector<uint8_t> tables(2 * code_bytes);
      for (auto& t : tables) t = extreme ? 63 : static_cast<uint8_t>(random_() % 64);
      PqQuery query{tables.data(), 3.0f, 0.5f, -2.0f, 0.01f};
      const float limit = SafeLimit(oracle().scan4, blocks.in, query);
      ExpectSameScan(level().scan4, oracle().scan4, blocks.in, query, limit);
      ExpectSameScan(level().scan4, oracle().scan4, blocks.in, query,
                     std::numeric_limits<float>::infinity());
      blocks.in.live = blocks.live.data();
      ExpectSameScan(level().scan4, oracle().scan4, blocks.in, query, limit);
    }
  }
}

TEST_P(PqLevels, EightBitScansAgree) {
  for (const size_t code_bytes : {64, 768, 4096}) {
    Blocks blocks(code_bytes, 53, code_bytes == 4096, random_);
    std::vector<uint16_t> tables(code_bytes / 16 * 256);
    for (auto& t : tables) t = static_cast<uint16_t>(code_bytes == 4096 ? 65535 : random_());
    const PqQuery query{tables.data(), 1.0f, -1.0f, 5.0f, -1e-4f};
    ExpectSameScan(level().scan8, oracle().scan8, blocks.in, query,
                   SafeLimit(oracle().scan8, blocks.in, query));
    blocks.in.live = blocks.live.data();
    ExpectSameScan(level().scan8, oracle().scan8, blocks.in, query,
                   std::numeric_limits<float>::infinity());
  }
}

TEST_P(PqLevels, ScansLeaveOutKeysThatAreNotNumbers) {
  Blocks blocks(64, 16, false, random_);
  const std::vector<uint8_t> tables(128);
  const PqQuery query{tables.data(), std::numeric_limits<float>::quiet_NaN(), 1, 0, 1};
  float keys[16];
  uint32_t rows[16];
  EXPECT_EQ(level().scan4(blocks.in, query, 1e30f, keys, rows), 0u);
}

TEST_P(PqLevels, TablesAgreeForSubVectorsOfAnyWidth) {
  for (const size_t count : {16, 256}) {
    const std::vector<uint32_t> starts{0, 1, 4, 4, 11, 13};
    const auto query = Floats(13), columns = Floats(13 * count);
    std::vector<float> got(5 * count), want(5 * count);
    const float a =
        level().dot_tables(query.data(), columns.data(), starts.data(), 5, count, got.data());
    const float b =
        oracle().dot_tables(query.data(), columns.data(), starts.data(), 5, count, want.data());
    EXPECT_NEAR(a, b, 1e-5);
    for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-5) << i;
  }
}

TEST_P(PqLevels, PackedTablesAreTheSame) {
  for (const size_t m : {1, 2, 7, 8, 9, 192}) {
    const size_t code_bytes = (m + 7) / 8 * 64;
    const auto tables = Floats(m * 16, 20);
    std::vector<uint8_t> got(2 * code_bytes, 99), want(2 * code_bytes, 77);
    level().pack4(tables.data(), m, 0.7f, code_bytes, got.data());
    oracle().pack4(tables.data(), m, 0.7f, code_bytes, want.data());
    EXPECT_EQ(got, want) << m;
    EXPECT_LE(*std::max_element(got.begin(), got.end()), 63);
  }
}

TEST_P(PqLevels, TheNearestCentroidIsTheSameAtEveryLevelAndTiesGoToTheFirst) {
  for (const size_t dim : {1, 2, 3, 8, 17}) {
    for (const size_t count : {16, 256}) {
      constexpr size_t kRows = 83, kStride = 96;
      const auto columns = Floats(dim * kStride);
      auto centroids = Floats(dim * count);
      std::copy_n(centroids.data(), dim, centroids.data() + (count - 1) * dim);
      std::vector<float> half_norms(count);
      for (size_t j = 0; j < count; ++j) {
        for (size_t d = 0; d < dim; ++d) {
          half_norms[j] += centroids[j * dim + d] * centroids[j * dim + d] / 2;
        }
      }
      std::vector<uint8_t> got(kRows), want(kRows);
      level().nearest(columns.data(), kStride, kRows, centroids.data(), half_norms.data(), count,
                      dim, got.data());
      oracle().nearest(columns.data(), kStride, kRows, centroids.data(), half_norms.data(), count,
                       dim, want.data());
      EXPECT_EQ(got, want) << "dim " << dim << " count " << count;
      EXPECT_FALSE(testing::Matches(testing::Contains(count - 1))(got));
    }
  }
}

}  // namespace
}  // namespace tarn::kernels
