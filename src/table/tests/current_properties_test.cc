// SPDX-License-Identifier: Apache-2.0
#include "table/current_properties.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Columns by their ids, as a schema.
iceberg::Schema SchemaOf(int32_t schema_id,
                         const std::vector<std::pair<int32_t, std::string>>& columns) {
  iceberg::Schema schema;
  schema.schema_id = schema_id;
  for (const auto& [id, name] : columns) {
    auto list = iceberg::Type::List(100 + id, iceberg::Type::Of(iceberg::TypeId::kFloat), true);
    schema.fields.push_back({id, name, false, std::move(list), {}, {}});
  }
  return schema;
}

/// A table with policies for "a" (of dimension 4) and "b" (of dimension 8), and these schemas, the
/// last one current.
iceberg::TableMetadata TableOf(std::vector<iceberg::Schema> schemas) {
  TableProperties properties({.column_name = "a", .dim = 4});
  properties.vectors.push_back({.column_name = "b", .dim = 8});
  iceberg::TableMetadata metadata;
  metadata.properties = properties.ToIceberg().ValueOrDie();
  metadata.current_schema_id = schemas.back().schema_id;
  metadata.schemas = std::move(schemas);
  return metadata;
}

std::vector<std::string> VectorsOf(const iceberg::TableMetadata& metadata) {
  std::vector<std::string> found;
  for (const auto& policy : CurrentProperties(metadata).ValueOrDie().vectors) {
    found.push_back(policy.column_name + ":" + std::to_string(policy.dim));
  }
  return found;
}

TEST(CurrentProperties, ColumnsThatAreThereKeepTheirPolicies) {
  EXPECT_THAT(VectorsOf(TableOf({SchemaOf(0, {{1, "a"}, {2, "b"}})})), ElementsAre("a:4", "b:8"));
}

TEST(CurrentProperties, ATableWithoutColumnsYetKeepsItsPolicies) {
  EXPECT_THAT(VectorsOf(TableOf({SchemaOf(0, {})})), ElementsAre("a:4", "b:8"));
}

TEST(CurrentProperties, ARenamedColumnTakesItsPolicyAlong) {
  const auto start = SchemaOf(0, {{1, "a"}, {2, "b"}});
  EXPECT_THAT(VectorsOf(TableOf({start, SchemaOf(1, {{1, "x"}, {2, "b"}})})),
              ElementsAre("x:4", "b:8"));
  EXPECT_THAT(VectorsOf(TableOf(
                  {start, SchemaOf(1, {{1, "x"}, {2, "b"}}), SchemaOf(2, {{2, "z"}, {1, "y"}})})),
              ElementsAre("y:4", "z:8"));
}

TEST(CurrentProperties, ADroppedColumnHasNoPolicy) {
  const auto start = SchemaOf(0, {{1, "a"}, {2, "b"}});
  EXPECT_THAT(VectorsOf(TableOf({start, SchemaOf(1, {{2, "b"}})})), ElementsAre("b:8"));
  EXPECT_THAT(VectorsOf(TableOf({start, SchemaOf(1, {{3, "c"}})})), IsEmpty());
}

TEST(CurrentProperties, OfTwoColumnsOfOneNameTheLaterOneIsMeant) {
  // "a" was a column before, was dropped and made anew; then the new one was renamed.
  EXPECT_THAT(
      VectorsOf(TableOf({SchemaOf(0, {{1, "a"}, {2, "b"}}), SchemaOf(1, {{2, "b"}}),
                         SchemaOf(2, {{2, "b"}, {3, "a"}}), SchemaOf(3, {{2, "b"}, {3, "x"}})})),
      ElementsAre("x:4", "b:8"));
}

TEST(CurrentProperties, AColumnThatTookTheNameOfAnotherKeepsItsOwnPolicy) {
  EXPECT_THAT(VectorsOf(TableOf({SchemaOf(0, {{1, "a"}, {2, "b"}}), SchemaOf(1, {{1, "b"}})})),
              ElementsAre("b:4"));
}

TEST(CurrentProperties, APolicyThatNoSchemaKnowsStays) {
  EXPECT_THAT(VectorsOf(TableOf({SchemaOf(0, {{2, "b"}})})), ElementsAre("a:4", "b:8"));
}

TEST(CurrentProperties, UnreadablePropertiesAreAnError) {
  auto metadata = TableOf({SchemaOf(0, {{1, "a"}, {2, "b"}})});
  metadata.properties["ailake.vector-dim"] = "many";
  EXPECT_TRUE(IsKind(CurrentProperties(metadata).status(), ErrorKind::kCorrupt));
}

}  // namespace
}  // namespace tarn
