// SPDX-License-Identifier: Apache-2.0
//
// Deleting rows: exactly those for which the predicate is true, once each.
#include "tarn/delete_rows.h"

#include <random>

#include "arrow/compute/api.h"
#include "table/tests/delete_rows_fixture.h"
#include "tarn/alter_table.h"

namespace tarn {
namespace {

namespace cp = arrow::compute;
using ::testing::IsEmpty;

TEST_F(DeletingRows, MarksThemInFilesThatKeepOthers) {
  Append(0, 100);
  Append(100, 50);
  const auto before = ReadView::Open(catalog_, kDeletedFrom).ValueOrDie();
  const auto done = Delete(Between(95, 104));
  EXPECT_EQ(done.rows, 10);
  EXPECT_EQ(done.removed_files, 0);
  EXPECT_EQ(Ids(), Range(0, 150, {95, 96, 97, 98, 99, 100, 101, 102, 103, 104}));
  const auto summary = Summary();
  EXPECT_EQ(summary.at("operation"), "delete");
  EXPECT_EQ(summary.at("added-delete-files"), "2");
  EXPECT_EQ(summary.at("added-position-deletes"), "10");
  EXPECT_EQ(summary.at("total-position-deletes"), "10");
  EXPECT_EQ(summary.at("total-records"), "150");
  EXPECT_EQ(summary.count("deleted-data-files"), 0u);
  for (const auto& entry : Live().deletes) {
    EXPECT_TRUE(entry.data_file.referenced_data_file.has_value());
    EXPECT_EQ(entry.data_file.record_count, 5);
  }
  EXPECT_EQ(done.snapshot, catalog_->LoadTable(kDeletedFrom)->metadata->current_snapshot_id);
  EXPECT_EQ(ScanIds(*before).size(), 150u) << "an older view keeps its rows";
  ExpectSound();
}

TEST_F(DeletingRows, TakesFilesOutWholeThatLoseTheirLastLiveRows) {
  Append(0, 100);
  Append(100, 50);
  const auto done = Delete(cp::less(Id(), Lit(100)));
  EXPECT_EQ(done.rows, 100);
  EXPECT_EQ(done.removed_files, 1);
  EXPECT_EQ(Ids(), Range(100, 50));
  EXPECT_THAT(Live().deletes, IsEmpty());
  EXPECT_EQ(Summary().at("operation"), "delete");
  EXPECT_EQ(Summary().at("deleted-data-files"), "1");
  EXPECT_EQ(Summary().at("deleted-records"), "100");
  EXPECT_EQ(Summary().at("total-records"), "50");
  ExpectSound();
}

TEST_F(DeletingRows, TakesTheDeleteFilesOfAnEmptiedFileAlong) {
  Append(0, 100);
  Append(100, 50);
  EXPECT_EQ(Delete(Between(10, 19)).rows, 10);
  EXPECT_EQ(Delete(Between(15, 29)).rows, 10) << "five of them are deleted already";
  ASSERT_EQ(Live().deletes.size(), 2u);
  EXPECT_EQ(Delete(Between(120, 121)).rows, 2);
  const auto done = Delete(cp::less(Id(), Lit(100)));
  EXPECT_EQ(done.rows, 80);
  EXPECT_EQ(done.removed_files, 1);
  EXPECT_EQ(Live().deletes.size(), 1u) << "that of the other file";
  EXPECT_EQ(Summary().at("removed-delete-files"), "2");
  EXPECT_EQ(Summary().at("total-position-deletes"), "2");
  EXPECT_EQ(Ids(), Range(100, 50, {120, 121}));
  ExpectSound();
}

TEST_F(DeletingRows, WithoutAMatchCommitsNothing) {
  Append(0, 100);
  const auto snapshot = catalog_->LoadTable(kDeletedFrom)->metadata->current_snapshot_id;
  const size_t files = FilesInStore();
  const auto done = Delete(cp::equal(Id(), Lit(1000)));
  EXPECT_EQ(done.rows, 0);
  EXPECT_EQ(done.snapshot, snapshot);
  EXPECT_EQ(Snapshots(), 1u);
  Delete(Between(3, 4));
  EXPECT_EQ(Delete(Between(3, 4)).rows, 0) << "they are deleted already";
  EXPECT_EQ(Snapshots(), 2u);
  EXPECT_EQ(FilesInStore(), files + 1);
}

TEST_F(DeletingRows, CountsOnlyWhatIsTrueNeitherFalseNorNull) {
  Append(0, 100);
  const auto x = cp::field_ref("x");
  // x is null in 3, 10, 17..., NaN in 5, 12, 19..., which is not less than anything.
  std::set<int64_t> gone;
  for (int64_t id = 0; id < 100; ++id) {
    if (id % 7 != 3 && id % 7 != 5 && id / 2.0 < 10) gone.insert(id);
  }
  EXPECT_EQ(Delete(cp::less(x, cp::literal(10.0))).rows, static_cast<int64_t>(gone.size()));
  EXPECT_EQ(Ids(), Range(0, 100, gone));
  for (int64_t id = 0; id < 100; ++id) {
    if (id % 7 != 3) gone.insert(id);
  }
  // The bounds say that all values are below 1000; a NaN is not, nor is it anything else.
  Delete(cp::not_(cp::less(x, cp::literal(-1.0))));
  EXPECT_EQ(Ids(), Range(0, 100, gone)) << "what is left are the nulls";
  EXPECT_EQ(Delete(cp::is_null(x)).removed_files, 1);
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(DeletingRows, OfNaNsAreFoundWhateverTheBoundsSay) {
  Append(0, 100);
  std::set<int64_t> nans;
  for (int64_t id = 0; id < 100; ++id) {
    if (id % 7 == 5) nans.insert(id);
  }
  const auto x = cp::field_ref("x");
  EXPECT_EQ(Delete(cp::not_(cp::less(x, cp::literal(1000.0)))).rows,
            static_cast<int64_t>(nans.size()));
  EXPECT_EQ(Ids(), Range(0, 100, nans));
}

TEST_F(DeletingRows, AllOfThemNeedsNoDataFile) {
  Append(0, 100);
  Append(100, 50);
  Delete(Between(0, 9));
  store_->Add({.kind = FaultKind::kFail, .op = StoreOp::kRead, .path_contains = "00000"});
  const auto done = Delete(cp::literal(true));
  EXPECT_EQ(done.rows, 140);
  EXPECT_EQ(done.removed_files, 2);
  EXPECT_THAT(Live().data, IsEmpty());
  EXPECT_THAT(Live().deletes, IsEmpty());
  EXPECT_EQ(Summary().at("total-records"), "0");
  EXPECT_EQ(Delete(cp::literal(true)).rows, 0);
  ExpectSound();
  Append(7, 3);
  EXPECT_EQ(Ids(), Range(7, 3));
}

TEST_F(DeletingRows, LooksOnlyIntoFilesThatMayHoldThem) {
  Append(0, 100);
  Append(100, 50);
  std::string skipped;
  for (const auto& entry : Live().data) {
    if (entry.data_file.record_count == 50) {
      skipped = store_->PathOf(entry.data_file.file_path).ValueOrDie();
    }
  }
  store_->Add({.kind = FaultKind::kFail, .path_contains = skipped, .repeat = true});
  EXPECT_EQ(Delete(Between(20, 29)).rows, 10);
  arrow::Int64Builder values;
  EXPECT_TRUE(values.AppendValues(std::vector<int64_t>{1, 2, 200}).ok());
  const cp::SetLookupOptions set(values.Finish().ValueOrDie());
  EXPECT_EQ(Delete(cp::call("is_in", {Id()}, set)).rows, 2);
  EXPECT_TRUE(IsKind(DeleteRows(catalog_, kDeletedFrom, cp::equal(Id(), Lit(120))).status(),
                     ErrorKind::kIo));
}

TEST_F(DeletingRows, OfMillionsInOneFileLieInSeveralDeleteFiles) {
  constexpr int64_t kRows = 2'000'100;
  arrow::Int64Builder ids;
  ASSERT_TRUE(ids.Reserve(kRows).ok());
  for (int64_t id = 0; id < kRows; ++id) ids.UnsafeAppend(id);
  auto writer = TableWriter::CreateOrOpen(catalog_, kDeletedFrom, {}).ValueOrDie();
  ASSERT_TRUE(writer
                  ->WriteBatch(
                      *arrow::RecordBatch::Make(arrow::schema({arrow::field("id", arrow::int64())}),
                                                kRows, {ids.Finish().ValueOrDie()}))
                  .ok());
  ASSERT_TRUE(writer->Commit().ok());
  EXPECT_EQ(Delete(Between(50, 2'000'059)).rows, 2'000'010);
  EXPECT_EQ(Live().deletes.size(), 2u);
  auto left = Range(0, 50);
  for (const int64_t id : Range(2'000'060, 40)) left.push_back(id);
  EXPECT_EQ(Ids(), left);
}

TEST_F(DeletingRows, RefusesPredicatesThatDoNotFitAndChangesNothing) {
  Append(0, 10);
  for (const auto& bad : {cp::equal(cp::field_ref("nope"), Lit(1)), cp::field_ref("id"),
                          cp::equal(cp::field_ref("name"), Lit(1)),
                          cp::equal(cp::field_ref(arrow::FieldRef(0)), Lit(1))}) {
    const auto refused = DeleteRows(catalog_, kDeletedFrom, bad);
    EXPECT_TRUE(IsKind(refused.status(), ErrorKind::kBadInput)) << refused.status();
  }
  EXPECT_TRUE(IsKind(DeleteRows(catalog_, {{"db"}, "no"}, cp::literal(true)).status(),
                     ErrorKind::kNotFound));
  EXPECT_EQ(Snapshots(), 1u);
  EXPECT_EQ(Ids(), Range(0, 10));
}

TEST_F(DeletingRows, FollowsColumnsThatWereRenamedAndAdded) {
  Append(0, 10);
  ASSERT_TRUE(AlterTable(*catalog_, kDeletedFrom,
                         {RenameColumn{"id", "number"}, AddColumn{"year", arrow::int32()}})
                  .ok());
  EXPECT_EQ(Delete(cp::less(cp::field_ref("number"), Lit(3))).rows, 3);
  EXPECT_EQ(Delete(cp::is_valid(cp::field_ref("year"))).rows, 0);
  EXPECT_EQ(Delete(cp::is_null(cp::field_ref("year"))).rows, 7);
}

/// Random tables and predicates; the naive table is a map.
class DeletingAtRandom : public DeletingRows, public ::testing::WithParamInterface<uint32_t> {};

TEST_P(DeletingAtRandom, AgreesWithANaiveTable) {
  std::mt19937 random(GetParam());
  const auto draw = [&](int64_t n) { return static_cast<int64_t>(random() % n); };
  std::set<int64_t> rows;
  int64_t next = 0;
  for (int step = 0; step < 60; ++step) {
    if (step < 3 || draw(3) == 0) {
      const int64_t count = 1 + draw(80);
      Append(next, count);
      for (const int64_t id : Range(next, count)) rows.insert(id);
      next += count;
      continue;
    }
    cp::Expression predicate;
    std::function<bool(int64_t)> naive;
    const int64_t a = draw(next + 10) - 5, b = a + draw(60), m = 2 + draw(9);
    const auto x = cp::field_ref("x");
    const auto name = cp::field_ref("name");
    const auto text = "n" + std::to_string(a);
    switch (draw(7)) {
      case 0:
        predicate = Between(a, b);
        naive = [=](int64_t id) { return a <= id && id <= b; };
        break;
      case 1:
        predicate = cp::or_(cp::equal(Id(), Lit(a)), cp::greater(Lit(5), Id()));
        naive = [=](int64_t id) { return id == a || id < 5; };
        break;
      case 2:
        predicate = cp::and_(cp::not_(cp::greater(x, cp::literal(a / 2.0))), Between(a - 20, b));
        naive = [=](int64_t id) {
          return id % 7 != 3 && !(id % 7 != 5 && id / 2.0 > a / 2.0) && a - 20 <= id && id <= b;
        };
        break;
      case 3:
        predicate = cp::and_(cp::is_null(name), Between(a, b));
        naive = [=](int64_t id) { return id % 5 == 0 && a <= id && id <= b; };
        break;
      case 4:
        predicate = cp::equal(name, cp::literal(text));
        naive = [=](int64_t id) { return id % 5 != 0 && id == a; };
        break;
      case 5:
        predicate = cp::and_(cp::greater(name, cp::literal(text)), cp::less_equal(Id(), Lit(b)));
        naive = [=](int64_t id) {
          return id % 5 != 0 && "n" + std::to_string(id) > text && id <= b;
        };
        break;
      default:
        predicate = cp::and_(
            cp::equal(cp::call("subtract",
                               {Id(), cp::call("multiply",
                                               {cp::call("divide", {Id(), Lit(m)}), Lit(m)})}),
                      Lit(0)),
            cp::greater_equal(Id(), Lit(a)));
        naive = [=](int64_t id) { return id % m == 0 && id >= a; };
    }
    const int64_t expected =
        std::count_if(rows.begin(), rows.end(), [&](int64_t id) { return naive(id); });
    ASSERT_EQ(Delete(predicate).rows, expected) << step << " " << predicate.ToString();
    std::erase_if(rows, naive);
    ASSERT_EQ(Ids(), std::vector<int64_t>(rows.begin(), rows.end())) << predicate.ToString();
  }
  ExpectSound();
}

INSTANTIATE_TEST_SUITE_P(Seeds, DeletingAtRandom, ::testing::Values(1, 2, 3));

}  // namespace
}  // namespace tarn
