// SPDX-License-Identifier: Apache-2.0
#include "tarn/predicate.h"

#include <limits>

#include "arrow/api.h"
#include "arrow/compute/api.h"
#include "arrow/compute/exec.h"
#include "arrow/compute/expression.h"
#include "arrow/extension/uuid.h"
#include "arrow/json/from_string.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tarn/row_filter.h"
#include "tarn/table_writer.h"

namespace tarn {
namespace {

namespace cp = arrow::compute;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// "T", "F" or "-" (null) for each row.
Result<std::string> Answers(const std::string& text, const arrow::RecordBatch& batch) {
  ARROW_ASSIGN_OR_RAISE(auto predicate, ParsePredicate(text, *batch.schema()));
  ARROW_ASSIGN_OR_RAISE(predicate, predicate.Bind(*batch.schema()));
  EXPECT_EQ(predicate.type()->id(), arrow::Type::BOOL);
  ARROW_ASSIGN_OR_RAISE(auto answer, cp::ExecuteScalarExpression(predicate, cp::ExecBatch(batch)));
  std::shared_ptr<arrow::Array> array;
  if (answer.is_scalar()) {
    ARROW_ASSIGN_OR_RAISE(array, arrow::MakeArrayFromScalar(*answer.scalar(), batch.num_rows()));
  } else {
    array = answer.make_array();
  }
  const auto& bits = static_cast<const arrow::BooleanArray&>(*array);
  std::string answers;
  for (int64_t i = 0; i < bits.length(); ++i) {
    answers += bits.IsNull(i) ? '-' : bits.Value(i) ? 'T' : 'F';
  }
  return answers;
}

/// One column, "x", from JSON.
class Column {
 public:
  Column(const std::shared_ptr<arrow::DataType>& type, const std::string& json) {
    const auto array = arrow::json::ArrayFromJSONString(type, json).ValueOrDie();
    batch_ = arrow::RecordBatch::Make(arrow::schema({arrow::field("x", type)}), array->length(),
                                      {array});
  }
  std::string operator()(const std::string& text) const {
    const auto answers = Answers(text, *batch_);
    return answers.ok() ? *answers : answers.status().message();
  }

