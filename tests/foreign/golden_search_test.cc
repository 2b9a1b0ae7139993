// SPDX-License-Identifier: Apache-2.0
//
// Nearest neighbours over the tables that PyIceberg and Spark wrote (tests/golden), once a property
// says that a column of theirs holds vectors.
#include <algorithm>
#include <cmath>

#include "gtest/gtest.h"
#include "iceberg/table_metadata_json.h"
#include "iceberg/tests/golden_store.h"
#include "table/tests/foreign_table.h"
#include "tarn/search_session.h"

namespace tarn {
namespace {

struct GoldenTable {
  const char* metadata;
  int32_t dim;
};

class GoldenSearch : public ::testing::TestWithParam<GoldenTable> {};

TEST_P(GoldenSearch, AgreesWithAComparisonOfEveryLiveRow) {
  auto store = std::make_shared<iceberg::GoldenStore>();
  const auto bytes = store->Read(GetParam().metadata).ValueOrDie();
  auto metadata = iceberg::TableMetadataFromJson(bytes->text(), GetParam().metadata).ValueOrDie();
  const std::string column = metadata.CurrentSchema().fields[2].name;
  const int32_t dim = GetParam().dim;
  for (const auto& [key, value] :
       TableProperties(VectorStoragePolicy{column, dim, VectorMetric::kEuclidean})
           .ToIceberg()
           .ValueOrDie()) {
    metadata.properties[key] = value;
  }
  const auto session = SearchSession::Open(std::make_shared<FixedCatalog>(store, metadata),
                                           FixedCatalog::Ident(), {.threads = 1})
                           .ValueOrDie();
  std::vector<std::pair<int64_t, std::vector<float>>> rows;
  for (const auto& batch : ScanAll(*session->view(), {"id", column})) {
    const auto& ids = static_cast<const arrow::Int64Array&>(*batch->column(0));
    const auto& lists = static_cast<const arrow::ListArray&>(*batch->column(1));
    const auto& values = static_cast<const arrow::FloatArray&>(*lists.values());
    for (int64_t i = 0; i < batch->num_rows(); ++i) {
      const float* first = values.raw_values() + lists.value_offset(i);
      rows.emplace_back(ids.Value(i), std::vector<float>(first, first + dim));
    }
  }
  for (size_t q = 0; q < rows.size(); q += 7) {
    const auto& query = rows[q].second;
    std::vector<double> distances;
    for (const auto& [id, vector] : rows) {
      double squares = 0;
      for (size_t d = 0; d < query.size(); ++d) squares += std::pow(query[d] - vector[d], 2);
      distances.push_back(std::sqrt(squares));
    }
    std::sort(distances.begin(), distances.end());
    for (const bool exact : {false, true}) {
      const auto found =
          session->Search(query, {.k = 20, .exact = exact, .columns = {"id"}}).ValueOrDie();
      ASSERT_EQ(found->num_rows(), 20);
      const auto distance = found->GetColumnByName("_distance")->chunk(0);
      for (int64_t i = 0; i < 20; ++i) {
        const float value = static_cast<const arrow::FloatArray&>(*distance).Value(i);
        ASSERT_NEAR(value, distances[static_cast<size_t>(i)], 1e-4) << q << " " << i;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Tables, GoldenSearch,
    ::testing::Values(
        GoldenTable{"pyiceberg_v2/00003-bcdad6e3-e8dd-416d-b49b-46282b3dd60a.metadata.json", 8},
        GoldenTable{"spark_v2/v5.metadata.json", 4}, GoldenTable{"spark_v3/v5.metadata.json", 4}),
    [](const auto& info) {
      const std::string path = info.param.metadata;
      return path.substr(0, path.find('/'));
    });

}  // namespace
}  // namespace tarn
