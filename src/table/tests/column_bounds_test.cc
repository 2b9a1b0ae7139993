// SPDX-License-Identifier: Apache-2.0
//
// A file is passed over only when none of its rows can match.
#include "table/changes/column_bounds.h"

#include <cmath>
#include <limits>

#include "arrow/api.h"
#include "arrow/compute/api.h"
#include "gtest/gtest.h"
#include "table/schema_arrow.h"
#include "table/tests/foreign_table.h"

namespace tarn {
namespace {

namespace cp = arrow::compute;
using iceberg::TypeId;
using iceberg::Value;

/// A file of 10 rows: id 5 to 9, name from "bb" to "cc", x from -1.5 to 2.5, day from 100 to 200;
/// `none` all null, `unknown` without a word.
class ColumnBounds : public ::testing::Test {
 protected:
  ColumnBounds() {
    schema_ = SchemaOf({Field(1, "id", TypeId::kLong), Field(2, "name", TypeId::kString),
                        Field(3, "x", TypeId::kDouble), Field(4, "day", TypeId::kDate),
                        Field(5, "none", TypeId::kInt), Field(6, "unknown", TypeId::kLong),
                        Field(7, "flag", TypeId::kBoolean)});
    file_.record_count = 10;
    Bound(1, TypeId::kLong, int64_t{5}, int64_t{9});
    Bound(2, TypeId::kString, std::string("bb"), std::string("cc"));
    Bound(3, TypeId::kDouble, -1.5, 2.5);
    Bound(4, TypeId::kDate, int32_t{100}, int32_t{200});
    file_.null_value_counts = {{1, 0}, {2, 3}, {3, 0}, {4, 0}, {5, 10}};
  }
  void Bound(int32_t id, TypeId type, const Value& lower, const Value& upper) {
    file_.lower_bounds[id] = iceberg::EncodeValue(iceberg::Type::Of(type), lower).ValueOrDie();
    file_.upper_bounds[id] = iceberg::EncodeValue(iceberg::Type::Of(type), upper).ValueOrDie();
  }
  bool May(const cp::Expression& predicate) {
    const auto bound =
        RowPredicate::Bind(predicate, *ToArrowSchema(schema_).ValueOrDie()).ValueOrDie();
    return MayMatch(bound, schema_, file_);
  }
  static cp::Expression Ids(const std::vector<std::optional<int64_t>>& ids) {
    arrow::Int64Builder values;
    for (const auto& id : ids) {
      EXPECT_TRUE((id ? values.Append(*id) : values.AppendNull()).ok());
    }
    return cp::call("is_in", {cp::field_ref("id")},
                    cp::SetLookupOptions(values.Finish().ValueOrDie()));
  }