 private:
  std::shared_ptr<arrow::RecordBatch> batch_;
};

const std::shared_ptr<arrow::Schema> kSchema = arrow::schema(
    {arrow::field("id", arrow::int64()), arrow::field("title", arrow::utf8()),
     arrow::field("draft", arrow::boolean()), arrow::field("day", arrow::date32()),
     arrow::field("at", arrow::timestamp(arrow::TimeUnit::MICRO)),
     arrow::field("small", arrow::int8()), arrow::field("key", arrow::fixed_size_binary(3)),
     arrow::field("vector", arrow::list(arrow::float32())),
     arrow::field("place", arrow::struct_({arrow::field("city", arrow::utf8()),
                                           arrow::field("in", arrow::int32())})),
     arrow::field("a.b", arrow::int32()), arrow::field("big", arrow::uint64()),
     arrow::field("ratio", arrow::float64())});

std::string Refusal(const std::string& text) {
  const auto parsed = ParsePredicate(text, *kSchema);
  EXPECT_FALSE(parsed.ok()) << text << " gives " << parsed->ToString();
  EXPECT_TRUE(IsKind(parsed.status(), ErrorKind::kBadInput)) << parsed.status();
  return parsed.status().message();
}

TEST(PredicateTest, NullIsNeitherEqualNorUnequal) {
  const Column x(arrow::int32(), "[1, 2, null]");
  EXPECT_EQ(x("x = 1"), "TF-");
  EXPECT_EQ(x("x <> 1"), "FT-");
  EXPECT_EQ(x("NOT x = 1"), "FT-");
  EXPECT_EQ(x("x = NULL"), "---");
  EXPECT_EQ(x("NULL"), "---");
  EXPECT_EQ(x("x IS NULL"), "FFT");
  EXPECT_EQ(x("x is not null"), "TTF");
  EXPECT_EQ(x("(x = 1) IS NULL"), "FFT");
  EXPECT_EQ(x("x = 1 OR NULL"), "T--");
  EXPECT_EQ(x("x = 1 AND NULL"), "-F-");
  EXPECT_EQ(x("x = 2 OR x IS NULL"), "FTT");
}

TEST(PredicateTest, InWithNullInTheListIsNeverFalse) {
  const Column x(arrow::int32(), "[1, 2, null]");
  EXPECT_EQ(x("x IN (1)"), "TF-");
  EXPECT_EQ(x("x NOT IN (1)"), "FT-");
  EXPECT_EQ(x("x IN (1, NULL)"), "T--");
  EXPECT_EQ(x("x NOT IN (1, NULL)"), "F--");
  EXPECT_EQ(x("x IN (NULL)"), "---");
  EXPECT_EQ(x("x NOT IN (NULL)"), "---");
  EXPECT_EQ(x("x IN (1.5)"), "FF-");
  EXPECT_EQ(x("x NOT IN (1.5, 99999999999999999999)"), "TT-");
  EXPECT_EQ(x("x IN (1, 1.5, x)"), "TT-");
  EXPECT_EQ(x("2 IN (1, x)"), "FT-");
}

TEST(PredicateTest, BetweenTakesBothEnds) {
  const Column x(arrow::int32(), "[1, 2, 3, 4, null]");
  EXPECT_EQ(x("x BETWEEN 2 AND 3"), "FTTF-");
  EXPECT_EQ(x("x NOT BETWEEN 2 AND 3"), "TFFT-");
  EXPECT_EQ(x("x BETWEEN 3 AND 2"), "FFFF-");
  EXPECT_EQ(x("x BETWEEN NULL AND 2"), "--FF-");
  EXPECT_EQ(x("2 BETWEEN x AND 3"), "TTFF-");
  EXPECT_EQ(x("x BETWEEN 1 AND 2 AND x > 1"), "FTFF-");
}

TEST(PredicateTest, AndBindsCloserThanOrAndNotCloserThanBoth) {
  const Column x(arrow::int32(), "[1, 2, 3]");
  EXPECT_EQ(x("x = 1 OR x = 2 AND x = 3"), "TFF");
  EXPECT_EQ(x("(x = 1 OR x = 2) AND x < 2"), "TFF");
  EXPECT_EQ(x("NOT x = 1 AND x < 3"), "FTF");
  EXPECT_EQ(x("NOT (x = 1 AND x < 3)"), "FTT");
  EXPECT_EQ(x("NOT NOT NOT x = 1"), "FTT");
  EXPECT_EQ(x("not not X'00' = x'00'"), "TTT");
}

TEST(PredicateTest, NumbersThatAnIntegerColumnCannotHoldAreComparedByValue) {
  const Column x(arrow::int8(), "[-128, 1, 2, 127, null]");
  EXPECT_EQ(x("x = 300"), "FFFF-");
  EXPECT_EQ(x("x <> 300"), "TTTT-");
  EXPECT_EQ(x("x < 300"), "TTTT-");
  EXPECT_EQ(x("x > -129"), "TTTT-");
  EXPECT_EQ(x("x <= -128.5"), "FFFF-");
  EXPECT_EQ(x("x < 1.5"), "TTFF-");
  EXPECT_EQ(x("x <= 1.5"), "TTFF-");
  EXPECT_EQ(x("x > 1.5"), "FFTT-");
  EXPECT_EQ(x("x >= 1.5"), "FFTT-");
  EXPECT_EQ(x("x = 1.5"), "FFFF-");
  EXPECT_EQ(x("x <> 1.5"), "TTTT-");
  EXPECT_EQ(x("x > -0.5"), "FTTT-");
  EXPECT_EQ(x("x = 2.000"), "FFTF-");
  EXPECT_EQ(x("x = 20e-1"), "FFTF-");
  EXPECT_EQ(x("x < 1e9999"), "TTTT-");
  EXPECT_EQ(x("1.5 < x"), "FFTT-");
  EXPECT_EQ(x("x = +1"), "FTFF-");
}

TEST(PredicateTest, LargeIntegersAreNotRounded) {
  const Column x(arrow::int64(),
                 "[9007199254740992, 9007199254740993, 9223372036854775807, -9223372036854775808]");
  EXPECT_EQ(x("x = 9007199254740993"), "FTFF");
  EXPECT_EQ(x("x = 9223372036854775808"), "FFFF");
  EXPECT_EQ(x("x < 9223372036854775808"), "TTTT");
  EXPECT_EQ(x("x <= 9223372036854775807.5"), "TTTT");
  EXPECT_EQ(x("x > 9223372036854775806.5"), "FFTF");
  EXPECT_EQ(x("x = -9223372036854775808"), "FFFT");
  EXPECT_EQ(x("x > -9223372036854775808.5"), "TTTT");
  EXPECT_EQ(x("x IN (9007199254740993, 9223372036854775807)"), "FTTF");
  const Column y(arrow::uint64(), "[0, 18446744073709551615]");
  EXPECT_EQ(y("x = 18446744073709551615"), "FT");
  EXPECT_EQ(y("x > -1"), "TT");
}

TEST(PredicateTest, FloatsAreComparedWithWholeNumbersExactlyAndWithOthersRounded) {
  const Column x(arrow::float32(), "[16777216, 16777218, 0.1, null]");
  EXPECT_EQ(x("x = 16777217"), "FFF-");
  EXPECT_EQ(x("x >= 16777217"), "FTF-");
  EXPECT_EQ(x("x <= 16777217"), "TFT-");
  EXPECT_EQ(x("x <> 16777217"), "TTT-");
  EXPECT_EQ(x("x = 0.1"), "FFT-");
  EXPECT_EQ(x("x IN (16777217, 0.1)"), "FFT-");
  const Column y(arrow::float64(), "[9007199254740992, 9007199254740994]");
  EXPECT_EQ(y("x > 9007199254740993"), "FT");
  EXPECT_EQ(y("x < 9007199254740993"), "TF");
}

TEST(PredicateTest, ZerosAreEqualAndNanIsUnequal) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  arrow::DoubleBuilder builder;
  ASSERT_TRUE(
      builder.AppendValues({0.0, -0.0, nan, -std::numeric_limits<double>::infinity()}).ok());
  ASSERT_TRUE(builder.AppendNull().ok());
  const auto batch = arrow::RecordBatch::Make(arrow::schema({arrow::field("x", arrow::float64())}),
                                              5, {builder.Finish().ValueOrDie()});
  const auto x = [&](const std::string& text) { return Answers(text, *batch).ValueOrDie(); };
  EXPECT_EQ(x("x = 0"), "TTFF-");
  EXPECT_EQ(x("x = -0.0"), "TTFF-");
  EXPECT_EQ(x("x IN (0, 1)"), "TTFF-");
  EXPECT_EQ(x("x IN (-0.0)"), "TTFF-");
  EXPECT_EQ(x("x NOT IN (0, 1)"), "FFTT-");
  EXPECT_EQ(x("x > 5"), "FFFF-");
  EXPECT_EQ(x("x < 5"), "TTFT-");
  EXPECT_EQ(x("x <> 5"), "TTTT-");
  EXPECT_EQ(x("x <> 9007199254740993"), "TTTT-");
  EXPECT_EQ(x("x = 9007199254740993"), "FFFF-");
}

TEST(PredicateTest, DecimalsAreComparedByValue) {
  const Column x(arrow::decimal128(5, 2), R"(["1.10", "-1.10", "999.99", null])");
  EXPECT_EQ(x("x = 1.1"), "TFF-");
  EXPECT_EQ(x("x = 1.105"), "FFF-");
  EXPECT_EQ(x("x < 1.105"), "TTF-");
  EXPECT_EQ(x("x > -1.105"), "TTT-");
  EXPECT_EQ(x("x < 1000"), "TTT-");
  EXPECT_EQ(x("x >= 999.991"), "FFF-");
  EXPECT_EQ(x("x IN (1.1, 1.101, 999.990)"), "TFT-");
  const Column wide(arrow::decimal128(38, 0), R"(["99999999999999999999999999999999999999"])");
  EXPECT_EQ(wide("x = 99999999999999999999999999999999999999"), "T");
  EXPECT_EQ(wide("x < 100000000000000000000000000000000000000"), "T");
  EXPECT_EQ(wide("x > -1e76"), "T");
  const Column widest(arrow::decimal256(76, 2), R"(["1.25"])");
  EXPECT_EQ(widest("x = 1.25"), "T");
}

TEST(PredicateTest, TimesAreReadInTheColumnsUnit) {
  const Column at(arrow::timestamp(arrow::TimeUnit::MICRO), R"(["2024-01-31 10:00:00", null])");
  EXPECT_EQ(at("x = TIMESTAMP '2024-01-31 10:00:00'"), "T-");
  EXPECT_EQ(at("x = '2024-01-31T10:00'"), "T-");
  EXPECT_EQ(at("x > DATE '2024-01-31'"), "T-");
  EXPECT_EQ(at("x < timestamp '2024-01-31 10:00:00.000000001'"), "T-");
  EXPECT_EQ(at("x = '2024-01-31 10:00:00.000000001'"), "F-");
  EXPECT_EQ(at("x BETWEEN '0001-01-01' AND '9999-12-31'"), "T-");
  EXPECT_THAT(at("x = '2024-01-31 10:00:00Z'"), HasSubstr("no time zone"));
  const Column zoned(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), R"(["2024-01-31 10:00:00"])");
  EXPECT_EQ(zoned("x = '2024-01-31 12:00:00+02:00'"), "T");
  EXPECT_EQ(zoned("x = '2024-01-31 10:00:00'"), "T");
  EXPECT_EQ(zoned("x = TIMESTAMP '2024-01-31 10:00:00Z'"), "T");
  EXPECT_EQ(zoned("x IN ('2024-01-31 09:30-0030', '2024-01-31 10:00:00.0000001')"), "T");
  const Column nanos(arrow::timestamp(arrow::TimeUnit::NANO), R"(["1677-09-22", "2262-04-11"])");
  EXPECT_EQ(nanos("x > '0001-01-01'"), "TT");
  EXPECT_EQ(nanos("x < '9999-12-31'"), "TT");
  const Column day(arrow::date32(), "[19753, -1]");
  EXPECT_EQ(day("x = DATE '2024-01-31'"), "TF");
  EXPECT_EQ(day("x = '1969-12-31'"), "FT");
  EXPECT_EQ(day("x < TIMESTAMP '2024-01-31 00:00:01'"), "TT");
  EXPECT_EQ(day("x = TIMESTAMP '2024-01-31 00:00:01'"), "FF");
  EXPECT_EQ(day("x >= TIMESTAMP '1969-12-31 12:00'"), "TF");
  const Column time(arrow::time64(arrow::TimeUnit::MICRO), "[36000500000]");
  EXPECT_EQ(time("x = TIME '10:00:00.5'"), "T");
  EXPECT_EQ(time("x > '10:00'"), "T");
}

