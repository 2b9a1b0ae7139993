// SPDX-License-Identifier: Apache-2.0
#include "tarn/row_filter.h"

#include "arrow/api.h"
#include "arrow/compute/api.h"
#include "arrow/compute/expression.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tarn/table_writer.h"

namespace tarn {
namespace {

namespace cp = arrow::compute;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const TableIdent kTable{{"db"}, "t"};

/// A plain table of two files: ids 0 to 99 and 100 to 129, the id null in every tenth row; names
/// "even" and "odd".
class RowFilterTest : public ::testing::Test {
 protected:
  RowFilterTest() {
    auto writer = TableWriter::CreateOrOpen(catalog_, kTable, TableProperties()).ValueOrDie();
    for (const auto& [first, rows] : {std::pair{0, 100}, std::pair{100, 30}}) {
      arrow::Int32Builder ids;
      arrow::StringBuilder names;
      for (int i = first; i < first + rows; ++i) {
        EXPECT_TRUE((i % 10 == 0 ? ids.AppendNull() : ids.Append(i)).ok());
        EXPECT_TRUE(names.Append(i % 2 == 0 ? "even" : "odd").ok());
      }
      auto batch = arrow::RecordBatch::Make(
          arrow::schema({arrow::field("id", arrow::int32()), arrow::field("name", arrow::utf8())}),
          rows, {ids.Finish().ValueOrDie(), names.Finish().ValueOrDie()});
      EXPECT_TRUE(writer->WriteBatch(*batch).ok());
      EXPECT_TRUE(writer->Commit().ok());
    }
    view_ = ReadView::Open(catalog_, kTable).ValueOrDie();
    // Which file comes first is the manifest's matter.
    large_ = view_->files()[0].rows == 100 ? 0 : 1;
  }

  static std::vector<uint32_t> Rows(const RowFilter& filter, size_t file) {
    std::vector<uint32_t> rows;
    for (uint32_t row = 0; row < filter.words(file).size() * 64; ++row) {
      if (filter.words(file)[row / 64] >> (row % 64) & 1) rows.push_back(row);
    }
    return rows;
  }

  std::shared_ptr<HadoopCatalog> catalog_ =
      HadoopCatalog::Make(MemoryStore::Make(), "warehouse").ValueOrDie();
  std::shared_ptr<const ReadView> view_;
  size_t large_ = 0;
};

TEST_F(RowFilterTest, MarksTheRowsOfEveryFileForWhichThePredicateIsTrue) {
  const auto filter =
      RowFilter::Where(*view_, cp::less(cp::field_ref("id"), cp::literal(5))).ValueOrDie();
  EXPECT_THAT(Rows(*filter, large_), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(Rows(*filter, 1 - large_), ElementsAre());
  EXPECT_EQ(filter->row_count(large_), 4);
  EXPECT_EQ(filter->row_count(), 4);
  EXPECT_EQ(filter->snapshot(), view_->snapshot());
}

TEST_F(RowFilterTest, CombinesColumnsOfDifferentTypes) {
  const auto filter =
      RowFilter::Where(*view_, cp::and_(cp::greater(cp::field_ref("id"), cp::literal(117)),
                                        cp::equal(cp::field_ref("name"), cp::literal("odd"))))
          .ValueOrDie();
  EXPECT_THAT(Rows(*filter, 1 - large_), ElementsAre(19, 21, 23, 25, 27, 29));
  EXPECT_EQ(filter->row_count(large_), 0);
}

TEST_F(RowFilterTest, LeavesOutRowsForWhichThePredicateIsNull) {
  const auto all =
      RowFilter::Where(*view_, cp::greater_equal(cp::field_ref("id"), cp::literal(0))).ValueOrDie();
  EXPECT_EQ(all->row_count(), 117);
  const auto nulls = RowFilter::Where(*view_, cp::is_null(cp::field_ref("id"))).ValueOrDie();
  EXPECT_EQ(nulls->row_count(), 13);
}

TEST_F(RowFilterTest, TakesAConstantForAllRows) {
  EXPECT_EQ(RowFilter::Where(*view_, cp::literal(true)).ValueOrDie()->row_count(), 130);
  EXPECT_EQ(RowFilter::Where(*view_, cp::literal(false)).ValueOrDie()->row_count(), 0);
}

TEST_F(RowFilterTest, UsesFunctionsOfTheComputeLibrary) {
  const auto filter = RowFilter::Where(*view_, cp::call("starts_with", {cp::field_ref("name")},
                                                        cp::MatchSubstringOptions("ev")))
                          .ValueOrDie();
  EXPECT_EQ(filter->row_count(), 65);
}

TEST_F(RowFilterTest, RefusesAPredicateThatNamesAnUnknownColumn) {
  const auto filter =
      RowFilter::Where(*view_, cp::equal(cp::field_ref("nmae"), cp::literal("odd")));
  EXPECT_TRUE(IsKind(filter.status(), ErrorKind::kBadInput));
  EXPECT_THAT(filter.status().message(), HasSubstr("nmae"));
  EXPECT_THAT(filter.status().message(), HasSubstr("name"));
}

TEST_F(RowFilterTest, RefusesAPredicateThatIsNotTrueOrFalse) {
  const auto number = RowFilter::Where(*view_, cp::field_ref("id"));
  EXPECT_TRUE(IsKind(number.status(), ErrorKind::kBadInput));
  EXPECT_THAT(number.status().message(), HasSubstr("not true or false"));
  const auto mismatch = RowFilter::Where(*view_, cp::less(cp::field_ref("name"), cp::literal(3)));
  EXPECT_TRUE(IsKind(mismatch.status(), ErrorKind::kBadInput));
}

TEST_F(RowFilterTest, RefusesBitmapsThatDoNotFitTheView) {
  EXPECT_THAT(RowFilter::FromBitmaps(*view_, {{1}}).status().message(),
              HasSubstr("one bitmap for each of the 2 files"));
  std::vector<std::vector<uint64_t>> words(2);
  words[1 - large_] = {uint64_t{1} << 30};
  const auto beyond = RowFilter::FromBitmaps(*view_, words);
  EXPECT_TRUE(IsKind(beyond.status(), ErrorKind::kBadInput));
  EXPECT_THAT(beyond.status().message(), HasSubstr("marks row 30"));
}

TEST_F(RowFilterTest, IsEmptyForAnEmptyTable) {
  const TableIdent empty{{"db"}, "empty"};
  ASSERT_TRUE(catalog_->CreateTable(empty, TableProperties()).ok());
  const auto view = ReadView::Open(catalog_, empty).ValueOrDie();
  EXPECT_EQ(RowFilter::Where(*view, cp::literal(true)).ValueOrDie()->row_count(), 0);
}

}  // namespace
}  // namespace tarn
