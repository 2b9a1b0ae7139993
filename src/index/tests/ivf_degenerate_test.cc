// SPDX-License-Identifier: Apache-2.0
//
// Inverted-file indexes over data that break indexes, and over damaged bytes.
#include "index/ivf/ivf_layout.h"
#include "index/tests/index_fixture.h"

namespace tarn::index {
namespace {

class IvfDegenerate : public testing::TestWithParam<VectorMetric> {
 protected:
  BuildOptions Options(int bits = 4, bool residual = true) const {
    BuildOptions options;
    options.type = IndexType::kIvfPq;
    options.metric = GetParam();
    options.ivf_pq.bits = bits;
    options.ivf_pq.residual = residual;
    return options;
  }
  Opened Open(const Data& data) const { return BuildAndOpen(data.set(), Options(), data.count()); }
  // All rows of the data, as k, must come back.
  void ExpectEveryRowComesBack(const VectorIndex& index, const Data& data, const float* query) {
    MemorySource source(data, VectorPrecision::kF32);
    SearchScratch scratch;
    const auto n = static_cast<uint32_t>(data.count());
    for (RowSource* s : {static_cast<RowSource*>(&source), static_cast<RowSource*>(nullptr)}) {
      const auto found =
          *index.Search(query, {.k = n + 5, .ef = 1, .nprobe = 1, .source = s}, scratch);
      std::set<uint32_t> rows;
      for (const auto& neighbor : found) rows.insert(neighbor.row);
      EXPECT_EQ(rows.size(), n);
      EXPECT_EQ(found.size(), n);
    }
  }
  bool normalised() const { return GetParam() == VectorMetric::kNormalizedCosine; }
};
INSTANTIATE_TEST_SUITE_P(EveryMetric, IvfDegenerate, AllMetrics(), MetricTestName);

TEST_P(IvfDegenerate, AnEmptySetGivesAnIndexThatFindsNothing) {
  VectorSet empty;
  empty.dim = 8;
  const auto index = BuildAndOpen(empty, Options(), 0);
  SearchScratch scratch;
  const float query[8] = {1};
  EXPECT_TRUE(index->Search(query, {}, scratch)->empty());
  EXPECT_FALSE(index->codebook_use());
}

TEST_P(IvfDegenerate, FewRowsComeBackWhateverK) {
  for (const size_t n : {1, 2, 3, 17}) {
    for (const int bits : {4, 8}) {
      for (const bool residual : {true, false}) {
        Data data = Clustered(n, 5);
        if (normalised()) Normalise(data);
        const auto index = BuildAndOpen(data.set(), Options(bits, residual), n);
        ExpectEveryRowComesBack(*index.index, data, data.row(0));
      }
    }
  }
}

TEST_P(IvfDegenerate, RowsWithoutSpreadFarFromTheOriginMakeASoundIndex) {
  for (const size_t n : {1, 2, 700}) {
    for (const float length : {1e-20f, 100.0f, 1e6f, 1e18f}) {
      Data one = Clustered(1, 16);
      if (normalised()) Normalise(one);
      for (float& v : one.values) {
        if (!normalised()) v *= length;
      }
      Data data{16, {}};
      for (size_t i = 0; i < n; ++i) {
        data.values.insert(data.values.end(), one.values.begin(), one.values.end());
      }
      const auto index = BuildAndOpen(data.set(), Options(4, true), n);
      EXPECT_TRUE(index->Verify().ok()) << n << " rows of " << length << ": " << index->Verify();
      ExpectEveryRowComesBack(*index.index, data, one.row(0));
    }
  }
}

TEST_P(IvfDegenerate, OneDimensionWorks) {
  Data data{1, {}};
  for (int i = 1; i <= 2000; ++i) data.values.push_back(0.01f * static_cast<float>(i));
  if (normalised()) Normalise(data);
  const auto index = Open(data);
  const Data queries{1, {0.5f, 7.77f, 19.0f}};
  EXPECT_GE(MeasureRecall(*index.index, data, queries, {.ef = 0}), 0.95);
  ExpectEveryRowComesBack(*index.index, data, queries.row(0));
}

TEST_P(IvfDegenerate, EqualRowsAllComeBack) {
  Data data{16, {}};
  Data one = Clustered(1, 16);
  if (normalised()) Normalise(one);
  for (int i = 0; i < 3000; ++i) {
    data.values.insert(data.values.end(), one.values.begin(), one.values.end());
  }
  const auto index = Open(data);
  EXPECT_EQ(MeasureRecall(*index.index, data, one, {.ef = 0}), 1.0);
  ExpectEveryRowComesBack(*index.index, data, one.row(0));
}

TEST_P(IvfDegenerate, AllButOneEqual) {
  Data data{16, {}};
  Data two = Clustered(2, 16);
  if (normalised()) Normalise(two);
  for (int i = 0; i < 3000; ++i) {
    const float* row = two.row(i == 1234 ? 1 : 0);
    data.values.insert(data.values.end(), row, row + 16);
  }
  const auto index = Open(data);
  EXPECT_EQ(MeasureRecall(*index.index, data, two, {.ef = 0}), 1.0);
  ExpectEveryRowComesBack(*index.index, data, two.row(1));
}

TEST_P(IvfDegenerate, ZeroVectorsAreRowsLikeOthersWhereTheMetricAllows) {
  if (ComparesAngles(GetParam())) return;
  Data data = Clustered(2000, 16);
  for (size_t i = 0; i < 2000; i += 2) std::fill_n(data.row(i), 16, 0.0f);
  const auto index = Open(data);
  EXPECT_GE(MeasureRecall(*index.index, data, Clustered(10, 16, kSeed + 1), {.ef = 0}), 0.9);
  for (float& v : data.values) v = 0;
  ExpectEveryRowComesBack(*Open(data).index, data, data.row(0));
}

TEST_P(IvfDegenerate, FivePercentDuplicates) {
  Data data = Clustered(4000, 32);
  if (normalised()) Normalise(data);
  for (size_t i = 20; i < 4000; i += 20) std::copy_n(data.row(i / 2), 32, data.row(i));
  EXPECT_GE(MeasureRecall(*Open(data).index, data, Clustered(40, 32, kSeed + 1), {.ef = 0}), 0.95)
      << kSeed;
}

TEST_P(IvfDegenerate, DeadAndOutlyingDimensionsDoNotHarm) {
  Data data = Clustered(4000, 40), queries = Clustered(40, 40, kSeed + 1);
  for (Data* d : {&data, &queries}) {
    for (size_t i = 0; i < d->count(); ++i) {
      d->row(i)[3] = d->row(i)[39] = 0;
      d->row(i)[7] *= 30;
      d->row(i)[11] += 100;
    }
  }
  if (normalised()) Normalise(data);
  EXPECT_GE(MeasureRecall(*Open(data).index, data, queries, {.ef = 100}), 0.9) << kSeed;
}

TEST_P(IvfDegenerate, ClustersFarFromTheOriginAndFromEachOtherAreFound) {
  Data data = Clustered(4000, 32), queries = Clustered(20, 32, kSeed + 1);
  for (Data* d : {&data, &queries}) {
    for (size_t i = 0; i < d->count(); ++i) {
      for (uint32_t c = 0; c < 32; ++c) d->row(i)[c] += i % 2 ? 120.0f : 80.0f;
    }
  }
  if (normalised()) Normalise(data);
  EXPECT_GE(MeasureRecall(*Open(data).index, data, queries, {.ef = 100}), 0.9) << kSeed;
}

TEST_P(IvfDegenerate, TwoFarClustersAreBothFound) {
  Data data = Clustered(4000, 32), queries = Clustered(20, 32, kSeed + 1);
  for (Data* d : {&data, &queries}) {
    for (size_t i = 0; i < d->count(); ++i) {
      for (uint32_t c = 0; c < 32; ++c) d->row(i)[c] += i % 2 ? 20.0f : -20.0f;
    }
  }
  if (normalised()) Normalise(data);
  EXPECT_GE(MeasureRecall(*Open(data).index, data, queries, {.ef = 0}), 0.9) << kSeed;
}

TEST_P(IvfDegenerate, HugeAndSubnormalLengthsSurvive) {
  if (normalised()) return;  // its rows have length 1
  for (const float factor : {1e18f, 1e-18f, 1e-39f}) {
    Data data = Clustered(1500, 24), queries = Clustered(10, 24, kSeed + 1);
    for (float& v : data.values) v *= factor;
    for (float& v : queries.values) v *= factor;
    const auto index = Open(data);
    MemorySource source(data, VectorPrecision::kF32);
    SearchScratch scratch;
    double right = 0;
    for (size_t q = 0; q < queries.count(); ++q) {
      const auto truth = NaiveNearest(GetParam(), data, queries.row(q), 10);
      const auto found = *index->Search(queries.row(q), {.k = 10, .source = &source}, scratch);
      ASSERT_EQ(found.size(), 10u);
      for (const auto& n : found) {
        EXPECT_TRUE(std::isfinite(n.distance));
        const double exact = NaiveDistance(GetParam(), queries.row(q), data.row(n.row), 24);
        right += static_cast<float>(exact) <=
                 static_cast<float>(truth.back() + 1e-5 * std::abs(truth.back()));
      }
    }
    EXPECT_GE(right, factor > 1e-30f ? 90 : 70) << "of 100 at " << factor << ", seed " << kSeed;
  }
}

TEST_P(IvfDegenerate, OneRowFarLongerThanAllOthersLeavesThemSearchable) {
  Data data = Clustered(2000, 24);
  if (normalised()) Normalise(data);
  for (const float factor : {1e3f, 1e12f}) {
    if (normalised()) continue;
    for (uint32_t d = 0; d < 24; ++d) data.row(77)[d] *= factor;
    for (const bool residual : {true, false}) {
      const auto index = BuildAndOpen(data.set(), Options(4, residual), 2000);
      EXPECT_GE(MeasureRecall(*index.index, data, Clustered(20, 24, kSeed + 1), {.ef = 0}), 0.9)
          << kSeed << " factor " << factor << " residual " << residual;
    }
  }
}

TEST_P(IvfDegenerate, AQueryThatIsNotFiniteIsRefusedAndAFarOneIsAnswered) {
  const Data data = Clustered(100, 4);
  const auto index = BuildAndOpen(data.set(), Options(), 100);
  SearchScratch scratch;
  for (const float bad : {std::nanf(""), INFINITY}) {
    const float query[4] = {1, bad, 0, 0};
    EXPECT_TRUE(IsKind(index->Search(query, {}, scratch).status(), ErrorKind::kBadInput));
  }
  const float far[4] = {1e30f, 0, -1e30f, 0}, zero[4] = {};
  EXPECT_EQ(index->Search(far, {}, scratch)->size(), 10u);
  EXPECT_EQ(index->Search(zero, {}, scratch)->size(), 10u);
}

TEST_P(IvfDegenerate, ManySubVectorsDoNotOverflow) {
  Data data = Clustered(300, 3000, kSeed, 5);
  if (normalised()) Normalise(data);
  BuildOptions options = Options();
  options.ivf_pq.m = 3000;
  const auto index = BuildAndOpen(data.set(), options, 300);
  EXPECT_GE(MeasureRecall(*index.index, data, Clustered(5, 3000, kSeed + 1, 5), {.ef = 0}), 0.95);
}

TEST_P(IvfDegenerate, RowsThatAreMissingOrMovedKeepTheirNumbers) {
  Data data = Clustered(2000, 24);
  if (normalised()) Normalise(data);
  std::vector<uint32_t> rows, positions;
  for (uint32_t i = 0; i < 2000; ++i) {
    if (i % 3 != 0) rows.push_back(i), positions.push_back(i);
  }
  VectorSet set = data.set();
  set.rows = rows.data();
  set.positions = positions.data();
  set.count = rows.size();
  const auto index = BuildAndOpen(set, Options(), 2000);
  MemorySource source(data, VectorPrecision::kF32);
  SearchScratch scratch;
  const std::vector<uint64_t> words{~uint64_t{0}};  // rows 0 to 63, of which 42 are indexed
  const LiveRows live{words};
  for (RowSource* s : {static_cast<RowSource*>(&source), static_cast<RowSource*>(nullptr)}) {
    const auto found =
        *index->Search(data.row(1000), {.k = 60, .live = &live, .source = s}, scratch);
    EXPECT_EQ(found.size(), 42u);
    for (const auto& n : found) EXPECT_NE(n.row % 3, 0u);
  }
  const LiveRows none{};
  EXPECT_TRUE(index->Search(data.row(0), {.live = &none}, scratch)->empty());
}

// Damage.

void SearchAll(const Opened& opened, const Data& data) {
  SearchScratch scratch;
  MemorySource source(data, VectorPrecision::kF32);
  const Bitmap half = RandomBitmap(900, 0.5), few = RandomBitmap(900, 0.01);
  const LiveRows live[] = {half.live(), few.live()};
  for (const LiveRows* l : {static_cast<const LiveRows*>(nullptr), &live[0], &live[1]}) {
    for (RowSource* s : {static_cast<RowSource*>(nullptr), static_cast<RowSource*>(&source)}) {
      const auto found = opened->Search(data.row(5), {.k = 10, .live = l, .source = s}, scratch);
      if (!found.ok()) {
        EXPECT_TRUE(IsKind(found.status(), ErrorKind::kCorrupt)) << found.status().ToString();
        continue;
      }
      for (const auto& n : *found) EXPECT_LT(n.row, 900u);
    }
  }
}

TEST_P(IvfDegenerate, AnyByteMayBeWrongInAnyChunk) {
  const Data data = Clustered(900, 20);
  for (const int bits : {4, 8}) {
    const auto chunks = *BuildIndex(data.set(), Options(bits));
    std::mt19937 random(kSeed);
    for (int round = 0; round < 200; ++round) {
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
      (void)opened->codebook_use();
      SearchAll(opened, data);
    }
  }
}

TEST_P(IvfDegenerate, AChunkCutShortMissingOrDoubledIsRefused) {
  const Data data = Clustered(900, 20);
  const auto chunks = *BuildIndex(data.set(), Options());
  for (size_t i = 0; i < chunks.size(); ++i) {
    auto changed = chunks;
    changed[i].bytes.pop_back();
    EXPECT_TRUE(IsKind(Opened(changed, 900).status, ErrorKind::kCorrupt)) << chunks[i].kind;
    changed = chunks;
    changed.erase(changed.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_TRUE(IsKind(Opened(changed, 900).status, ErrorKind::kCorrupt)) << chunks[i].kind;
    changed = chunks;
    changed.push_back(chunks[i]);
    EXPECT_TRUE(IsKind(Opened(changed, 900).status, ErrorKind::kCorrupt)) << chunks[i].kind;
  }
  EXPECT_TRUE(IsKind(Opened(chunks, 899).status, ErrorKind::kCorrupt)) << "rows past the file";
}

TEST_P(IvfDegenerate, VerifyFindsAWrongPlaceRowAndFactor) {
  const Data data = Clustered(900, 20);
  const auto chunks = *BuildIndex(data.set(), Options());
  for (const auto& [kind, at] : {std::pair<uint32_t, size_t>{kListsChunk, 8},
                                 {kListsChunk, 4},
                                 {kBlocksChunk, 192 + 128},  // a row of the first block
                                 {kBlocksChunk, 192}}) {
    auto damaged = chunks;
    for (auto& chunk : damaged) {
      if (chunk.kind != kind) continue;
      const uint32_t wrong = 0xff800001;
      std::memcpy(chunk.bytes.data() + at, &wrong, 4);
    }
    const Opened opened(damaged, 900);
    ASSERT_TRUE(opened.status.ok());
    EXPECT_TRUE(IsKind(opened->Verify(), ErrorKind::kCorrupt)) << kind << " at " << at;
  }
}

TEST(IvfDamage, UnknownVersionsAndFeaturesAreNotSupported) {
  const Data data = Clustered(100, 8);
  BuildOptions options;
  options.type = IndexType::kIvfPq;
  const auto chunks = *BuildIndex(data.set(), options);
  const auto change = [&](size_t chunk, size_t at) {
    auto changed = chunks;
    changed[chunk].bytes[at] = std::byte{77};
    return Opened(changed, 100).status;
  };
  ASSERT_EQ(chunks[0].kind, kIvfParamsChunk);
  ASSERT_EQ(chunks[1].kind, kCodebookChunk);
  for (const size_t at : {offsetof(IvfParams, version), offsetof(IvfParams, incompatible_features),
                          offsetof(IvfParams, metric)}) {
    EXPECT_TRUE(IsKind(change(0, at), ErrorKind::kNotSupported)) << at;
  }
  for (const size_t at : {offsetof(CodebookParams, version), offsetof(CodebookParams, flags),
                          offsetof(CodebookParams, bits)}) {
    EXPECT_TRUE(IsKind(change(1, at), ErrorKind::kNotSupported)) << at;
  }
  EXPECT_TRUE(change(0, offsetof(IvfParams, compatible_features)).ok());
}

}  // namespace
}  // namespace tarn::index