TEST(PredicateTest, TextsBytesAndUuids) {
  const Column text(arrow::utf8(), R"(["it's", "", "ä", null])");
  EXPECT_EQ(text("x = 'it''s'"), "TFF-");
  EXPECT_EQ(text("x = ''"), "FTF-");
  EXPECT_EQ(text("x > 'z'"), "FFT-");
  EXPECT_EQ(text("x IN ('ä', 'it''s')"), "TFT-");
  const Column bytes(arrow::binary(), R"(["ab", "", null])");
  EXPECT_EQ(bytes("x = X'6162'"), "TF-");
  EXPECT_EQ(bytes("x = x''"), "FT-");
  EXPECT_EQ(bytes("x < X'FF'"), "TT-");
  EXPECT_THAT(bytes("x = 'ab'"), HasSubstr("X'...'"));
  const Column fixed(arrow::fixed_size_binary(2), R"(["ab", "cd", null])");
  EXPECT_EQ(fixed("x = X'6162'"), "TF-");
  EXPECT_EQ(fixed("x > X'6162'"), "FT-");
  EXPECT_EQ(fixed("x IN (X'6364')"), "FT-");
  EXPECT_THAT(fixed("x = X'61'"), HasSubstr("2 bytes, these are 1"));
  const auto storage = arrow::json::ArrayFromJSONString(arrow::fixed_size_binary(16),
                                                        R"(["0123456789abcdef", null])")
                           .ValueOrDie();
  const auto uuids = arrow::ExtensionType::WrapArray(arrow::extension::uuid(), storage);
  const auto batch = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("x", arrow::extension::uuid())}), 2, {uuids});
  for (const char* same :
       {"x = '30313233-3435-3637-3839-616263646566'", "x = '30313233343536373839616263646566'",
        "x IS NOT NULL AND x = x", "x IN (X'30313233343536373839616263646566')",
        "x > '00000000-0000-0000-0000-000000000000'"}) {
    EXPECT_EQ(Answers(same, *batch).ValueOrDie()[0], 'T') << same;
  }
  for (const char* wrong : {"x = '30313233-3435-3637-3839-61626364656'", "x = 5", "x = X'00'",
                            "x = '30313233343536373839-616263646566----'", "x = ''"}) {
    EXPECT_TRUE(IsKind(Answers(wrong, *batch).status(), ErrorKind::kBadInput)) << wrong;
  }
}

