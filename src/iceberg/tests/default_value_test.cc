// SPDX-License-Identifier: Apache-2.0
#include "iceberg/default_value.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn::iceberg {
namespace {

using testing::HasSubstr;

Result<std::optional<Value>> Default(Type type, const std::string& json) {
  NestedField field;
  field.id = 1;
  field.name = "c";
  field.type = std::move(type);
  field.extra = R"({"write-default": 1, "initial-default": )" + json + "}";
  return InitialDefault(field);
}

Value Of(Type type, const std::string& json) {
  const auto value = Default(std::move(type), json);
  EXPECT_TRUE(value.ok()) << value.status() << json;
  return value.ok() && *value ? **value : Value();
}

TEST(InitialDefault, IsReadForEveryPrimitiveType) {
  EXPECT_EQ(Of(Type::Of(TypeId::kBoolean), "true"), Value(true));
  EXPECT_EQ(Of(Type::Of(TypeId::kInt), "-7"), Value(int32_t{-7}));
  EXPECT_EQ(Of(Type::Of(TypeId::kLong), "9007199254740993"), Value(int64_t{9007199254740993}));
  EXPECT_EQ(Of(Type::Of(TypeId::kFloat), "1.5"), Value(1.5f));
  EXPECT_EQ(Of(Type::Of(TypeId::kDouble), "2"), Value(2.0));
  EXPECT_EQ(Of(Type::Of(TypeId::kDate), R"("2017-11-16")"), Value(int32_t{17486}));
  EXPECT_EQ(Of(Type::Of(TypeId::kDate), R"("1969-12-31")"), Value(int32_t{-1}));
  EXPECT_EQ(Of(Type::Of(TypeId::kTime), R"("22:31:08.123456")"), Value(int64_t{81068123456}));
  EXPECT_EQ(Of(Type::Of(TypeId::kTimestamp), R"("2017-11-16T22:31:08.000001")"),
            Value(int64_t{1510871468000001}));
  EXPECT_EQ(Of(Type::Of(TypeId::kTimestampTz), R"("1970-01-01T00:00:01+00:00")"),
            Value(int64_t{1000000}));
  EXPECT_EQ(Of(Type::Of(TypeId::kTimestampNs), R"("1970-01-01T00:00:00.000000123")"),
            Value(int64_t{123}));
  EXPECT_EQ(Of(Type::Of(TypeId::kString), R"("north")"), Value(std::string("north")));
  EXPECT_EQ(Of(Type::Of(TypeId::kUuid), R"("f79c3e09-677c-4bbd-a479-3f349cb785e7")"),
            Value(std::string("\xf7\x9c\x3e\x09\x67\x7c\x4b\xbd\xa4\x79\x3f\x34\x9c\xb7\x85\xe7")));
  EXPECT_EQ(Of(Type::Fixed(2), R"("00ff")"), Value(std::string("\0\xff", 2)));
  EXPECT_EQ(Of(Type::Of(TypeId::kBinary), R"("")"), Value(std::string()));
  EXPECT_EQ(Of(Type::Decimal(9, 2), R"("14.20")"), Value(DecimalBytes(1420)));
  EXPECT_EQ(Of(Type::Decimal(9, 2), R"("-0.05")"), Value(DecimalBytes(-5)));
}

TEST(InitialDefault, IsAbsentWithoutOneAndForNull) {
  NestedField field;
  EXPECT_EQ(InitialDefault(field).ValueOrDie(), std::nullopt);
  EXPECT_EQ(Default(Type::Of(TypeId::kInt), "null").ValueOrDie(), std::nullopt);
  EXPECT_EQ(Default(Type::List(2, Type::Of(TypeId::kInt), false), "null").ValueOrDie(),
            std::nullopt);
}

TEST(InitialDefault, OfAStructIsThatOfItsFields) {
  EXPECT_EQ(Default(Type::Struct({}), "{}").ValueOrDie(), Value());
  EXPECT_EQ(Default(Type::Struct({}), "null").ValueOrDie(), std::nullopt);
  EXPECT_TRUE(IsKind(Default(Type::Struct({}), R"({"1": 2})").status(), ErrorKind::kNotSupported));
}

TEST(InitialDefault, OfAListIsNotSupported) {
  const auto value = Default(Type::List(2, Type::Of(TypeId::kInt), false), "[]");
  EXPECT_TRUE(IsKind(value.status(), ErrorKind::kNotSupported));
}

TEST(InitialDefault, OfAnotherTypeIsRefused) {
  const std::pair<Type, const char*> wrong[] = {
      {Type::Of(TypeId::kBoolean), "1"},
      {Type::Of(TypeId::kInt), "2147483648"},
      {Type::Of(TypeId::kInt), "1.5"},
      {Type::Of(TypeId::kFloat), R"("1")"},
      {Type::Of(TypeId::kDate), R"("2017-1-16")"},
      {Type::Of(TypeId::kTime), R"("22:31:08.")"},
      {Type::Of(TypeId::kTimestamp), R"("2017-11-16 22:31:08")"},
      {Type::Of(TypeId::kTimestampTz), R"("2017-11-16T22:31:08")"},
      {Type::Of(TypeId::kUuid), R"("f79c3e09")"},
      {Type::Fixed(2), R"("00")"},
      {Type::Of(TypeId::kBinary), R"("0g")"},
      {Type::Decimal(9, 2), R"("14.2")"},
      {Type::Decimal(3, 2), R"("14.20")"},
      {Type::Decimal(3, 0), R"("")"},
      {Type::Of(TypeId::kString), "1"},
  };
  for (const auto& [type, json] : wrong) {
    const auto value = Default(type, json);
    EXPECT_TRUE(IsKind(value.status(), ErrorKind::kCorrupt)) << type.ToString() << " " << json;
    EXPECT_THAT(value.status().message(), HasSubstr("column 'c'"));
  }
}

}  // namespace
}  // namespace tarn::iceberg
