// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the index room share: clustered data, memory sources, naive search, recall.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "base/byte_step.h"
#include "base/bytes.h"
#include "base/float16.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/exact_distance.h"
#include "index/layout.h"
#include "index/vector_index.h"

namespace tarn::index {

inline constexpr uint32_t kSeed = 7041776;

struct Data {
  uint32_t dim = 0;
  std::vector<float> values;
  size_t count() const { return values.size() / dim; }
  const float* row(size_t i) const { return values.data() + i * dim; }
  float* row(size_t i) { return values.data() + i * dim; }
  VectorSet set() const {
    VectorSet s;
    s.values = values.data();
    s.count = count();
    s.dim = dim;
    return s;
  }
};

/// Points around random centres; neighbouring clusters overlap.
inline Data Clustered(size_t n, uint32_t dim, uint32_t seed = kSeed, size_t clusters = 50) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  // The same centres for every seed: queries of another seed come from the same clusters.
  std::mt19937 centre_random(kSeed + dim);
  std::vector<float> centres(clusters * dim);
  for (float& v : centres) v = normal(centre_random);
  Data data{dim, std::vector<float>(n * dim)};
  for (size_t i = 0; i < n; ++i) {
    const float* centre = centres.data() + random() % clusters * dim;
    for (uint32_t d = 0; d < dim; ++d) data.row(i)[d] = centre[d] + 0.7f * normal(random);
  }
  return data;
}

inline void Normalise(Data& data) {
  for (size_t i = 0; i < data.count(); ++i) {
    double sum = 0;
    for (uint32_t d = 0; d < data.dim; ++d) sum += double{data.row(i)[d]} * data.row(i)[d];
    for (uint32_t d = 0; d < data.dim; ++d) data.row(i)[d] /= static_cast<float>(std::sqrt(sum));
  }
}

/// Makes the lengths of the rows differ by up to e^2 or so (log-normal).
inline void VaryLengths(Data& data) {
  std::mt19937 random(kSeed);
  std::normal_distribution<float> normal;
  for (size_t i = 0; i < data.count(); ++i) {
    const float factor = std::exp(0.5f * normal(random));
    for (uint32_t d = 0; d < data.dim; ++d) data.row(i)[d] *= factor;
  }
}

/// Rows in memory, in any precision, one byte off any alignment.
class MemorySource : public RowSource {
 public:
  MemorySource(const Data& data, VectorPrecision precision) : precision_(precision) {
    if (precision == VectorPrecision::kI8) {
      float largest = 0;
      for (float v : data.values) largest = std::max(largest, std::abs(v));
      step_ = ByteStep(largest);
    }
    bytes_.push_back(std::byte{0});
    for (float v : data.values) {
      if (precision == VectorPrecision::kF32) AppendLe(bytes_, v);
      if (precision == VectorPrecision::kF16) AppendLe(bytes_, FloatToHalf(v));
      if (precision == VectorPrecision::kI8) AppendLe(bytes_, RoundToSteps(v, step_));
    }
    row_bytes_ = data.dim * ElementBytes(precision);
  }
  VectorPrecision precision() const override { return precision_; }
  float step() const override { return step_; }
  Status Fetch(std::span<const uint32_t> rows, const std::byte** out) override {
    for (size_t i = 0; i < rows.size(); ++i) out[i] = bytes_.data() + 1 + rows[i] * row_bytes_;
    return Status::OK();
  }

 private:
  VectorPrecision precision_;
  float step_ = 1;
  std::vector<std::byte> bytes_;
  size_t row_bytes_ = 0;
};

/// An index with the memory its chunks lie in.
struct Opened {
  explicit Opened(const std::vector<IndexChunk>& chunks, uint64_t row_limit) {
    for (const auto& chunk : chunks) {
      const size_t room = (chunk.bytes.size() + 127) / 64 * 64;
      // Exactly sized but for the alignment of the end, so that the address sanitizer sees strays.
      memory.emplace_back(static_cast<std::byte*>(std::aligned_alloc(64, room)), &std::free);
      if (!chunk.bytes.empty())
        std::memcpy(memory.back().get(), chunk.bytes.data(), chunk.bytes.size());
      views.push_back({chunk.kind, {memory.back().get(), chunk.bytes.size()}});
    }
    auto opened = VectorIndex::Open(views, row_limit);
    status = opened.status();
    if (opened.ok()) index = std::move(opened).ValueUnsafe();
  }
  VectorIndex* operator->() const { return index.get(); }
  std::vector<std::unique_ptr<std::byte, decltype(&std::free)>> memory;
  std::vector<ChunkView> views;
  Status status;
  std::unique_ptr<VectorIndex> index;
};