TEST(PredicateTest, LikeIsThatOfSql) {
  const Column x(arrow::utf8(), R"(["abc", "a%c", "a\\c", "", "A\nC", "aäc", "a.c", null])");
  EXPECT_EQ(x("x LIKE 'abc'"), "TFFFFFF-");
  EXPECT_EQ(x("x LIKE 'a%'"), "TTTFFTT-");
  EXPECT_EQ(x("x LIKE '%c'"), "TTTFFTT-");
  EXPECT_EQ(x("x LIKE '%b%'"), "TFFFFFF-");
  EXPECT_EQ(x("x LIKE 'a_c'"), "TTTFFTT-");
  EXPECT_EQ(x("x LIKE 'A_C'"), "FFFFTFF-");
  EXPECT_EQ(x("x LIKE 'A%C'"), "FFFFTFF-");
  EXPECT_EQ(x("x LIKE ''"), "FFFTFFF-");
  EXPECT_EQ(x("x LIKE '%'"), "TTTTTTT-");
  EXPECT_EQ(x("x NOT LIKE '%'"), "FFFFFFF-");
  EXPECT_EQ(x("x LIKE 'a.c'"), "FFFFFFT-");
  EXPECT_EQ(x(R"(x LIKE 'a\c')"), "FFTFFFF-");
  EXPECT_EQ(x(R"(x LIKE '%\%')"), "FFTFFFF-");
  EXPECT_EQ(x("x LIKE 'a!%c' ESCAPE '!'"), "FTFFFFF-");
  EXPECT_EQ(x(R"(x LIKE 'a\%c' ESCAPE '\')"), "FTFFFFF-");
  EXPECT_EQ(x("x LIKE 'aä_c' ESCAPE 'ä'"), "FFFFFFF-");
  EXPECT_EQ(x("x LIKE 'a%c' ESCAPE '%'"), "FFFFFFF-");
  EXPECT_EQ(x("x LIKE NULL"), "--------");
  EXPECT_THAT(x("x LIKE 'a!' ESCAPE '!'"), HasSubstr("ends with its escape"));
  EXPECT_THAT(x("x LIKE 'a' ESCAPE 'ab'"), HasSubstr("one character"));
  EXPECT_THAT(x("x LIKE x"), HasSubstr("expected a text after LIKE"));
}

