// SPDX-License-Identifier: Apache-2.0
//
// Codebooks: the same bytes from the same vectors, copies, damage, and what is refused.
#include "base/crc32c.h"
#include "index/codebook.h"
#include "index/ivf/ivf_layout.h"
#include "index/tests/index_fixture.h"
#include "kernels/simd.h"

namespace tarn::index {
namespace {

BuildOptions Ivf(VectorMetric metric = VectorMetric::kCosine, int threads = 1) {
  BuildOptions options;
  options.type = IndexType::kIvfPq;
  options.metric = metric;
  options.threads = threads;
  return options;
}

std::vector<uint32_t> Digest(const std::vector<IndexChunk>& chunks) {
  std::vector<uint32_t> digest;
  for (const auto& chunk : chunks) digest.push_back(chunk.kind), digest.push_back(Crc32c(chunk.bytes));
  return digest;
}

class IvfBytes : public testing::TestWithParam<VectorMetric> {};
INSTANTIATE_TEST_SUITE_P(EveryMetric, IvfBytes, AllMetrics(), MetricTestName);

TEST_P(IvfBytes, AreTheSameForAnyNumberOfThreads) {
  Data data = Clustered(6000, 24);
  if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(data);
  for (const int bits : {4, 8}) {
    BuildOptions options = Ivf(GetParam());
    options.ivf_pq.bits = bits;
    const auto one = Digest(*BuildIndex(data.set(), options));
    for (const int threads : {2, 4}) {
      options.threads = threads;
      EXPECT_EQ(one, Digest(*BuildIndex(data.set(), options))) << threads << " threads";
    }
  }
}

TEST_P(IvfBytes, ACodebookCopiedFromAnIndexCodesAlike) {
  Data data = Clustered(3000, 20);
  if (GetParam() == VectorMetric::kNormalizedCosine) Normalise(data);
  const auto chunks = *BuildIndex(data.set(), Ivf(GetParam()));
  const Opened opened(chunks, 3000);
  const auto copy = Codebook::Copy(opened.views);
  ASSERT_TRUE(copy.ok()) << copy.status().ToString();
  EXPECT_EQ((*copy)->fingerprint(), opened->codebook_use()->fingerprint);
  EXPECT_EQ((*copy)->fingerprint(), CodebookFingerprint(opened.views));
  EXPECT_EQ((*copy)->fingerprint().size(), 32u);
  BuildOptions options = Ivf(GetParam(), 2);
  options.codebook = *copy;
  EXPECT_EQ(Digest(chunks), Digest(*BuildIndex(data.set(), options)));
}

TEST(IvfCodebook, KnowsItsSettingsWithNothingLeftToBeChosen) {
  const Data data = Clustered(4000, 30);
  const auto book = *Codebook::Train(data.set(), VectorMetric::kEuclidean, {}, 2);
  EXPECT_EQ(book->dim(), 30u);
  EXPECT_EQ(book->metric(), VectorMetric::kEuclidean);
  EXPECT_GT(book->config().nlist, 100);
  EXPECT_GT(book->config().nprobe, 1);
  EXPECT_EQ(book->config().m, 15);
  EXPECT_EQ(book->config().bits, 4);
  EXPECT_EQ(book->trained_rows(), 4000u);
  EXPECT_GT(book->training_error(), 0.0);
  EXPECT_LT(book->training_error(), 0.2);
}

TEST(IvfCodebook, OtherVectorsOrSettingsHaveOtherFingerprints) {
  const Data data = Clustered(1000, 8), other = Clustered(1000, 8, kSeed + 1);
  IvfPqConfig config;
  const auto one = *Codebook::Train(data.set(), VectorMetric::kCosine, config, 1);
  EXPECT_NE(one->fingerprint(),
            (*Codebook::Train(other.set(), VectorMetric::kCosine, config, 1))->fingerprint());
  EXPECT_NE(one->fingerprint(),
            (*Codebook::Train(data.set(), VectorMetric::kEuclidean, config, 1))->fingerprint());
  config.residual = false;
  EXPECT_NE(one->fingerprint(),
            (*Codebook::Train(data.set(), VectorMetric::kCosine, config, 1))->fingerprint());
}

TEST(IvfCodebook, NoVectorsBadSettingsAndTheWrongDimensionAreRefused) {
  VectorSet none;
  none.dim = 8;
  EXPECT_TRUE(IsKind(Codebook::Train(none, VectorMetric::kCosine, {}, 1).status(),
                     ErrorKind::kBadInput));
  const Data data = Clustered(100, 8), wider = Clustered(100, 9);
  for (const IvfPqConfig& bad :
       {IvfPqConfig{.m = 9}, IvfPqConfig{.bits = 5}, IvfPqConfig{.nlist = -1}}) {
    EXPECT_TRUE(IsKind(Codebook::Train(data.set(), VectorMetric::kCosine, bad, 1).status(),
                       ErrorKind::kBadInput));
  }
  BuildOptions options = Ivf();
  options.codebook = *Codebook::Train(data.set(), VectorMetric::kCosine, {}, 1);
  EXPECT_TRUE(IsKind(BuildIndex(wider.set(), options).status(), ErrorKind::kBadInput));
  options.metric = VectorMetric::kEuclidean;
  EXPECT_TRUE(IsKind(BuildIndex(data.set(), options).status(), ErrorKind::kBadInput));
}

TEST(IvfCodebook, AnyDamagedByteIsFoundWhenItIsCopied) {
  const Data data = Clustered(1000, 12);
  const auto chunks = *BuildIndex(data.set(), Ivf());
  std::mt19937 random(kSeed);
  for (const uint32_t kind : {kCodebookChunk, kCodebookMeanChunk, kCentroidsChunk,
                              kListFactorsChunk, kPqCentroidsChunk}) {
    for (int round = 0; round < 10; ++round) {
      auto damaged = chunks;
      for (auto& chunk : damaged) {
        if (chunk.kind == kind) chunk.bytes[random() % chunk.bytes.size()] ^= std::byte{4};
      }
      const Opened opened(damaged, 1000);
      EXPECT_FALSE(Codebook::Copy(opened.views).ok()) << kind;
      if (opened.status.ok()) {
        EXPECT_FALSE(opened->Verify().ok()) << kind;
      }
    }
  }
  const auto graph = *BuildIndex(data.set(), {});
  EXPECT_TRUE(IsKind(Codebook::Copy(Opened(graph, 1000).views).status(), ErrorKind::kNotFound));
  EXPECT_EQ(CodebookFingerprint(Opened(graph, 1000).views), "");
}

TEST(IvfCodebook, AFileWithoutRowsCarriesTheTablesCodebook) {
  const Data data = Clustered(1000, 12);
  BuildOptions options = Ivf();
  options.codebook = *Codebook::Train(data.set(), VectorMetric::kCosine, {}, 1);
  VectorSet none;
  none.dim = 12;
  const auto index = BuildAndOpen(none, options, 0);
  EXPECT_EQ((*Codebook::Copy(index.views))->fingerprint(), options.codebook->fingerprint());
  SearchScratch scratch;
  EXPECT_TRUE(index->Search(data.row(0), {}, scratch)->empty());
}

}  // namespace
}  // namespace tarn::index