inline Opened BuildAndOpen(const VectorSet& set, const BuildOptions& options, uint64_t row_limit) {
  auto chunks = BuildIndex(set, options);
  EXPECT_TRUE(chunks.ok()) << chunks.status().ToString();
  Opened opened(*chunks, row_limit);
  EXPECT_TRUE(opened.status.ok()) << opened.status.ToString();
  EXPECT_TRUE(opened->Verify().ok()) << opened->Verify().ToString();
  return opened;
}

/// In double, written from the definition of VectorMetric.
inline double NaiveDistance(VectorMetric metric, const float* q, const float* x, uint32_t dim) {
  double dot = 0, qq = 0, xx = 0, l2 = 0;
  for (uint32_t d = 0; d < dim; ++d) {
    dot += double{q[d]} * x[d];
    qq += double{q[d]} * q[d];
    xx += double{x[d]} * x[d];
    l2 += (double{q[d]} - x[d]) * (double{q[d]} - x[d]);
  }
  if (metric == VectorMetric::kEuclidean) return std::sqrt(l2);
  if (metric == VectorMetric::kDotProduct) return -dot;
  return 1 - dot / std::sqrt(qq * xx);
}

/// Distances of the k nearest live rows.
inline std::vector<double> NaiveNearest(VectorMetric metric, const Data& data, const float* query,
                                        size_t k, const LiveRows* live = nullptr) {
  std::vector<double> all;
  for (size_t i = 0; i < data.count(); ++i) {
    if (live && !live->contains(static_cast<uint32_t>(i))) continue;
    all.push_back(NaiveDistance(metric, query, data.row(i), data.dim));
  }
  std::sort(all.begin(), all.end());
  all.resize(std::min(k, all.size()));
  return all;
}

struct RecallCase {
  uint32_t k = 10;
  uint32_t ef = 64;
  const LiveRows* live = nullptr;
  VectorPrecision precision = VectorPrecision::kF32;
  bool with_source = true;
};

/// Share of results at least as near as the true k-th neighbour. Checks that results are live,
/// unique, sorted and as many as there should be.
inline double MeasureRecall(const VectorIndex& index, const Data& data, const Data& queries,
                            const RecallCase& c) {
  MemorySource source(data, c.precision);
  SearchScratch scratch;
  double right = 0, wanted = 0;
  for (size_t q = 0; q < queries.count(); ++q) {
    SearchOptions options{
        .k = c.k, .ef = c.ef, .live = c.live, .source = c.with_source ? &source : nullptr};
    const auto found = index.Search(queries.row(q), options, scratch);
    EXPECT_TRUE(found.ok()) << found.status().ToString();
    const auto truth = NaiveNearest(index.metric(), data, queries.row(q), c.k, c.live);
    EXPECT_EQ(found->size(), truth.size());
    std::set<uint32_t> rows;
    for (size_t i = 0; i < found->size(); ++i) {
      const Neighbor& n = (*found)[i];
      EXPECT_TRUE(rows.insert(n.row).second) << "row " << n.row << " twice";
      EXPECT_TRUE(!c.live || c.live->contains(n.row));
      EXPECT_LE((*found)[i > 0 ? i - 1 : 0].distance, n.distance);
      const double exact = NaiveDistance(index.metric(), queries.row(q), data.row(n.row), data.dim);
      const double slack =
          (c.precision == VectorPrecision::kF16 ? 2e-3 : 1e-5) * (1 + std::abs(exact));
      EXPECT_NEAR(n.distance, exact, c.with_source ? slack : 1e30);
      right += exact <= truth.back() + slack * 0.1;
    }
    wanted += static_cast<double>(truth.size());
  }
  return wanted > 0 ? right / wanted : 1;
}

struct Bitmap {
  std::vector<uint64_t> words;
  size_t count = 0;
  LiveRows live() const { return {words}; }
};
inline Bitmap RandomBitmap(size_t rows, double share) {
  std::mt19937 random(kSeed);
  std::bernoulli_distribution is_live(share);
  Bitmap bitmap{std::vector<uint64_t>((rows + 63) / 64)};
  for (size_t i = 0; i < rows; ++i) {
    if (!is_live(random)) continue;
    bitmap.words[i / 64] |= uint64_t{1} << (i % 64);
    ++bitmap.count;
  }
  return bitmap;
}

inline std::string MetricTestName(const testing::TestParamInfo<VectorMetric>& info) {
  return std::string(MetricName(info.param));
}
inline auto AllMetrics() {
  return testing::Values(VectorMetric::kCosine, VectorMetric::kEuclidean, VectorMetric::kDotProduct,
                         VectorMetric::kNormalizedCosine);
}

}  // namespace tarn::index