TEST(PredicateTest, ColumnsAreComparedWhereOneTypeHoldsBoth) {
  const auto batch =
      arrow::RecordBatch::FromStructArray(
          arrow::json::ArrayFromJSONString(
              arrow::struct_(
                  {arrow::field("l", arrow::int64()), arrow::field("i", arrow::int32()),
                   arrow::field("u", arrow::uint64()), arrow::field("f", arrow::float32()),
                   arrow::field("d", arrow::float64()), arrow::field("m", arrow::decimal128(5, 2)),
                   arrow::field("s", arrow::utf8())}),
              R"([[16777217, 16777217, 16777217, 16777216, 16777216, "1.00", "x"],
                  [1, 1, 1, 1, 1, "1.00", "x"],
                  [-1, -1, 18446744073709551615, null, 0.5, "-1.00", null]])")
              .ValueOrDie())
          .ValueOrDie();
  const auto x = [&](const std::string& text) { return Answers(text, *batch).ValueOrDie(); };
  EXPECT_EQ(x("l = i"), "TTT");
  EXPECT_EQ(x("l < u"), "FFT");
  EXPECT_EQ(x("i = f"), "FT-");
  EXPECT_EQ(x("d >= i"), "FTT");
  EXPECT_EQ(x("f <> d"), "FF-");
  EXPECT_EQ(x("l = m"), "FTT");
  EXPECT_EQ(x("m <= u"), "TTT");
  for (const char* text : {"l = f", "l = d", "u = d", "m = d", "s = l"}) {
    EXPECT_THAT(Answers(text, *batch).status().message(), HasSubstr("cannot be compared exactly"));
  }
}

