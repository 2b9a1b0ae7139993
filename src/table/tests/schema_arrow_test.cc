// SPDX-License-Identifier: Apache-2.0
#include "table/schema_arrow.h"

#include <set>

#include "arrow/api.h"
#include "format/storable_schema.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn {
namespace {

using ::testing::HasSubstr;

/// One column of every storable type.
std::shared_ptr<arrow::Schema> EveryType() {
  return arrow::schema(
      {arrow::field("b", arrow::boolean()), arrow::field("i", arrow::int32(), false),
       arrow::field("l", arrow::int64()), arrow::field("f", arrow::float32()),
       arrow::field("d", arrow::float64()), arrow::field("dec", arrow::decimal128(20, 3)),
       arrow::field("date", arrow::date32()),
       arrow::field("time", arrow::time64(arrow::TimeUnit::MICRO)),
       arrow::field("ts", arrow::timestamp(arrow::TimeUnit::MICRO)),
       arrow::field("tz", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
       arrow::field("s", arrow::utf8()), arrow::field("bin", arrow::binary()),
       arrow::field("fix", arrow::fixed_size_binary(7)),
       arrow::field("list", arrow::list(arrow::field("element", arrow::int32(), false))),
       arrow::field("map",
                    std::make_shared<arrow::MapType>(arrow::field("key", arrow::utf8(), false),
                                                     arrow::field("value", arrow::int64()))),
       arrow::field("struct", arrow::struct_({arrow::field("x", arrow::int32()),
                                              arrow::field("y", arrow::utf8())}))});
}

TEST(SchemaArrow, EveryStorableTypeSurvivesTheRoundTrip) {
  const auto schema = NewTableSchema(*EveryType(), {}).ValueOrDie();
  ASSERT_TRUE(schema.Validate(2).ok());
  const auto back = ToArrowSchema(schema).ValueOrDie();
  EXPECT_TRUE(back->Equals(*EveryType(), /*check_metadata=*/false)) << back->ToString();
}

TEST(SchemaArrow, EveryNodeHasItsOwnFieldId) {
  const auto back = ToArrowSchema(NewTableSchema(*EveryType(), {}).ValueOrDie()).ValueOrDie();
  std::set<int32_t> ids;
  std::vector<std::shared_ptr<arrow::Field>> open = back->fields();
  size_t nodes = 0;
  while (!open.empty()) {
    const auto field = open.back();
    open.pop_back();
    ++nodes;
    ids.insert(format::FieldIdOf(*field).ValueOrDie());
    if (field->type()->id() == arrow::Type::MAP) {
      const auto& map = static_cast<const arrow::MapType&>(*field->type());
      open.push_back(map.key_field());
      open.push_back(map.item_field());
    } else {
      for (const auto& child : field->type()->fields()) open.push_back(child);
    }
  }
  EXPECT_EQ(ids.size(), nodes);
  EXPECT_FALSE(ids.contains(-1));
}

TEST(SchemaArrow, VectorColumnsFollowAsOptionalListsOfRequiredFloats) {
  const std::vector<VectorStoragePolicy> policies{{"v", 4}, {"w", 8}};
  const auto plain = arrow::schema({arrow::field("id", arrow::int64())});
  const auto schema = NewTableSchema(*plain, policies).ValueOrDie();
  ASSERT_EQ(schema.fields.size(), 3u);
  EXPECT_FALSE(schema.fields[2].required);
  EXPECT_EQ(schema.fields[2].type.ToString(), "list<float>");
  EXPECT_TRUE(schema.fields[2].type.fields[0].required);
  const auto clash = NewTableSchema(*arrow::schema({arrow::field("v", arrow::int64())}), policies);
  EXPECT_THAT(clash.status().message(), HasSubstr("'v'"));
}

TEST(SchemaArrow, TypesOfVersionThreeAreRead) {
  using iceberg::TypeId;
  iceberg::Schema schema;
  schema.fields.push_back({1, "ns", false, iceberg::Type::Of(TypeId::kTimestampNs)});
  schema.fields.push_back({2, "zoned", false, iceberg::Type::Of(TypeId::kTimestampTzNs)});
  schema.fields.push_back({3, "unknown", false, iceberg::Type::Of(TypeId::kUnknown)});
  const auto read = ToArrowSchema(schema).ValueOrDie();
  EXPECT_TRUE(read->field(0)->type()->Equals(arrow::timestamp(arrow::TimeUnit::NANO)));
  EXPECT_TRUE(read->field(1)->type()->Equals(arrow::timestamp(arrow::TimeUnit::NANO, "UTC")));
  EXPECT_TRUE(read->field(2)->type()->Equals(arrow::null()));
}

TEST(SchemaArrow, TypesOfLaterVersionsAreNamedNotGuessed) {
  iceberg::Schema schema;
  schema.fields.push_back({1, "when", false, iceberg::Type::Of(iceberg::TypeId::kOther)});
  const auto status = ToArrowSchema(schema).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kNotSupported));
  EXPECT_THAT(status.message(), HasSubstr("'when'"));
}

}  // namespace
}  // namespace tarn
