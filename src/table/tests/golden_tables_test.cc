// SPDX-License-Identifier: Apache-2.0
//
// Tables that PyIceberg and Spark wrote (tests/golden): every row and value, at every snapshot.
#include <numeric>

#include "foreign_table.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/table_metadata_json.h"
#include "iceberg/tests/golden_store.h"

namespace tarn {
namespace {

using ::testing::ElementsAre;

std::shared_ptr<CatalogProvider> Golden(const std::string& file) {
  auto store = std::make_shared<iceberg::GoldenStore>();
  const auto bytes = store->Read(file).ValueOrDie();
  return std::make_shared<FixedCatalog>(
      store, iceberg::TableMetadataFromJson(bytes->text(), file).ValueOrDie());
}

std::shared_ptr<const ReadView> Open(const std::string& file, std::optional<AsOf> as_of = {}) {
  return ReadView::Open(Golden(file), FixedCatalog::Ident(), nullptr, std::move(as_of))
      .ValueOrDie();
}

int64_t Sum(const std::vector<int64_t>& ids) {
  return std::accumulate(ids.begin(), ids.end(), int64_t{0});
}

constexpr char kPyIceberg[] =
    "pyiceberg_v2/00003-bcdad6e3-e8dd-416d-b49b-46282b3dd60a.metadata.json";

TEST(GoldenTables, PyIcebergsCopyOnWriteTable) {
  const auto view = Open(kPyIceberg);
  auto ids = ScanIds(*view);
  EXPECT_EQ(ids.size(), 149u);
  EXPECT_EQ(Sum(ids), 11172);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 3), 0);
  EXPECT_EQ(view->CountLiveRows().ValueOrDie(), 149);
}

class SparkTables : public ::testing::TestWithParam<const char*> {
 protected:
  std::string File() const { return std::string(GetParam()) + "/v5.metadata.json"; }
};

TEST_P(SparkTables, LiveRowsAreThoseThatSparkSees) {
  const auto view = Open(File());
  EXPECT_EQ(view->rows(), 155);
  EXPECT_EQ(view->CountLiveRows().ValueOrDie(), 150);
  EXPECT_EQ(view->delete_files().size(), 2u);
  auto ids = ScanIds(*view);
  EXPECT_EQ(ids.size(), 150u);
  EXPECT_EQ(Sum(ids), 11519);
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::unique(ids.begin(), ids.end()), ids.end());
  for (const int64_t gone : {3, 5, 101}) {
    EXPECT_FALSE(std::binary_search(ids.begin(), ids.end(), gone)) << gone;
  }
}

TEST_P(SparkTables, MergedRowsHaveTheirNewValues) {
  int merged = 0;
  for (const auto& batch : ScanAll(*Open(File()))) {
    const auto& ids = static_cast<const arrow::Int64Array&>(*batch->column(0));
    const auto& texts = static_cast<const arrow::StringArray&>(*batch->column(1));
    const auto& vectors = static_cast<const arrow::ListArray&>(*batch->column(2));
    for (int64_t i = 0; i < batch->num_rows(); ++i) {
      const int64_t id = ids.Value(i);
      if (id < 148 || id > 152) continue;
      ++merged;
      EXPECT_EQ(texts.GetString(i), "merged " + std::to_string(id));
      const auto vector = std::static_pointer_cast<arrow::FloatArray>(vectors.value_slice(i));
      EXPECT_THAT(std::vector<float>(vector->raw_values(), vector->raw_values() + 4),
                  ElementsAre(1, 0, 0, 0));
    }
  }
  EXPECT_EQ(merged, 5);
}

TEST_P(SparkTables, OlderSnapshotsAreReadAsTheyWere) {
  const auto catalog = Golden(File());
  const auto state = catalog->LoadTable({}).ValueOrDie();
  const auto& log = state.metadata->snapshot_log;
  ASSERT_EQ(log.size(), 4u);
  const std::vector<int64_t> rows = {100, 150, 147, 150};
  for (size_t i = 0; i < log.size(); ++i) {
    const auto by_id = Open(File(), log[i].snapshot_id);
    EXPECT_EQ(by_id->CountLiveRows().ValueOrDie(), rows[i]);
    const auto by_time = Open(File(), AsOf::AtMillis(log[i].timestamp_ms));
    EXPECT_EQ(by_time->snapshot(), log[i].snapshot_id);
  }
  EXPECT_EQ(Open(File(), AsOf::Ref("main"))->snapshot(), log[3].snapshot_id);
  // The superseded deletes of the third snapshot are read with it.
  auto ids = ScanIds(*Open(File(), log[2].snapshot_id));
  EXPECT_EQ(Sum(ids), 149 * 150 / 2 - 3 - 5 - 101);
  const auto before = ReadView::Open(catalog, FixedCatalog::Ident(), nullptr,
                                     AsOf::AtMillis(log[0].timestamp_ms - 1));
  EXPECT_TRUE(IsKind(before.status(), ErrorKind::kNotFound));
}

INSTANTIATE_TEST_SUITE_P(Versions, SparkTables, ::testing::Values("spark_v2", "spark_v3"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace tarn
