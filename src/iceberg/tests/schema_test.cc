// SPDX-License-Identifier: Apache-2.0
#include "iceberg/schema.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/schema_json.h"

namespace tarn::iceberg {
namespace {

using testing::HasSubstr;

NestedField Field(int32_t id, const char* name, Type type, bool required = false) {
  return {id, name, required, std::move(type), {}, {}};
}

Schema Everything() {
  Schema schema;
  schema.schema_id = 3;
  int32_t id = 1;
  for (const TypeId type :
       {TypeId::kBoolean, TypeId::kInt, TypeId::kLong, TypeId::kFloat, TypeId::kDouble,
        TypeId::kDate, TypeId::kTime, TypeId::kTimestamp, TypeId::kTimestampTz, TypeId::kString,
        TypeId::kUuid, TypeId::kBinary}) {
    const std::string name = Type::Of(type).ToString();
    schema.fields.push_back(Field(id++, name.c_str(), Type::Of(type), true));
  }
  schema.fields.push_back(Field(20, "fixed", Type::Fixed(12)));
  schema.fields.push_back(Field(21, "decimal", Type::Decimal(38, 9)));
  schema.fields.push_back(Field(
      22, "struct",
      Type::Struct({Field(23, "a.b", Type::Of(TypeId::kInt)), Field(24, "c", Type::Fixed(1))})));
  schema.fields.push_back(Field(25, "list", Type::List(26, Type::Of(TypeId::kFloat), true)));
  schema.fields.push_back(Field(27, "map",
                                Type::Map(28, Type::Of(TypeId::kString), 29,
                                          Type::List(30, Type::Of(TypeId::kInt), false), false)));
  schema.fields.back().doc = "a map";
  schema.identifier_field_ids = {2};
  return schema;
}

TEST(Schema, EveryTypeSurvivesJson) {
  const auto back = SchemaFromJson(SchemaToJson(Everything()), "x");
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, Everything());
  EXPECT_TRUE(back->Validate(2).ok());
}

TEST(Schema, WhatIsNotKnownIsKept) {
  const std::string json =
      R"({"type":"struct","schema-id":1,"fields":[)"
      R"({"id":1,"name":"v","required":false,"type":"variant","initial-default":7},)"
      R"({"id":2,"name":"g","required":true,"type":{"type":"shape","crs":"x"}},)"
      R"({"id":3,"name":"n","required":false,"type":"timestamp_ns","write-default":"q"}],"later":[1]})";
  const auto schema = SchemaFromJson(json, "x");
  ASSERT_TRUE(schema.ok()) << schema.status();
  EXPECT_EQ(SchemaToJson(*schema), json);
  EXPECT_EQ(schema->fields[0].type.id, TypeId::kOther);
  EXPECT_TRUE(IsKind(schema->Validate(2), ErrorKind::kNotSupported));
  EXPECT_TRUE(schema->Validate(3).ok());
}

TEST(Schema, FieldsAreFoundByIdAndPath) {
  const Schema schema = Everything();
  EXPECT_EQ(schema.FindField(30)->name, "element");
  EXPECT_EQ(schema.FindField(99), nullptr);
  EXPECT_EQ(schema.FindPath("list.element")->id, 26);
  EXPECT_EQ(schema.FindPath("map.value.element")->id, 30);
  EXPECT_EQ(schema.FindPath("struct.a.b")->id, 23);
  EXPECT_EQ(schema.FindPath("struct.x"), nullptr);
  EXPECT_EQ(schema.FindPath(""), nullptr);
  EXPECT_EQ(schema.FindColumn("struct.c"), nullptr);
  EXPECT_EQ(schema.FindColumn("list")->id, 25);
  EXPECT_EQ(schema.HighestFieldId(), 30);
}

TEST(Schema, FreshIdsGoLevelByLevel) {
  Schema schema = Everything();
  EXPECT_EQ(AssignFreshIds(schema), 23);
  EXPECT_EQ(schema.fields.back().id, 17);
  EXPECT_EQ(schema.FindPath("struct.a.b")->id, 18);
  EXPECT_EQ(schema.FindPath("list.element")->id, 20);
  EXPECT_EQ(schema.FindPath("map.value.element")->id, 23);
  EXPECT_EQ(schema.identifier_field_ids, std::vector<int32_t>{2});
  EXPECT_TRUE(schema.Validate(2).ok());
}

TEST(Schema, BadSchemasAreRefusedByField) {
  const auto check = [](std::vector<NestedField> fields, const char* says) {
    Schema schema;
    schema.fields = std::move(fields);
    const Status status = schema.Validate(2);
    EXPECT_TRUE(IsKind(status, ErrorKind::kBadInput)) << status;
    EXPECT_THAT(status.message(), HasSubstr(says));
  };
  const Type i = Type::Of(TypeId::kInt);
  check({Field(1, "a", i), Field(1, "b", i)}, "'b'");
  check({Field(1, "a", i), Field(2, "a", i)}, "'a'");
  check({Field(0, "a", i)}, "'a'");
  check({Field(1, "", i)}, "no name");
  check({Field(1, "d", Type::Decimal(39, 0))}, "'d'");
  check({Field(1, "s", Type::Struct({Field(1, "x", i)}))}, "'s.x'");
  Schema key;
  key.fields = {Field(1, "a", i)};
  key.identifier_field_ids = {1};
  EXPECT_FALSE(key.Validate(2).ok());
  key.fields[0].required = true;
  EXPECT_TRUE(key.Validate(2).ok());
  key.identifier_field_ids = {7};
  EXPECT_FALSE(key.Validate(2).ok());
}

TEST(Schema, BrokenJsonIsCorruptAndNamesTheFile) {
  for (const char* json :
       {"", "[]", "{\"fields\":3}", R"({"fields":[{"name":"a","type":"int"}]})",
        R"({"fields":[{"id":1,"name":"a"}]})", R"({"fields":[{"id":"x","name":"a","type":"int"}]})",
        R"({"fields":[{"id":99999999999,"name":"a","type":"int"}]})",
        R"({"fields":[{"id":1,"name":"a","type":{"type":"list","element":"int"}}]})",
        R"({"fields":[{"id":1,"name":"a","type":{"type":"map","key-id":1}}]})"}) {
    const auto status = SchemaFromJson(json, "the-file").status();
    EXPECT_TRUE(IsKind(status, ErrorKind::kCorrupt)) << json << ": " << status;
    EXPECT_THAT(status.message(), HasSubstr("the-file"));
  }
}

}  // namespace
}  // namespace tarn::iceberg
