// SPDX-License-Identifier: Apache-2.0
#include "table/fit.h"

#include "arrow/api.h"
#include "arrow/json/from_string.h"
#include "arrow/util/key_value_metadata.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn {
namespace {

using ::testing::HasSubstr;

std::shared_ptr<arrow::Array> Json(const std::shared_ptr<arrow::DataType>& type,
                                   const std::string& json) {
  return arrow::json::ArrayFromJSONString(type, json).ValueOrDie();
}

std::shared_ptr<arrow::RecordBatch> Batch(const arrow::FieldVector& fields,
                                          const std::vector<std::string>& columns) {
  arrow::ArrayVector arrays;
  for (size_t i = 0; i < fields.size(); ++i) arrays.push_back(Json(fields[i]->type(), columns[i]));
  return arrow::RecordBatch::Make(arrow::schema(fields), arrays.empty() ? 0 : arrays[0]->length(),
                                  arrays);
}

std::shared_ptr<arrow::Field> WithId(const std::string& name, std::shared_ptr<arrow::DataType> type,
                                     int id) {
  return arrow::field(name, std::move(type), true,
                      arrow::key_value_metadata({"PARQUET:field_id"}, {std::to_string(id)}));
}

TEST(FitByName, ColumnsAreReorderedAndMissingOptionalOnesAreNull) {
  auto batch = Batch({arrow::field("b", arrow::utf8()), arrow::field("a", arrow::int64())},
                     {R"(["x", "y"])", "[1, 2]"});
  auto target =
      arrow::schema({arrow::field("a", arrow::int64()), arrow::field("c", arrow::float64()),
                     arrow::field("b", arrow::utf8())});
  auto fitted = FitBatch(*batch, target, FitBy::kName).ValueOrDie();
  EXPECT_TRUE(fitted->column(0)->Equals(Json(arrow::int64(), "[1, 2]")));
  EXPECT_TRUE(fitted->column(1)->Equals(Json(arrow::float64(), "[null, null]")));
  EXPECT_TRUE(fitted->column(2)->Equals(Json(arrow::utf8(), R"(["x", "y"])")));
}

TEST(FitByName, UnknownColumnsAreRefusedAtAnyDepth) {
  auto nested =
      arrow::struct_({arrow::field("x", arrow::int32()), arrow::field("extra", arrow::int32())});
  auto batch = Batch({arrow::field("s", nested)}, {R"([{"x": 1, "extra": 2}])"});
  auto target =
      arrow::schema({arrow::field("s", arrow::struct_({arrow::field("x", arrow::int32())}))});
  const Status status = FitBatch(*batch, target, FitBy::kName).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kBadInput));
  EXPECT_THAT(status.message(), HasSubstr("'s.extra'"));
}

TEST(FitByName, RequiredColumnsMustBeThereAndHaveNoNulls) {
  auto target = arrow::schema({arrow::field("a", arrow::int64(), false)});
  auto without = Batch({}, {});
  EXPECT_THAT(FitBatch(*without, target, FitBy::kName).status().message(),
              HasSubstr("required column 'a'"));
  auto with_null = Batch({arrow::field("a", arrow::int64())}, {"[1, null]"});
  EXPECT_THAT(FitBatch(*with_null, target, FitBy::kName).status().message(),
              HasSubstr("row 1 is null"));
}

TEST(FitByName, IntegersFitWhereEveryValueDoes) {
  auto target = arrow::schema({arrow::field("a", arrow::int32())});
  auto small = Batch({arrow::field("a", arrow::int64())}, {"[1, null, -5]"});
  EXPECT_TRUE(FitBatch(*small, target, FitBy::kName)
                  .ValueOrDie()
                  ->column(0)
                  ->Equals(Json(arrow::int32(), "[1, null, -5]")));
  auto large = Batch({arrow::field("a", arrow::int64())}, {"[1, 3000000000]"});
  EXPECT_THAT(FitBatch(*large, target, FitBy::kName).status().message(), HasSubstr("'a'"));
}

TEST(FitByName, NothingThatLosesValuesIsCast) {
  auto target = arrow::schema({arrow::field("a", arrow::float32())});
  auto wide = Batch({arrow::field("a", arrow::float64())}, {"[0.1]"});
  EXPECT_TRUE(IsKind(FitBatch(*wide, target, FitBy::kName).status(), ErrorKind::kBadInput));
  auto text = Batch({arrow::field("a", arrow::utf8())}, {R"(["1"])"});
  EXPECT_THAT(FitBatch(*text, target, FitBy::kName).status().message(), HasSubstr("string"));
}

TEST(FitByName, NestedListsKeepTheirShape) {
  auto source = arrow::list(
      arrow::struct_({arrow::field("b", arrow::int32()), arrow::field("a", arrow::int32())}));
  auto wanted = arrow::list(arrow::field(
      "element",
      arrow::struct_({arrow::field("a", arrow::int64()), arrow::field("b", arrow::int32())})));
  auto batch = Batch({arrow::field("l", source)},
                     {R"([[{"b": 1, "a": 2}], null, [], [{"b": 3, "a": null}]])"});
  auto fitted = FitBatch(*batch->Slice(0), arrow::schema({arrow::field("l", wanted)}), FitBy::kName)
                    .ValueOrDie();
  ASSERT_TRUE(fitted->ValidateFull().ok());
  EXPECT_TRUE(fitted->column(0)->Equals(
      Json(wanted, R"([[{"a": 2, "b": 1}], null, [], [{"a": null, "b": 3}]])")));
}

TEST(FitByFieldId, RenamedColumnsAreFoundAndDroppedOnesLeftOut) {
  auto batch = Batch({WithId("old", arrow::int32(), 1), WithId("dropped", arrow::utf8(), 2)},
                     {"[7]", R"(["x"])"});
  auto target =
      arrow::schema({WithId("added", arrow::utf8(), 3), WithId("renamed", arrow::int64(), 1)});
  auto fitted = FitBatch(*batch, target, FitBy::kFieldId).ValueOrDie();
  EXPECT_TRUE(fitted->column(0)->Equals(Json(arrow::utf8(), "[null]")));
  EXPECT_TRUE(fitted->column(1)->Equals(Json(arrow::int64(), "[7]")));
}

TEST(Fit, SlicedStructsWithNullsKeepTheirRows) {
  auto type = arrow::struct_({arrow::field("x", arrow::int32(), false)});
  auto array = Json(type, R"([{"x": 1}, null, {"x": 3}, {"x": 4}])")->Slice(1, 2);
  auto field = arrow::field("s", type);
  auto fitted = FitArray(array, *field, *field, FitBy::kName, "s").ValueOrDie();
  ASSERT_TRUE(fitted->ValidateFull().ok());
  EXPECT_TRUE(fitted->Equals(Json(type, R"([null, {"x": 3}])")));
}

}  // namespace
}  // namespace tarn