TEST(PredicateTest, NamesAreQuotedOrDotted) {
  const auto batch =
      arrow::RecordBatch::FromStructArray(
          arrow::json::ArrayFromJSONString(
              arrow::struct_(
                  {arrow::field("a.b", arrow::int32()),
                   arrow::field("a", arrow::struct_({arrow::field("b", arrow::int32()),
                                                     arrow::field("in", arrow::int32())})),
                   arrow::field("say \"x\"", arrow::int32()), arrow::field("date", arrow::int32()),
                   arrow::field("größe", arrow::int32()), arrow::field("not", arrow::boolean())}),
              R"([[1, {"b": 2, "in": 3}, 4, 5, 6, true], [0, null, 0, 0, 0, false]])")
              .ValueOrDie())
          .ValueOrDie();
  const auto x = [&](const std::string& text) { return Answers(text, *batch).ValueOrDie(); };
  EXPECT_EQ(x("\"a.b\" = 1"), "TF");
  EXPECT_EQ(x("a.b = 2"), "T-");
  EXPECT_EQ(x("\"a\".\"b\" = 2"), "T-");
  EXPECT_EQ(x("a.in IN (3)"), "T-");
  EXPECT_EQ(x("a IS NULL"), "FT");
  EXPECT_EQ(x("\"say \"\"x\"\"\" = 4"), "TF");
  EXPECT_EQ(x("date = 5"), "TF");
  EXPECT_EQ(x("größe = 6"), "TF");
  EXPECT_EQ(x("NOT \"not\""), "FT");
  EXPECT_EQ(x("\"not\" = false"), "FT");
}

TEST(PredicateTest, ConstantsAloneAreConditionsToo) {
  const Column x(arrow::int32(), "[1, 2]");
  EXPECT_EQ(x("true"), "TT");
  EXPECT_EQ(x("FALSE"), "FF");
  EXPECT_EQ(x("1 = 1"), "TT");
  EXPECT_EQ(x("1.50 = 15e-1 AND 2 > 1.99999999999999999999 AND -1 < 0 AND 10 > 9.9"), "TT");
  EXPECT_EQ(x("'a' < 'b' AND X'00' < X'01' AND true > false"), "TT");
  EXPECT_EQ(x("NULL IS NULL AND 1 IS NOT NULL"), "TT");
  EXPECT_EQ(x("1 BETWEEN 0 AND 2"), "TT");
  EXPECT_EQ(x("NULL IN (1)"), "--");
}

