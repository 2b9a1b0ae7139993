// SPDX-License-Identifier: Apache-2.0
#include "cli/json_rows.h"

#include "arrow/api.h"
#include "cli/json_cell.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;

LinePiece Lines(const std::string& text, int64_t first = 1) {
  return {text, std::count(text.begin(), text.end(), '\n'), first};
}

/// What becomes of one value in a column of the type, as JSON; or why it cannot be.
std::string Through(const std::shared_ptr<arrow::DataType>& type, const std::string& value) {
  const JsonRows rows(arrow::schema({arrow::field("x", type)}));
  const auto read = rows.Read(Lines("{\"x\": " + value + "}\n"));
  if (!read.ok()) return read.status().message();
  EXPECT_EQ((*read)->num_rows(), 1);
  std::string text;
  const Status printed = AppendJson(*(*read)->column(0), 0, &text);
  return printed.ok() ? text : printed.message();
}

TEST(RowsOfJson, AreReadAsTheTableSays) {
  EXPECT_EQ(Through(arrow::int32(), "7"), "7");
  EXPECT_EQ(Through(arrow::int64(), "9007199254740993"), "9007199254740993");
  EXPECT_EQ(Through(arrow::float64(), "7"), "7");
  EXPECT_EQ(Through(arrow::decimal128(9, 2), "1.5"), "1.50");
  EXPECT_EQ(Through(arrow::decimal128(9, 2), "\"-1.25\""), "-1.25");
  EXPECT_EQ(Through(arrow::date32(), "\"2026-11-21\""), "\"2026-11-21\"");
  EXPECT_EQ(Through(arrow::time64(arrow::TimeUnit::MICRO), "\"01:02:03\""), "\"01:02:03.000000\"");
  EXPECT_EQ(Through(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), "\"2026-11-21T01:00+01:00\""),
            "\"2026-11-21 00:00:00.000000Z\"");
  EXPECT_EQ(Through(arrow::binary(), "\"AP8=\""), "\"AP8=\"");
  EXPECT_EQ(Through(arrow::utf8(), "\"2026-11-21\""), "\"2026-11-21\"");
  EXPECT_EQ(
      Through(arrow::list(arrow::list(arrow::date32())), "[[\"2026-11-21\", null], null, []]"),
      "[[\"2026-11-21\", null], null, []]");
  EXPECT_EQ(
      Through(arrow::map(arrow::int32(), arrow::binary()), "[{\"key\": 1, \"value\": \"AA==\"}]"),
      "[{\"key\": 1, \"value\": \"AA==\"}]");
  for (const auto& type :
       {arrow::int32(), arrow::date32(), arrow::binary(), arrow::list(arrow::date32()),
        arrow::map(arrow::utf8(), arrow::utf8())}) {
    EXPECT_EQ(Through(type, "null"), "null") << type->ToString();
  }
}

TEST(RowsOfJson, NeverChangeAValue) {
  EXPECT_THAT(Through(arrow::int32(), "3000000000"), HasSubstr("3000000000"));
  EXPECT_THAT(Through(arrow::int64(), "1.5"), HasSubstr("1.5"));
  EXPECT_THAT(Through(arrow::decimal128(9, 2), "1.234"), HasSubstr("1.234"));
  EXPECT_THAT(Through(arrow::date32(), "\"2026-02-30\""), HasSubstr("'x'"));
  EXPECT_THAT(Through(arrow::time64(arrow::TimeUnit::MICRO), "\"25:00:00\""), HasSubstr("25:00"));
  EXPECT_THAT(Through(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), "\"2026-11-21T01:00\""),
              HasSubstr("zone"));
  EXPECT_THAT(Through(arrow::timestamp(arrow::TimeUnit::MICRO), "\"2026-11-21T01:00Z\""),
              HasSubstr("zone"));
  EXPECT_THAT(Through(arrow::binary(), "\"A\""), HasSubstr("is no binary"));
  EXPECT_THAT(Through(arrow::binary(), "\"AP9=\""), HasSubstr("is no binary"));
  EXPECT_THAT(Through(arrow::fixed_size_binary(3), "\"AP8=\""), HasSubstr("is no fixed"));
  EXPECT_THAT(Through(arrow::map(arrow::int32(), arrow::int32()), "[{\"value\": 1}]"),
              HasSubstr("without a key"));
  EXPECT_THAT(Through(arrow::utf8(), "\"\xff\""), HasSubstr("UTF8"));
}

TEST(RowsOfJson, ThatAreBadAreNamedByTheirLine) {
  const JsonRows rows(
      arrow::schema({arrow::field("i", arrow::int32()), arrow::field("d", arrow::date32())}));
  const auto why = [&](const std::string& bad) {
    return rows.Read(Lines("{\"i\": 1}\n{}\n" + bad + "\n{\"i\": 3}\n", 10)).status().message();
  };
  EXPECT_EQ(rows.Read(Lines("{\"i\": 1}\n{}\n")).ValueOrDie()->num_rows(), 2);
  EXPECT_THAT(why("{"), HasSubstr("line 12: "));
  EXPECT_THAT(why("{\"i\": \"a\"}"), HasSubstr("line 12: "));
  EXPECT_THAT(why("{\"j\": 1}"), AllOf(HasSubstr("line 12: "), HasSubstr("no column 'j'")));
  EXPECT_THAT(why("{} {}"), AllOf(HasSubstr("line 12: "), HasSubstr("holds 2 rows")));
  EXPECT_THAT(why("{\"d\": \"soon\"}"), AllOf(HasSubstr("line 12: "), HasSubstr("'d'")));
}

TEST(RowsOfJson, SuggestTypes) {
  const auto guess =
      JsonRows::Infer(
          Lines("{\"i\": 1, \"f\": 1, \"s\": \"2026-11-21\", \"n\": null, \"b\": true}\n"
                "{\"f\": 1.5, \"v\": [1, 2], \"o\": {\"d\": \"2026-11-21T01:02:03\"}, "
                "\"l\": []}\n"),
          {"v", "w"})
          .ValueOrDie();
  const auto& schema = *guess.schema();
  EXPECT_EQ(schema.num_fields(), 8);
  EXPECT_TRUE(schema.GetFieldByName("i")->type()->Equals(arrow::int64()));
  EXPECT_TRUE(schema.GetFieldByName("f")->type()->Equals(arrow::float64()));
  EXPECT_TRUE(schema.GetFieldByName("s")->type()->Equals(arrow::utf8()));
  EXPECT_TRUE(schema.GetFieldByName("n")->type()->Equals(arrow::utf8()));
  EXPECT_TRUE(schema.GetFieldByName("b")->type()->Equals(arrow::boolean()));
  EXPECT_TRUE(schema.GetFieldByName("v")->type()->Equals(arrow::list(arrow::float32())));
  EXPECT_TRUE(schema.GetFieldByName("o")->type()->Equals(
      arrow::struct_({arrow::field("d", arrow::utf8())})));
  EXPECT_TRUE(schema.GetFieldByName("l")->type()->Equals(arrow::list(arrow::utf8())));
  EXPECT_THAT(JsonRows::Infer(Lines("{\"i\": 1}\n{\"i\":\n"), {}).status().message(),
              HasSubstr("line 2: "));
}

}  // namespace
}  // namespace tarn::cli
