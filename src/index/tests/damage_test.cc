// SPDX-License-Identifier: Apache-2.0
//
// Damaged chunks: refused when opened, found by Verify, or harmless. Never a crash (run under the
// address sanitizer).
#include "index/tests/index_fixture.h"

namespace tarn::index {
namespace {

std::vector<IndexChunk> MakeChunks(VectorMetric metric, Data& data) {
  data = Clustered(900, 20);
  for (size_t i = 10; i < 900; i += 10) std::copy_n(data.row(i - 10), 20, data.row(i));
  BuildOptions options;
  options.metric = metric;
  options.eight_bit_codes = true;
  return *BuildIndex(data.set(), options);
}

void SearchAll(const Opened& opened, const Data& data) {
  SearchScratch scratch;
  MemorySource source(data, VectorPrecision::kF32);
  const Bitmap half = RandomBitmap(900, 0.5), few = RandomBitmap(900, 0.01);
  const LiveRows live[] = {half.live(), few.live()};
  for (const LiveRows* l : {static_cast<const LiveRows*>(nullptr), &live[0], &live[1]}) {
    for (RowSource* s : {static_cast<RowSource*>(nullptr), static_cast<RowSource*>(&source)}) {
      const auto found =
          opened->Search(data.row(5), {.k = 10, .ef = 20, .live = l, .source = s}, scratch);
      if (!found.ok()) {
        EXPECT_TRUE(IsKind(found.status(), ErrorKind::kCorrupt)) << found.status().ToString();
        continue;
      }
      for (const auto& n : *found) EXPECT_LT(n.row, 900u);
    }
  }
}

class Damage : public testing::TestWithParam<VectorMetric> {};
INSTANTIATE_TEST_SUITE_P(EveryMetric, Damage, AllMetrics(), MetricTestName);

TEST_P(Damage, AnyByteMayBeWrongInAnyChunk) {
  Data data;
  const auto chunks = MakeChunks(GetParam(), data);
  std::mt19937 random(kSeed);
  for (int round = 0; round < 300; ++round) {
    auto damaged = chunks;
    auto& chunk = damaged[random() % damaged.size()];
    const int bytes = 1 + static_cast<int>(random() % 50);
    for (int i = 0; i < bytes; ++i) {
      chunk.bytes[random() % chunk.bytes.size()] = static_cast<std::byte>(random());
    }
    SCOPED_TRACE(testing::Message() << "seed " << kSeed << " round " << round);
    const Opened opened(damaged, 900);
    if (!opened.status.ok()) continue;
    (void)opened->Verify();
    SearchAll(opened, data);
  }
}

TEST_P(Damage, AChunkCutShortOrMissingIsRefused) {
  Data data;
  const auto chunks = MakeChunks(GetParam(), data);
  for (size_t i = 0; i < chunks.size(); ++i) {
    auto shorter = chunks;
    shorter[i].bytes.pop_back();
    EXPECT_TRUE(IsKind(Opened(shorter, 900).status, ErrorKind::kCorrupt)) << chunks[i].kind;
    auto fewer = chunks;
    fewer.erase(fewer.begin() + static_cast<ptrdiff_t>(i));
    const bool optional = chunks[i].kind == kLowCodesChunk;
    EXPECT_EQ(Opened(fewer, 900).status.ok(), optional) << chunks[i].kind;
  }
}

TEST(Damage, UnknownFeaturesAndVersionsAreNotSupported) {
  Data data;
  auto chunks = MakeChunks(VectorMetric::kCosine, data);
  ASSERT_EQ(chunks[0].kind, kParamsChunk);
  for (const size_t at : {offsetof(Params, version), offsetof(Params, incompatible_features),
                          offsetof(Params, type), offsetof(Params, metric)}) {
    auto changed = chunks;
    changed[0].bytes[at] = std::byte{77};
    EXPECT_TRUE(IsKind(Opened(changed, 900).status, ErrorKind::kNotSupported)) << at;
  }
  chunks[0].bytes[offsetof(Params, compatible_features)] = std::byte{0x82};
  EXPECT_TRUE(Opened(chunks, 900).status.ok());
}

TEST(Damage, RowsPastTheFileAreRefused) {
  const Data data = Clustered(100, 4);
  const auto chunks = *BuildIndex(data.set(), {});
  EXPECT_TRUE(IsKind(Opened(chunks, 99).status, ErrorKind::kCorrupt));
}

TEST(Damage, VerifyFindsAWrongLinkAWrongRowAndALostNode) {
  Data data;
  const auto chunks = MakeChunks(VectorMetric::kEuclidean, data);
  for (const uint32_t kind : {kLinksChunk, kNodeRowsChunk}) {
    auto damaged = chunks;
    for (auto& chunk : damaged) {
      if (chunk.kind != kind) continue;
      const uint32_t wrong = 0x7ffffff0;
      std::memcpy(chunk.bytes.data() + chunk.bytes.size() / 128 * 128 - 128, &wrong, 4);
    }
    const Opened opened(damaged, 900);
    ASSERT_TRUE(opened.status.ok());
    EXPECT_TRUE(IsKind(opened->Verify(), ErrorKind::kCorrupt)) << kind;
  }
  auto lost = chunks;
  for (auto& chunk : lost) {
    if (chunk.kind == kLinksChunk) std::ranges::fill(chunk.bytes, std::byte{0xff});
  }
  EXPECT_TRUE(IsKind(Opened(lost, 900)->Verify(), ErrorKind::kCorrupt));
}

TEST(Damage, AGraphWithoutLinksStillReturnsEnoughRows) {
  Data data;
  auto chunks = MakeChunks(VectorMetric::kCosine, data);
  for (auto& chunk : chunks) {
    if (chunk.kind == kLinksChunk) std::ranges::fill(chunk.bytes, std::byte{0xff});
  }
  const Opened opened(chunks, 900);
  EXPECT_GE(MeasureRecall(*opened.index, data, Clustered(10, 20, kSeed + 1), {}), 0.95);
}

}  // namespace
}  // namespace tarn::index