TEST(PredicateTest, ErrorsSayWhereAndWhatWasExpected) {
  EXPECT_EQ(Refusal(""), "predicate, character 1: expected a condition, found the end");
  EXPECT_EQ(Refusal("id ="), "predicate, character 5: expected a column or a value, found the end");
  EXPECT_EQ(Refusal("id = 1 title"),
            "predicate, character 8: expected AND, OR or the end, found 'title'");
  EXPECT_EQ(Refusal("titel = 'x'"),
            "predicate, character 1: there is no column 'titel'; the nearest is 'title'");
  EXPECT_EQ(Refusal("ID = 1"),
            "predicate, character 1: there is no column 'ID'; the nearest is 'id'");
  EXPECT_EQ(Refusal("id = 1 AND place.citi = 'x'"),
            "predicate, character 12: there is no column 'citi' in 'place'; the nearest is 'city'");
  EXPECT_EQ(Refusal("title = 'ä' AND id = 'x'"),
            "predicate, character 22: a text cannot be compared with a column of type int64; write "
            "the number without quotes");
}

TEST(PredicateTest, WhatIsWrongIsRefused) {
  const std::pair<const char*, const char*> kWrong[] = {
      {"id", "'id' is int64, not true or false"},
      {"id.x = 1", "has no fields"},
      {"a.b = 1", "no column 'a'"},
      {"5", "expected a condition, found the number 5"},
      {"'x'", "expected a condition"},
      {"NOT", "expected a column or a value"},
      {"id = 1 AND", "found the end"},
      {"(id = 1", "expected ')'"},
      {"id = 1)", "expected AND, OR or the end"},
      {"id == 1", "use '='"},
      {"id = 1;", "';' has no meaning"},
      {"id = 5x", "ends with a letter"},
      {"id = 1e", "no digits after its 'e'"},
      {"id = 1e99999", "exponent"},
      {"id = --1", "a number after its sign"},
      {"id IN ()", "expected a column or a value"},
      {"id IN 1", "'(' and a list"},
      {"id IN (1", "',' or ')'"},
      {"id IN (1, 'x')", "character 11"},
      {"id BETWEEN 1", "AND and the upper end"},
      {"id NOT = 1", "IN, BETWEEN or LIKE after NOT"},
      {"id IS 1", "NULL or NOT NULL"},
      {"id LIKE 'x'", "LIKE looks at texts"},
      {"'a' LIKE 'a'", "a column before LIKE"},
      {"title = 'x", "no end quote"},
      {"\"title", "name in quotes has no end"},
      {"\"\" = 1", "empty"},
      {"title = 5", "write it as a text"},
      {"title = true", "true cannot be compared"},
      {"draft = 1", "the number 1"},
      {"day = 'tomorrow'", "is no date"},
      {"day = DATE '2024-02-30'", "is no date"},
      {"day = '0000-01-01'", "is no date"},
      {"at = '2024-01-31 25:00'", "is no timestamp"},
      {"at = DATE '2024-01-31 10:00'", "has a time of day"},
      {"at = TIME '10:00'", "a time of day cannot"},
      {"at = 5", "the number 5"},
      {"at = day", "cannot be compared exactly"},
      {"key = X'0'", "odd number"},
      {"key = X'0g'", "hexadecimal"},
      {"vector = 1", "the number 1"},
      {"vector = vector", "cannot be compared"},
      {"place = place", "cannot be compared"},
      {"place = 'x'", "a text cannot"},
      {"id = 'x' 'y'", "expected AND"},
      {"INTERVAL '1 day' = 1", "expected DATE"},
      {"lower(title) = 'x'", "functions are not known"},
      {"id + 1 = 2", "expected a comparison"},
      {"(id = 1) = (id = 2)", "found a condition"},
      {"ratio = 1e400", "beyond what the type holds"},
      {"ratio > 1e-400", "beyond what the type holds"},
      {"ratio = big", "cannot be compared exactly"},
      {"id = null = 1", "expected AND"},
      {"select = 1", "no column 'select'"},
      {"and = 1", "\"quotes\""},
      {"id = \xff", "not UTF-8"},
  };
  for (const auto& [text, says] : kWrong) EXPECT_THAT(Refusal(text), HasSubstr(says)) << text;
}

