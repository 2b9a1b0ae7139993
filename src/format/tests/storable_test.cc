// SPDX-License-Identifier: Apache-2.0
#include "arrow/api.h"
#include "arrow/compute/api.h"
#include "arrow/extension/uuid.h"
#include "arrow/json/from_string.h"
#include "format/storable_array.h"
#include "format/storable_schema.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tarn/status.h"

namespace tarn::format {
namespace {

using arrow::TimeUnit;
using arrow::json::ArrayFromJSONString;
using testing::HasSubstr;
using TypePtr = std::shared_ptr<arrow::DataType>;

std::shared_ptr<arrow::Array> FromJson(const TypePtr& type, const std::string& json) {
  return ArrayFromJSONString(type, json).ValueOrDie();
}

TypePtr StoredType(const TypePtr& type) {
  return StorableField(*arrow::field("f", type)).ValueOrDie()->type();
}

Status RefusalOf(const TypePtr& type) { return StorableField(*arrow::field("f", type)).status(); }

Result<std::shared_ptr<arrow::Array>> Store(const std::shared_ptr<arrow::Array>& array,
                                            bool nullable = true) {
  ARROW_ASSIGN_OR_RAISE(auto field, StorableField(*arrow::field("f", array->type(), nullable)));
  ARROW_ASSIGN_OR_RAISE(auto stored, ToStorable(array, *field, "f"));
  ARROW_RETURN_NOT_OK(stored->ValidateFull());
  if (!stored->type()->Equals(*field->type())) return Status::TypeError("not the stored type");
  return stored;
}

void ExpectStored(const std::shared_ptr<arrow::Array>& array, const TypePtr& type,
                  const std::string& json) {
  const auto stored = Store(array);
  ASSERT_TRUE(stored.ok()) << array->type()->ToString() << ": " << stored.status();
  const auto expected = FromJson(type, json);
  EXPECT_TRUE((*stored)->Equals(*expected))
      << (*stored)->ToString() << " instead of " << expected->ToString();
}

void ExpectRefused(const Status& status, const std::string& path) {
  EXPECT_TRUE(IsKind(status, ErrorKind::kBadInput)) << status;
  EXPECT_THAT(status.message(), HasSubstr("'" + path + "'"));
}

TEST(StorableType, SmallAndUnsignedIntegersAreWidened) {
  EXPECT_TRUE(StoredType(arrow::int8())->Equals(arrow::int32()));
  EXPECT_TRUE(StoredType(arrow::int16())->Equals(arrow::int32()));
  EXPECT_TRUE(StoredType(arrow::uint8())->Equals(arrow::int32()));
  EXPECT_TRUE(StoredType(arrow::uint16())->Equals(arrow::int32()));
  EXPECT_TRUE(StoredType(arrow::uint32())->Equals(arrow::int64()));
  EXPECT_TRUE(StoredType(arrow::uint64())->Equals(arrow::decimal128(20, 0)));
}

TEST(StorableType, TypesWithoutAnIcebergCounterpartAreRefused) {
  for (const TypePtr& type :
       {arrow::duration(TimeUnit::SECOND), arrow::month_interval(), arrow::day_time_interval(),
        arrow::month_day_nano_interval(), arrow::dense_union({arrow::field("a", arrow::int32())}),
        arrow::sparse_union({arrow::field("a", arrow::int32())}), arrow::decimal256(39, 2),
        arrow::decimal128(5, -2), arrow::decimal128(3, 5), arrow::struct_({}),
        arrow::fixed_size_binary(0)}) {
    ExpectRefused(RefusalOf(type), "f");
  }
}

TEST(StorableType, RefusalNamesTheWholePath) {
  const auto duration = arrow::duration(TimeUnit::SECOND);
  const auto deep = arrow::struct_(
      {arrow::field("b", arrow::list(arrow::struct_({arrow::field("c", duration)})))});
  ExpectRefused(RefusalOf(deep), "f.b.element.c");
  ExpectRefused(RefusalOf(arrow::map(arrow::utf8(), duration)), "f.value");
  ExpectRefused(RefusalOf(arrow::map(duration, arrow::utf8())), "f.key");
}

TEST(StorableType, EmptyAndDuplicateNamesAreRefused) {
  const auto i = arrow::int32();
  ExpectRefused(
      StorableSchema(*arrow::schema({arrow::field("x", i), arrow::field("x", i)})).status(), "x");
  EXPECT_THAT(StorableSchema(*arrow::schema({arrow::field("", i)})).status().message(),
              HasSubstr("empty name"));
  ExpectRefused(RefusalOf(arrow::struct_({arrow::field("a", i), arrow::field("a", i)})), "f.a");
}

TEST(StorableType, ListElementsAndMapEntriesGetTheirFixedNames) {
  const auto list = StoredType(arrow::list(arrow::field("item", arrow::int8())));
  EXPECT_EQ(list->field(0)->name(), "element");
  const auto map = StoredType(arrow::map(arrow::utf8(), arrow::uint8()));
  EXPECT_EQ(static_cast<const arrow::MapType&>(*map).item_field()->name(), "value");
  EXPECT_TRUE(static_cast<const arrow::MapType&>(*map).item_type()->Equals(arrow::int32()));
}

TEST(StorableArray, IntegersKeepTheirValues) {
  ExpectStored(FromJson(arrow::uint8(), "[0, 255, null]"), arrow::int32(), "[0, 255, null]");
  ExpectStored(FromJson(arrow::int16(), "[-32768, null, 3]"), arrow::int32(), "[-32768, null, 3]");
  ExpectStored(FromJson(arrow::uint32(), "[4294967295]"), arrow::int64(), "[4294967295]");
  ExpectStored(FromJson(arrow::uint64(), "[18446744073709551615, null]"), arrow::decimal128(20, 0),
               R"(["18446744073709551615", null])");
}

TEST(StorableArray, HalfFloatsAreExact) {
  ExpectStored(FromJson(arrow::float16(), "[1.5, null, -0.25]"), arrow::float32(),
               "[1.5, null, -0.25]");
  ExpectStored(FromJson(arrow::float16(), "[9, 1.5, null, -0.25]")->Slice(1), arrow::float32(),
               "[1.5, null, -0.25]");
}

TEST(StorableArray, DecimalsOfEveryWidthBecomeDecimal128) {
  ExpectStored(FromJson(arrow::decimal32(5, 2), R"(["123.45", null])"), arrow::decimal128(5, 2),
               R"(["123.45", null])");
  ExpectStored(FromJson(arrow::decimal64(12, 3), R"(["-1.500"])"), arrow::decimal128(12, 3),
               R"(["-1.500"])");
  ExpectStored(FromJson(arrow::decimal256(38, 4), R"(["12.3456"])"), arrow::decimal128(38, 4),
               R"(["12.3456"])");
}

TEST(StorableArray, DatesAndTimesBecomeDaysAndMicroseconds) {
  ExpectStored(FromJson(arrow::date64(), "[86400000, -86400000, null]"), arrow::date32(),
               "[1, -1, null]");
  const auto micros = arrow::time64(TimeUnit::MICRO);
  ExpectStored(FromJson(arrow::time32(TimeUnit::SECOND), "[2]"), micros, "[2000000]");
  ExpectStored(FromJson(arrow::time32(TimeUnit::MILLI), "[2]"), micros, "[2000]");
  ExpectStored(FromJson(arrow::time64(TimeUnit::NANO), "[2000]"), micros, "[2]");
}

TEST(StorableArray, TimestampsBecomeMicrosecondsAndZonesUtc) {
  ExpectStored(FromJson(arrow::timestamp(TimeUnit::SECOND), "[-3, null]"),
               arrow::timestamp(TimeUnit::MICRO), "[-3000000, null]");
  ExpectStored(FromJson(arrow::timestamp(TimeUnit::NANO, "Europe/Berlin"), "[5000]"),
               arrow::timestamp(TimeUnit::MICRO, "UTC"), "[5]");
}

TEST(StorableArray, ValuesThatAreNotExactAreRefused) {
  ExpectRefused(Store(FromJson(arrow::timestamp(TimeUnit::NANO), "[1001]")).status(), "f");
  ExpectRefused(Store(FromJson(arrow::timestamp(TimeUnit::SECOND), "[9223372036855]")).status(),
                "f");
  ExpectRefused(Store(FromJson(arrow::timestamp(TimeUnit::MILLI), "[9223372036854776]")).status(),
                "f");
  ExpectRefused(Store(FromJson(arrow::time64(TimeUnit::NANO), "[2001]")).status(), "f");
  ExpectRefused(Store(FromJson(arrow::date64(), "[86400001]")).status(), "f");
  const auto nested =
      arrow::list(arrow::struct_({arrow::field("t", arrow::timestamp(TimeUnit::NANO))}));
  ExpectRefused(Store(FromJson(nested, "[[[1000]], [[1001]]]")).status(), "f.element.t");
}

TEST(StorableArray, TextAndBinaryOfEveryLayoutBecomeUtf8AndBinary) {
  for (const TypePtr& type : {arrow::utf8(), arrow::large_utf8(), arrow::utf8_view()}) {
    ExpectStored(FromJson(type, R"(["a", null, "a text longer than an inlined view"])"),
                 arrow::utf8(), R"(["a", null, "a text longer than an inlined view"])");
  }
  for (const TypePtr& type : {arrow::binary(), arrow::large_binary(), arrow::binary_view()}) {
    ExpectStored(FromJson(type, R"(["a", null, "bb"])"), arrow::binary(), R"(["a", null, "bb"])");
  }
}

TEST(StorableSchema, NamesThatAreNotUtf8AreRefused) {
  const auto schema = arrow::schema({arrow::field("a\xff", arrow::int32())});
  EXPECT_TRUE(IsKind(StorableSchema(*schema).status(), ErrorKind::kBadInput));
}

TEST(StorableArray, TextThatIsNotUtf8IsRefused) {
  arrow::StringBuilder builder;
  ASSERT_TRUE(builder.Append("good").ok());
  ASSERT_TRUE(builder.Append("\xff\xfe").ok());
  ExpectRefused(Store(builder.Finish().ValueOrDie()).status(), "f");
}

TEST(StorableArray, DictionariesAreDecodedAtAnyDepth) {
  const auto type = arrow::dictionary(arrow::int8(), arrow::utf8());
  ExpectStored(FromJson(type, R"(["a", null, "b", "a"])")->Slice(1), arrow::utf8(),
               R"([null, "b", "a"])");
  const auto plain = FromJson(type, R"(["a", null, "b", "a"])");
  auto offsets = FromJson(arrow::int32(), "[0, 1, 4]");
  const auto list = arrow::ListArray::FromArrays(*offsets, *plain).ValueOrDie();
  ExpectStored(list, StoredType(list->type()), R"([["a"], [null, "b", "a"]])");
}

TEST(StorableArray, RunEndsAreDecodedWithSlices) {
  const auto ends = FromJson(arrow::int32(), "[2, 3, 7]");
  const auto values = FromJson(arrow::utf8(), R"(["a", null, "c"])");
  const auto array = arrow::RunEndEncodedArray::Make(7, ends, values).ValueOrDie();
  ExpectStored(array, arrow::utf8(), R"(["a", "a", null, "c", "c", "c", "c"])");
  ExpectStored(array->Slice(1, 3), arrow::utf8(), R"(["a", null, "c"])");
}

TEST(StorableArray, ListsOfEveryLayoutBecomeLists) {
  for (const TypePtr& type :
       {arrow::list(arrow::int8()), arrow::large_list(arrow::int8()),
        arrow::list_view(arrow::int8()), arrow::large_list_view(arrow::int8())}) {
    const auto array = FromJson(type, "[[9], [1, 2], null, [], [3, null]]");
    ExpectStored(array, StoredType(type), "[[9], [1, 2], null, [], [3, null]]");
    ExpectStored(array->Slice(1, 3), StoredType(type), "[[1, 2], null, []]");
  }
  const auto fixed = arrow::fixed_size_list(arrow::int8(), 2);
  const auto array = FromJson(fixed, "[[9, 9], null, [1, 2], [3, null]]");
  ExpectStored(array, StoredType(fixed), "[[9, 9], null, [1, 2], [3, null]]");
  ExpectStored(array->Slice(1), StoredType(fixed), "[null, [1, 2], [3, null]]");
}

TEST(StorableArray, ValuesUnderNullListsAreDropped) {
  const auto values = FromJson(arrow::int32(), "[1, 2, 3, 4]");
  const auto list = std::make_shared<arrow::ListArray>(
      arrow::list(arrow::int32()), 3, arrow::Buffer::FromVector(std::vector<int32_t>{0, 1, 3, 4}),
      values, arrow::Buffer::FromVector(std::vector<uint8_t>{0b101}), 1);
  ExpectStored(list, StoredType(list->type()), "[[1], null, [4]]");
}

TEST(StorableArray, StructsAndMapsAreConvertedWithinSlices) {
  const auto type =
      arrow::struct_({arrow::field("a", arrow::uint8()), arrow::field("b", arrow::large_utf8())});
  ExpectStored(FromJson(type, R"([[7, "q"], null, [1, "x"], [null, null]])")->Slice(1),
               StoredType(type), R"([null, [1, "x"], [null, null]])");
  const auto map = arrow::map(arrow::large_utf8(), arrow::uint16());
  ExpectStored(FromJson(map, R"([[["z", 1]], null, [["a", 1], ["b", null]], []])")->Slice(1),
               StoredType(map), R"([null, [["a", 1], ["b", null]], []])");
}

TEST(StorableArray, NullColumnsBecomeOptionalText) {
  ExpectStored(std::make_shared<arrow::NullArray>(2), arrow::utf8(), "[null, null]");
  EXPECT_TRUE(StorableField(*arrow::field("f", arrow::null(), false)).ValueOrDie()->nullable());
}

TEST(StorableArray, UuidsKeepTheirTypeAndOtherExtensionsLoseIt) {
  EXPECT_TRUE(StoredType(arrow::extension::uuid())->Equals(arrow::extension::uuid()));
  const auto storage = FromJson(arrow::fixed_size_binary(16), R"(["0123456789abcdef", null])");
  const auto uuids = arrow::ExtensionType::WrapArray(arrow::extension::uuid(), storage);
  EXPECT_TRUE(Store(uuids).ValueOrDie()->Equals(*uuids));
}

TEST(StorableArray, NullUnderARequiredFieldIsRefused) {
  ExpectRefused(Store(FromJson(arrow::int32(), "[1, null]"), false).status(), "f");
  const auto type = arrow::struct_({arrow::field("a", arrow::int8(), false)});
  ExpectRefused(Store(FromJson(type, "[[1], [null]]")).status(), "f.a");
  EXPECT_TRUE(Store(FromJson(type, "[[1], null]")).ok()) << "a null parent excuses its children";
  const auto list = arrow::list(arrow::field("element", arrow::int8(), false));
  ExpectRefused(Store(FromJson(list, "[[1], [null]]")).status(), "f.element");
}

TEST(StorableArray, ColumnsOfAnotherTypeAreRefusedButPromotionsAreNot) {
  const auto array = FromJson(arrow::int32(), "[1, null]");
  EXPECT_TRUE(ToStorable(array, *arrow::field("f", arrow::int64()), "f").ok());
  ExpectRefused(ToStorable(array, *arrow::field("f", arrow::utf8()), "f").status(), "f");
  ExpectRefused(
      ToStorable(FromJson(arrow::int64(), "[1]"), *arrow::field("f", arrow::int32()), "f").status(),
      "f");
  ExpectRefused(
      ToStorable(FromJson(arrow::utf8(), R"(["1"])"), *arrow::field("f", arrow::int32()), "f")
          .status(),
      "f");
}

TEST(StorableArray, StorableDataIsNotCopied) {
  const auto array = FromJson(arrow::int64(), "[1, 2, 3]");
  EXPECT_EQ(Store(array).ValueOrDie().get(), array.get());
}

TEST(FieldIds, AreKeptWhereGivenAndNumberedElsewhere) {
  const auto schema = arrow::schema({WithFieldId(*arrow::field("a", arrow::int32()), 7),
                                     arrow::field("b", arrow::list(arrow::int32())),
                                     arrow::field("c", arrow::map(arrow::utf8(), arrow::int32()))});
  const auto numbered = AssignFieldIds(*StorableSchema(*schema).ValueOrDie()).ValueOrDie();
  EXPECT_EQ(FieldIdOf(*numbered->field(0)).ValueOrDie(), 7);
  EXPECT_EQ(FieldIdOf(*numbered->field(1)).ValueOrDie(), 8);
  EXPECT_EQ(FieldIdOf(*numbered->field(2)).ValueOrDie(), 9);
  EXPECT_EQ(FieldIdOf(*numbered->field(1)->type()->field(0)).ValueOrDie(), 10);
  const auto& map = static_cast<const arrow::MapType&>(*numbered->field(2)->type());
  EXPECT_EQ(FieldIdOf(*map.key_field()).ValueOrDie(), 11);
  EXPECT_EQ(FieldIdOf(*map.item_field()).ValueOrDie(), 12);
}

TEST(FieldIds, GivenTwiceAreRefused) {
  const auto a = WithFieldId(*arrow::field("a", arrow::int32()), 3);
  const auto b = WithFieldId(*arrow::field("b", arrow::int32()), 3);
  ExpectRefused(AssignFieldIds(*arrow::schema({a, b})).status(), "b");
}

}  // namespace
}  // namespace tarn::format