  iceberg::Schema schema_;
  iceberg::DataFile file_;
  cp::Expression id_ = cp::field_ref("id");
  cp::Expression name_ = cp::field_ref("name");
  cp::Expression x_ = cp::field_ref("x");
};

TEST_F(ColumnBounds, AreComparedAtTheirEnds) {
  const auto at = [](int64_t value) { return cp::literal(value); };
  for (const auto& [predicate, may] : std::vector<std::pair<cp::Expression, bool>>{
           {cp::equal(id_, at(4)), false},
           {cp::equal(id_, at(5)), true},
           {cp::equal(at(9), id_), true},
           {cp::equal(at(10), id_), false},
           {cp::less(id_, at(5)), false},
           {cp::less(id_, at(6)), true},
           {cp::less_equal(id_, at(4)), false},
           {cp::less_equal(id_, at(5)), true},
           {cp::greater(id_, at(9)), false},
           {cp::greater(id_, at(8)), true},
           {cp::greater_equal(id_, at(10)), false},
           {cp::greater_equal(id_, at(9)), true},
           {cp::less(at(9), id_), false},
           {cp::less_equal(at(9), id_), true},
           {cp::greater(at(5), id_), false},
           {cp::greater_equal(at(5), id_), true},
           {cp::not_equal(id_, at(5)), true},
           {cp::equal(name_, cp::literal("bba")), true},
           {cp::equal(name_, cp::literal("ba")), false},
           {cp::greater(name_, cp::literal("cc")), false},
           {cp::greater(x_, cp::literal(2.5)), false},
           {cp::less_equal(x_, cp::literal(-1.5)), true},
           {cp::equal(x_, cp::literal(std::nan(""))), true},
           {Ids({1, 2, 10}), false},
           {Ids({1, 7}), true},
           {Ids({1, std::nullopt}), true},
       }) {
    EXPECT_EQ(May(predicate), may) << predicate.ToString();
  }
}

TEST_F(ColumnBounds, AreTakenTogetherByAndAndOr) {
  const auto yes = cp::equal(id_, cp::literal(int64_t{7}));
  const auto no = cp::equal(id_, cp::literal(int64_t{77}));
  EXPECT_TRUE(May(cp::and_(yes, yes)));
  EXPECT_FALSE(May(cp::and_(yes, no)));
  EXPECT_FALSE(May(cp::and_(no, yes)));
  EXPECT_TRUE(May(cp::or_(no, yes)));
  EXPECT_TRUE(May(cp::or_(yes, no)));
  EXPECT_FALSE(May(cp::or_(no, no)));
  EXPECT_FALSE(May(cp::call("and", {yes, no})));
  EXPECT_FALSE(May(cp::call("or", {no, no})));
  EXPECT_TRUE(May(cp::literal(true)));
  EXPECT_FALSE(May(cp::literal(false)));
  EXPECT_FALSE(May(cp::literal(std::make_shared<arrow::BooleanScalar>())));
}

TEST_F(ColumnBounds, KnowWhereNullsAreAndAreNot) {
  EXPECT_FALSE(May(cp::is_null(id_)));
  EXPECT_TRUE(May(cp::is_valid(id_)));
  EXPECT_TRUE(May(cp::is_null(name_)));
  EXPECT_FALSE(May(cp::is_valid(cp::field_ref("none"))));
  EXPECT_TRUE(May(cp::is_null(cp::field_ref("none"))));
  EXPECT_TRUE(May(cp::is_null(cp::field_ref("unknown"))));
  EXPECT_TRUE(May(cp::is_valid(cp::field_ref("unknown"))));
  EXPECT_TRUE(May(cp::is_null(x_, /*nan_is_null=*/true)));
}

TEST_F(ColumnBounds, SayNothingOfWhatTheyAreNotBoundsOf) {
  const auto no = cp::equal(id_, cp::literal(int64_t{77}));
  EXPECT_TRUE(May(cp::not_(no)));
  EXPECT_TRUE(May(cp::is_null(no)));
  EXPECT_TRUE(May(cp::equal(no, cp::literal(false))));
  EXPECT_TRUE(May(cp::call("coalesce", {no, cp::literal(true)})));
  EXPECT_TRUE(May(cp::equal(cp::call("add", {id_, id_}), cp::literal(int64_t{77}))));
  EXPECT_TRUE(May(cp::less(id_, cp::field_ref("unknown"))));
  EXPECT_TRUE(May(cp::equal(cp::field_ref("unknown"), cp::literal(int64_t{1}))));
  EXPECT_TRUE(May(cp::field_ref("flag")));
}

TEST_F(ColumnBounds, ThatAreDamagedOrNotANumberAreNone) {
  file_.lower_bounds[1] = "abc";
  file_.upper_bounds[1] = "";
  EXPECT_TRUE(May(cp::equal(id_, cp::literal(int64_t{77}))));
  Bound(3, TypeId::kDouble, std::numeric_limits<double>::quiet_NaN(),
        std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(May(cp::greater(x_, cp::literal(100.0))));
}

TEST_F(ColumnBounds, OfBeforeAColumnWasWidenedStillHold) {
  file_.lower_bounds[1] =
      iceberg::EncodeValue(iceberg::Type::Of(TypeId::kInt), int32_t{5}).ValueOrDie();
  file_.upper_bounds[1] =
      iceberg::EncodeValue(iceberg::Type::Of(TypeId::kInt), int32_t{9}).ValueOrDie();
  EXPECT_FALSE(May(cp::equal(id_, cp::literal(int64_t{10}))));
  EXPECT_TRUE(May(cp::equal(id_, cp::literal(int64_t{9}))));
}

}  // namespace
}  // namespace tarn
