// SPDX-License-Identifier: Apache-2.0
#include "iceberg/name_mapping.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn::iceberg {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(NameMappingJson, NestedFieldsSeveralNamesAndFieldsWithoutId) {
  const auto mapping = NameMapping::FromJson(R"([
      {"field-id": 1, "names": ["id", "record_id"]},
      {"names": ["ignored"]},
      {"field-id": 3, "names": ["place"], "fields": [
          {"field-id": 4, "names": ["lat", "latitude"]}]},
      {"field-id": 5, "names": ["tags"], "fields": [{"field-id": 6, "names": ["element"]}]},
      {"field-id": 7, "names": []}])")
                           .ValueOrDie();
  ASSERT_EQ(mapping.fields.size(), 5u);
  EXPECT_EQ(FindMapped(mapping.fields, "record_id")->field_id, 1);
  EXPECT_EQ(FindMapped(mapping.fields, "ignored")->field_id, std::nullopt);
  EXPECT_EQ(FindMapped(mapping.fields, "Id"), nullptr);
  const auto* place = FindMapped(mapping.fields, "place");
  EXPECT_EQ(FindMapped(place->fields, "latitude")->field_id, 4);
  EXPECT_THAT(FindMapped(mapping.fields, "tags")->fields[0].names, ElementsAre("element"));
}

TEST(NameMappingJson, RefusesWhatIsNoMapping) {
  const auto problem = [](std::string_view json) {
    const auto mapping = NameMapping::FromJson(json);
    EXPECT_TRUE(IsKind(mapping.status(), ErrorKind::kCorrupt)) << json;
    return mapping.status().message();
  };
  EXPECT_THAT(problem("[{"), HasSubstr("schema.name-mapping.default is not JSON"));
  EXPECT_THAT(problem("{}"), HasSubstr("not a JSON array"));
  EXPECT_THAT(problem("[1]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(problem(R"([{"field-id": "1"}])"), HasSubstr("'field-id'"));
  EXPECT_THAT(problem(R"([{"field-id": 1e12, "names": []}])"), HasSubstr("'field-id'"));
  EXPECT_THAT(problem(R"([{"names": [1]}])"), HasSubstr("not a string"));
  EXPECT_THAT(problem(R"([{"names": ["a"]}, {"names": ["a"]}])"), HasSubstr("stands twice"));
  EXPECT_THAT(problem(R"([{"names": ["a"], "fields": [{"names": {}}]}])"), HasSubstr("'names'"));
}

}  // namespace
}  // namespace tarn::iceberg
