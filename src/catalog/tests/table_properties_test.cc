// SPDX-License-Identifier: Apache-2.0
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tarn/catalog.h"

namespace tarn {
namespace {

using testing::HasSubstr;
using testing::Pair;

TableProperties TwoColumns() {
  TableProperties properties;
  properties.vectors.push_back(
      {"embedding", 384, VectorMetric::kDotProduct, VectorPrecision::kF16});
  properties.vectors.push_back(
      {"title.vec", 32, VectorMetric::kEuclidean, VectorPrecision::kF32, PqConfig{8, 4}, false});
  properties.vectors.push_back({"a", 3, VectorMetric::kNormalizedCosine, VectorPrecision::kI8});
  properties.hnsw = {24, 150, 90, 8};
  properties.ivf_pq = {1000, 20, 16, 8, false, 7};
  properties.extra = {{"owner", "me"}};
  return properties;
}

TEST(TableProperties, ComeBackAsTheyWere) {
  const auto properties = TwoColumns();
  const auto back = TableProperties::FromIceberg(properties.ToIceberg().ValueOrDie()).ValueOrDie();
  EXPECT_EQ(back.vectors, properties.vectors);
  EXPECT_EQ(back.hnsw, properties.hnsw);
  EXPECT_EQ(back.ivf_pq, properties.ivf_pq);
  EXPECT_EQ(back.extra, properties.extra);
}

TEST(TableProperties, IvfSettingsThatAreLeftToTarnAreNotWritten) {
  auto properties = TwoColumns();
  properties.ivf_pq = {};
  for (const auto& [key, value] : properties.ToIceberg().ValueOrDie()) {
    EXPECT_FALSE(key.starts_with("tarn.ivf.")) << key;
  }
}

TEST(TableProperties, ThePrimaryColumnHasTheKnownNames) {
  const auto written = TwoColumns().ToIceberg().ValueOrDie();
  EXPECT_THAT(
      written,
      testing::IsSupersetOf(
          {Pair("ailake.vector-column", "embedding"), Pair("ailake.vector-dim", "384"),
           Pair("ailake.vector-metric", "dot_product"), Pair("ailake.vector-precision", "f16"),
           Pair("ailake.hnsw-m", "24"), Pair("ailake.hnsw-ef-construction", "150"),
           Pair("ailake.format-version", "2"), Pair("tarn.vector.title.vec.dim", "32")}));
}

TEST(TableProperties, APlainTableHasOnlyItsExtras) {
  TableProperties plain;
  plain.extra = {{"k", "v"}};
  EXPECT_EQ(plain.ToIceberg().ValueOrDie(), plain.extra);
  EXPECT_TRUE(TableProperties::FromIceberg(plain.extra)->vectors.empty());
}

TEST(TableProperties, TablesOfVersionOneAreUnderstood) {
  const auto read = TableProperties::FromIceberg({{"ailake.vector-column", "embedding"},
                                                  {"ailake.vector-dim", "32"},
                                                  {"ailake.vector-metric", "cosine"},
                                                  {"ailake.vector-precision", "f32"},
                                                  {"ailake.format-version", "1"}});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->vectors.at(0), (VectorStoragePolicy{"embedding", 32}));
}

TEST(TableProperties, AnIncompleteOrUnreadablePolicyIsCorrupt) {
  const auto whole = TwoColumns().ToIceberg().ValueOrDie();
  for (const char* key : {"ailake.vector-dim", "ailake.vector-metric", "ailake.vector-precision",
                          "tarn.vector.title.vec.dim", "tarn.vector.title.vec.metric"}) {
    auto missing = whole;
    missing.erase(key);
    auto status = TableProperties::FromIceberg(missing).status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kCorrupt)) << key << ": " << status;
    EXPECT_THAT(status.message(), HasSubstr(key));
    auto wrong = whole;
    wrong[key] = "many";
    status = TableProperties::FromIceberg(wrong).status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kCorrupt)) << key << ": " << status;
  }
  auto zero = whole;
  zero["ailake.vector-dim"] = "0";
  EXPECT_TRUE(IsKind(TableProperties::FromIceberg(zero).status(), ErrorKind::kCorrupt));
}

TEST(TableProperties, BadSettingsAreRefusedBeforeTheyAreWritten) {
  auto twice = TwoColumns();
  twice.vectors[1].column_name = "embedding";
  EXPECT_TRUE(IsKind(twice.ToIceberg().status(), ErrorKind::kBadInput));
  auto clash = TwoColumns();
  clash.extra["ailake.vector-dim"] = "7";
  EXPECT_TRUE(IsKind(clash.ToIceberg().status(), ErrorKind::kBadInput));
  auto bad = TwoColumns();
  bad.vectors[0].dim = 0;
  EXPECT_TRUE(IsKind(bad.ToIceberg().status(), ErrorKind::kBadInput));
}

}  // namespace
}  // namespace tarn
