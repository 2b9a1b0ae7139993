// SPDX-License-Identifier: Apache-2.0
#include "iceberg/schema_change.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn::iceberg {
namespace {

using namespace change;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Where = FieldPlace::Where;
using Changes = std::vector<SchemaChange>;

NestedField Field(int32_t id, const char* name, Type type, bool required = false) {
  return {id, name, required, std::move(type), {}, {}};
}

Type Int() { return Type::Of(TypeId::kInt); }
Type Long() { return Type::Of(TypeId::kLong); }
Type Float() { return Type::Of(TypeId::kFloat); }
Type Text() { return Type::Of(TypeId::kString); }

/// id required, n int, price decimal, where struct{x float, y float}, points list<struct{x int}>,
/// by map<struct{k int}, struct{v int}>.
Schema Sample() {
  Schema schema;
  schema.schema_id = 4;
  schema.fields = {
      Field(1, "id", Long(), true),
      Field(2, "n", Int()),
      Field(3, "price", Type::Decimal(9, 2)),
      Field(4, "where", Type::Struct({Field(5, "x", Float()), Field(6, "y", Float())})),
      Field(7, "points", Type::List(8, Type::Struct({Field(9, "x", Int(), true)}), true)),
      Field(10, "by",
            Type::Map(11, Type::Struct({Field(12, "k", Int(), true)}), 13,
                      Type::Struct({Field(14, "v", Int())}), false))};
  schema.identifier_field_ids = {1};
  return schema;
}

constexpr int32_t kLastId = 20;

Schema Apply(const Changes& changes) {
  auto schema = ApplySchemaChanges(Sample(), kLastId, changes);
  EXPECT_TRUE(schema.ok()) << schema.status();
  return schema.ok() ? *schema : Schema();
}

std::string Refusal(const Changes& changes) {
  const auto schema = ApplySchemaChanges(Sample(), kLastId, changes);
  EXPECT_TRUE(IsKind(schema.status(), ErrorKind::kBadInput)) << schema.status();
  return schema.status().message();
}

std::vector<std::string> Names(const std::vector<NestedField>& fields) {
  std::vector<std::string> names;
  for (const auto& field : fields) names.push_back(field.name);
  return names;
}

TEST(SchemaChange, ANewColumnComesLastIsOptionalAndHasAnIdThatWasNeverUsed) {
  const Schema next = Apply({AddColumn{"", "title", Text(), "what it is called", {}}});
  EXPECT_EQ(next.fields.back(), (NestedField{21, "title", false, Text(), "what it is called", {}}));
  EXPECT_EQ(next.fields.size(), 7u);
}

TEST(SchemaChange, NestedTypesGetFreshIdsLevelByLevelAfterTheColumn) {
  const Type nested =
      Type::Struct({Field(1, "a", Type::List(2, Int(), false)), Field(3, "b", Text())});
  const Schema next =
      Apply({AddColumn{"", "s", nested, {}, {}}, AddColumn{"", "t", Int(), {}, {}}});
  const NestedField& added = next.fields[6];
  EXPECT_EQ(added.id, 21);
  EXPECT_EQ(added.type.fields[0].id, 22);
  EXPECT_EQ(added.type.fields[1].id, 23);
  EXPECT_EQ(added.type.fields[0].type.fields[0].id, 24);
  EXPECT_EQ(next.fields[7].id, 25);
}

TEST(SchemaChange, FieldsAreAddedToStructsListElementsAndMapValues) {
  const Schema next = Apply(
      {AddColumn{"where", "z", Float(), {}, {}}, AddColumn{"points", "y", Int(), {}, {}},
       AddColumn{"points.element", "z", Int(), {}, {}}, AddColumn{"by", "w", Text(), {}, {}}});
  EXPECT_THAT(Names(next.FindColumn("where")->type.fields), ElementsAre("x", "y", "z"));
  EXPECT_THAT(Names(next.FindPath("points.element")->type.fields), ElementsAre("x", "y", "z"));
  EXPECT_THAT(Names(next.FindPath("by.value")->type.fields), ElementsAre("v", "w"));
  EXPECT_FALSE(next.FindPath("points.element.y")->required);
}

TEST(SchemaChange, AddingIsRefusedWhereTheNameIsTakenOrTheParentIsNoStruct) {
  EXPECT_THAT(Refusal({AddColumn{"", "n", Int(), {}, {}}}), HasSubstr("'n' already"));
  EXPECT_THAT(Refusal({AddColumn{"where", "x", Int(), {}, {}}}), HasSubstr("'where.x' already"));
  EXPECT_THAT(Refusal({AddColumn{"n", "x", Int(), {}, {}}}), HasSubstr("'n' is int"));
  EXPECT_THAT(Refusal({AddColumn{"nowhere", "x", Int(), {}, {}}}), HasSubstr("'nowhere'"));
  EXPECT_THAT(Refusal({AddColumn{"by.key", "x", Int(), {}, {}}}), HasSubstr("map's key"));
  EXPECT_THAT(Refusal({AddColumn{"", "", Int(), {}, {}}}), HasSubstr("needs a name"));
  EXPECT_THAT(Refusal({AddColumn{"", "a", Int(), {}, {}}, AddColumn{"", "a", Int(), {}, {}}}),
              HasSubstr("added twice"));
}

TEST(SchemaChange, NamesDifferByCase) {
  EXPECT_THAT(Names(Apply({AddColumn{"", "N", Int(), {}, {}}}).fields),
              ElementsAre("id", "n", "price", "where", "points", "by", "N"));
  EXPECT_THAT(Refusal({DropColumn{"Price"}}), HasSubstr("no column 'Price'"));
}

TEST(SchemaChange, ADroppedColumnMayComeBackUnderAnotherId) {
  const Schema next = Apply({DropColumn{"n"}, AddColumn{"", "n", Text(), {}, {}}});
  EXPECT_EQ(next.FindColumn("n")->id, 21);
  EXPECT_EQ(next.FindField(2), nullptr);
  EXPECT_THAT(Refusal({AddColumn{"", "n", Text(), {}, {}}, DropColumn{"n"}}), HasSubstr("already"));
}

TEST(SchemaChange, NestedFieldsAreDroppedAlone) {
  const Schema next =
      Apply({DropColumn{"where.x"}, DropColumn{"by.value.v"}, AddColumn{"by", "w", Int(), {}, {}}});
  EXPECT_THAT(Names(next.FindColumn("where")->type.fields), ElementsAre("y"));
  EXPECT_THAT(Names(next.FindPath("by.value")->type.fields), ElementsAre("w"));
}

TEST(SchemaChange, IdentifierFieldsAndPartsOfListsAndMapsAreNotDropped) {
  EXPECT_THAT(Refusal({DropColumn{"id"}}), HasSubstr("identifier field"));
  EXPECT_THAT(Refusal({DropColumn{"points.element"}}), HasSubstr("part of a list"));
  EXPECT_THAT(Refusal({DropColumn{"by.key"}}), HasSubstr("part of a list or a map"));
  EXPECT_THAT(Refusal({DropColumn{"by.key.k"}}), HasSubstr("map's key"));
  EXPECT_THAT(Refusal({RenameColumn{"by.key.k", "l"}}), HasSubstr("map's key"));
  Schema keyed = Sample();
  keyed.fields[3].required = keyed.fields[3].type.fields[0].required = true;
  keyed.fields[3].type.fields[0].type = Int();
  keyed.identifier_field_ids = {5};
  const auto dropped = ApplySchemaChanges(keyed, kLastId, {DropColumn{"where"}});
  EXPECT_THAT(dropped.status().message(), HasSubstr("'x' is an identifier field"));
}

TEST(SchemaChange, OneColumnAtLeastRemains) {
  Schema one;
  one.fields = {Field(1, "a", Int())};
  EXPECT_TRUE(IsKind(ApplySchemaChanges(one, 1, {DropColumn{"a"}}).status(), ErrorKind::kBadInput));
}

TEST(SchemaChange, ARenameKeepsTheIdAndIdentifierFieldsMayBeRenamed) {
  const Schema next = Apply({RenameColumn{"id", "key"}, RenameColumn{"where.x", "lat"}});
  EXPECT_EQ(next.FindColumn("key")->id, 1);
  EXPECT_EQ(next.FindPath("where.lat")->id, 5);
  EXPECT_THAT(next.identifier_field_ids, ElementsAre(1));
}

TEST(SchemaChange, NamesCanBeSwappedButNotSharedInTheEnd) {
  const Schema next = Apply({RenameColumn{"n", "price"}, RenameColumn{"price", "n"}});
  EXPECT_EQ(next.FindColumn("price")->id, 2);
  EXPECT_EQ(next.FindColumn("n")->id, 3);
  EXPECT_THAT(Refusal({RenameColumn{"n", "price"}}), HasSubstr("two fields are named 'price'"));
  EXPECT_THAT(Refusal({RenameColumn{"n", ""}}), HasSubstr("new name"));
}

TEST(SchemaChange, ColumnsAreFoundByTheNamesTheyHadBefore) {
  EXPECT_THAT(Refusal({AddColumn{"", "a", Int(), {}, {}}, RenameColumn{"a", "b"}}),
              HasSubstr("no column 'a'"));
  EXPECT_THAT(Refusal({RenameColumn{"n", "m"}, WidenColumn{"m", Long()}}), HasSubstr("'m'"));
  const Schema next = Apply({RenameColumn{"n", "m"}, WidenColumn{"n", Long()}});
  EXPECT_EQ(next.FindColumn("m")->type, Long());
}

TEST(SchemaChange, WhatIsDroppedCannotBeChangedAndTheOtherWayRound) {
  EXPECT_THAT(Refusal({DropColumn{"n"}, RenameColumn{"n", "m"}}), HasSubstr("dropped"));
  EXPECT_THAT(Refusal({DropColumn{"n"}, WidenColumn{"n", Long()}}), HasSubstr("dropped"));
  EXPECT_THAT(Refusal({DropColumn{"n"}, DropColumn{"n"}}), HasSubstr("dropped"));
  EXPECT_THAT(Refusal({RenameColumn{"n", "m"}, DropColumn{"n"}}), HasSubstr("changed and dropped"));
  EXPECT_THAT(Refusal({AddColumn{"where", "z", Int(), {}, {}}, DropColumn{"where"}}),
              HasSubstr("changed and dropped"));
  EXPECT_THAT(Refusal({DropColumn{"where"}, AddColumn{"where", "z", Int(), {}, {}}}),
              HasSubstr("dropped"));
  EXPECT_THAT(Refusal({DropColumn{"n"}, MoveColumn{"id", {Where::kAfter, "n"}}}),
              HasSubstr("dropped"));
}

struct Widening {
  Type from, to;
  bool allowed;
};

TEST(SchemaChange, OnlyWideningsThatKeepEveryValueAreAllowed) {
  const std::vector<Widening> cases = {
      {Int(), Long(), true},
      {Float(), Type::Of(TypeId::kDouble), true},
      {Type::Decimal(9, 2), Type::Decimal(18, 2), true},
      {Type::Decimal(9, 2), Type::Decimal(9, 2), true},
      {Int(), Int(), true},
      {Long(), Int(), false},
      {Int(), Float(), false},
      {Int(), Type::Of(TypeId::kDouble), false},
      {Type::Of(TypeId::kDouble), Float(), false},
      {Type::Decimal(9, 2), Type::Decimal(8, 2), false},
      {Type::Decimal(9, 2), Type::Decimal(18, 3), false},
      {Type::Of(TypeId::kDate), Type::Of(TypeId::kTimestamp), false},
      {Text(), Type::Of(TypeId::kBinary), false},
      {Type::Fixed(4), Type::Fixed(8), false},
  };
  for (const auto& one : cases) {
    Schema schema;
    schema.fields = {Field(1, "a", one.from)};
    const auto next = ApplySchemaChanges(schema, 1, {WidenColumn{"a", one.to}});
    EXPECT_EQ(next.ok(), one.allowed) << one.from.ToString() << " -> " << one.to.ToString();
    if (next.ok()) {
      EXPECT_EQ(next->fields[0].type, one.to);
    } else {
      EXPECT_TRUE(IsKind(next.status(), ErrorKind::kBadInput));
    }
  }
  EXPECT_THAT(Refusal({WidenColumn{"by.key.k", Long()}}), HasSubstr("map's key"));
  EXPECT_EQ(Apply({WidenColumn{"points.element.x", Long()}}).FindField(9)->type, Long());
}

TEST(SchemaChange, RequiredFieldsBecomeOptionalUnlessTheyIdentifyTheRow) {
  EXPECT_FALSE(Apply({MakeOptional{"points.element.x"}}).FindField(9)->required);
  EXPECT_FALSE(Apply({MakeOptional{"points.element"}}).FindField(8)->required);
  EXPECT_THAT(Refusal({MakeOptional{"id"}}), HasSubstr("identifier field"));
  EXPECT_THAT(Refusal({MakeOptional{"by.key"}}), HasSubstr("key"));
}

TEST(SchemaChange, ColumnsMoveAmongTheirSiblings) {
  EXPECT_THAT(Names(Apply({MoveColumn{"by", {Where::kFirst, ""}}}).fields),
              ElementsAre("by", "id", "n", "price", "where", "points"));
  EXPECT_THAT(Names(Apply({MoveColumn{"id", {Where::kAfter, "price"}}}).fields),
              ElementsAre("n", "price", "id", "where", "points", "by"));
  EXPECT_THAT(Names(Apply({MoveColumn{"by", {Where::kBefore, "n"}}}).fields),
              ElementsAre("id", "by", "n", "price", "where", "points"));
  EXPECT_THAT(Names(Apply({MoveColumn{"id", {Where::kLast, ""}}}).fields),
              ElementsAre("n", "price", "where", "points", "by", "id"));
  EXPECT_THAT(Names(Apply({AddColumn{"", "a", Int(), {}, {Where::kFirst, ""}},
                           AddColumn{"", "b", Int(), {}, {Where::kAfter, "a"}}})
                        .fields),
              ElementsAre("a", "b", "id", "n", "price", "where", "points", "by"));
  EXPECT_THAT(
      Names(Apply({MoveColumn{"where.y", {Where::kBefore, "where.x"}}}).FindField(4)->type.fields),
      ElementsAre("y", "x"));
  EXPECT_THAT(Refusal({MoveColumn{"n", {Where::kAfter, "n"}}}), HasSubstr("beside itself"));
  EXPECT_THAT(Refusal({MoveColumn{"n", {Where::kAfter, "where.x"}}}), HasSubstr("one struct"));
  EXPECT_THAT(Refusal({MoveColumn{"by.value", {Where::kFirst, ""}}}), HasSubstr("cannot be moved"));
}

TEST(SchemaChange, TextsAreSetAndRemoved) {
  EXPECT_EQ(Apply({SetDoc{"n", "how many"}}).FindColumn("n")->doc, "how many");
  EXPECT_EQ(Apply({SetDoc{"n", "how many"}, SetDoc{"n", std::nullopt}}), Sample());
}

TEST(SchemaChange, OfATableColumnsOfItsLayoutStay) {
  Schema plain = Sample();
  auto table = NewTableMetadata("memory:///t", plain, {}, 0).ValueOrDie();
  table.last_column_id = 40;
  table.partition_specs.push_back({1, {{2, 1000, "n_bucket", "bucket[4]", {}}}});
  table.sort_orders.push_back({1, {{"identity", 3, "asc", "nulls-first", {}}}});
  table.default_sort_order_id = 1;
  EXPECT_THAT(EvolveSchema(table, {DropColumn{"n"}}).status().message(), HasSubstr("bucket[4]"));
  EXPECT_THAT(EvolveSchema(table, {DropColumn{"price"}}).status().message(), HasSubstr("sorted"));
  table.partition_specs[1].fields[0].transform = "void";
  EXPECT_TRUE(EvolveSchema(table, {DropColumn{"n"}}).ok());
  EXPECT_EQ(
      EvolveSchema(table, {AddColumn{"", "new", Int(), {}, {}}}).ValueOrDie().fields.back().id, 41);
  EXPECT_TRUE(IsKind(
      EvolveSchema(table, {AddColumn{"", "ns", Type::Of(TypeId::kTimestampNs), {}, {}}}).status(),
      ErrorKind::kNotSupported));
  const auto empty = NewTableMetadata("memory:///t", Schema(), {}, 0).ValueOrDie();
  EXPECT_TRUE(IsKind(EvolveSchema(empty, {}).status(), ErrorKind::kBadInput));
}

}  // namespace
}  // namespace tarn::iceberg