TEST(PredicateTest, DeepAndLongTextsAreRefusedNotFollowed) {
  const std::string deep(100'000, '(');
  EXPECT_THAT(Refusal(deep), HasSubstr("nested"));
  EXPECT_THAT(Refusal(std::string(deep).append("true").append(100'000, ')')), HasSubstr("nested"));
  EXPECT_THAT(Refusal(std::string((1 << 20) + 1, ' ')), HasSubstr("at most"));
  EXPECT_THAT(Refusal("id = " + std::string(2000, '7')), HasSubstr("digits"));
  std::string nots, chain = "id = 1", list = "id IN (0";
  for (int i = 0; i < 100'000; ++i) nots += "NOT ";
  for (int i = 0; i < 40'000; ++i) chain += i % 2 == 0 ? " OR id = 1" : " AND id = 2";
  for (int i = 0; i < 100'000; ++i) list += "," + std::to_string(i);
  EXPECT_TRUE(ParsePredicate(nots + "draft", *kSchema).ok());
  EXPECT_TRUE(ParsePredicate(chain, *kSchema).ok());
  EXPECT_TRUE(ParsePredicate(list + ")", *kSchema).ok());
  std::string nested(128, '(');
  nested.append("draft").append(128, ')');
  EXPECT_TRUE(ParsePredicate(nested, *kSchema).ok());
  const std::string name(500'000, 'n');
  EXPECT_LT(Refusal(name + " = 1").size(), 200u);
  EXPECT_LT(Refusal("day = '" + name + "'").size(), 200u);
}

TEST(PredicateTest, ATableWithoutColumnsSaysSo) {
  const auto parsed = ParsePredicate("id = 1", *arrow::schema({}));
  EXPECT_THAT(parsed.status().message(), HasSubstr("no columns yet"));
  EXPECT_TRUE(ParsePredicate("true", *arrow::schema({})).ok());
  const auto twice =
      arrow::schema({arrow::field("x", arrow::int32()), arrow::field("x", arrow::int32())});
  EXPECT_THAT(ParsePredicate("x = 1", *twice).status().message(), HasSubstr("several columns"));
}

TEST(PredicateTest, ARowFilterTakesIt) {
  const auto catalog = HadoopCatalog::Make(MemoryStore::Make(), "warehouse").ValueOrDie();
  const TableIdent table{{"db"}, "t"};
  auto writer = TableWriter::CreateOrOpen(catalog, table, TableProperties()).ValueOrDie();
  auto batch =
      arrow::RecordBatch::FromStructArray(
          arrow::json::ArrayFromJSONString(
              arrow::struct_(
                  {arrow::field("id", arrow::int64()),
                   arrow::field("place", arrow::struct_({arrow::field("city", arrow::utf8()),
                                                         arrow::field("zip", arrow::int32())})),
                   arrow::field("a.b", arrow::fixed_size_binary(16))}),
              R"([[1, {"city": "Ulm", "zip": 7}, "0123456789abcdef"],
                  [2, {"city": null, "zip": 8}, null], [3, null, "0123456789abcdee"]])")
              .ValueOrDie())
          .ValueOrDie();
  const auto uuids = arrow::ExtensionType::WrapArray(arrow::extension::uuid(), batch->column(2));
  batch = batch->SetColumn(2, arrow::field("a.b", uuids->type()), uuids).ValueOrDie();
  ASSERT_TRUE(writer->WriteBatch(*batch).ok());
  ASSERT_TRUE(writer->Commit().ok());
  const auto view = ReadView::Open(catalog, table).ValueOrDie();
  const auto rows = [&](const std::string& text) {
    const auto predicate = ParsePredicate(text, *view->schema()).ValueOrDie();
    return RowFilter::Where(*view, predicate).ValueOrDie()->words(0)[0];
  };
  EXPECT_EQ(rows("place.city = 'Ulm'"), 0b001u);
  EXPECT_EQ(rows("place.city IS NULL"), 0b110u);
  EXPECT_EQ(rows("place.zip > 7 OR \"a.b\" = '30313233343536373839616263646565'"), 0b110u);
  EXPECT_EQ(rows("true"), 0b111u);
  EXPECT_EQ(rows("NULL OR id = 3"), 0b100u);
}

}  // namespace
}  // namespace tarn
