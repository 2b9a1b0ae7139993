// SPDX-License-Identifier: Apache-2.0
//
// Deleting rows: exactly those that match in the version that the commit replaces, once each.
#include "tarn/delete_rows.h"

#include <cmath>
#include <numeric>
#include <random>
#include <thread>

#include "arrow/api.h"
#include "arrow/compute/api.h"
#include "arrow/compute/expression.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/delete_plan.h"
#include "iceberg/manifest_io.h"
#include "iceberg/table_metadata.h"
#include "store/fault_store.h"
#include "table/tests/foreign_table.h"
#include "table/tests/interposed_catalog.h"
#include "tarn/alter_table.h"
#include "tarn/table_info.h"
#include "tarn/table_writer.h"

namespace tarn {
namespace {

namespace cp = arrow::compute;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const TableIdent kTable{{"db"}, "t"};

cp::Expression Id() { return cp::field_ref("id"); }
cp::Expression Lit(int64_t value) { return cp::literal(value); }
cp::Expression Between(int64_t first, int64_t last) {
  return cp::and_(cp::greater_equal(Id(), Lit(first)), cp::less_equal(Id(), Lit(last)));
}

std::vector<int64_t> Range(int64_t first, int64_t count, const std::set<int64_t>& without = {}) {
  std::vector<int64_t> ids;
  for (int64_t id = first; id < first + count; ++id) {
    if (without.count(id) == 0) ids.push_back(id);
  }
  return ids;
}

/// A plain table {id: int64, x: double, name: utf8} on a store that can be made to fail.
class DeletingRows : public ::testing::Test {
 protected:
  static std::shared_ptr<arrow::RecordBatch> Batch(int64_t first, int64_t count) {
    arrow::Int64Builder ids;
    arrow::DoubleBuilder xs;
    arrow::StringBuilder names;
    for (int64_t id = first; id < first + count; ++id) {
      EXPECT_TRUE(ids.Append(id).ok());
      EXPECT_TRUE((id % 7 == 3   ? xs.AppendNull()
                   : id % 7 == 5 ? xs.Append(std::nan(""))
                                 : xs.Append(static_cast<double>(id) / 2))
                      .ok());
      EXPECT_TRUE((id % 5 == 0 ? names.AppendNull() : names.Append("n" + std::to_string(id))).ok());
    }
    return arrow::RecordBatch::Make(
        arrow::schema({arrow::field("id", arrow::int64()), arrow::field("x", arrow::float64()),
                       arrow::field("name", arrow::utf8())}),
        count,
        {ids.Finish().ValueOrDie(), xs.Finish().ValueOrDie(), names.Finish().ValueOrDie()});
  }
  void Append(int64_t first, int64_t count) { AppendTo(catalog_, first, count); }
  static void AppendTo(const std::shared_ptr<CatalogProvider>& catalog, int64_t first,
                       int64_t count) {
    auto writer = TableWriter::CreateOrOpen(catalog, kTable, {}).ValueOrDie();
    ASSERT_TRUE(writer->WriteBatch(*Batch(first, count)).ok());
    const auto done = writer->Commit();
    ASSERT_TRUE(done.ok()) << done.status();
  }
  DeleteRowsResult Delete(const cp::Expression& predicate) {
    const auto done = DeleteRows(catalog_, kTable, predicate);
    EXPECT_TRUE(done.ok()) << done.status();
    return done.ValueOr(DeleteRowsResult());
  }
  std::vector<int64_t> Ids() {
    auto ids = ScanIds(*ReadView::Open(catalog_, kTable).ValueOrDie());
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  iceberg::LiveFiles Live() {
    const auto state = catalog_->LoadTable(kTable).ValueOrDie();
    return iceberg::ReadLiveFiles(*store_, *state.metadata->CurrentSnapshot()).ValueOrDie();
  }
  std::map<std::string, std::string> Summary() {
    return catalog_->LoadTable(kTable).ValueOrDie().metadata->CurrentSnapshot()->summary;
  }
  size_t Snapshots() { return DescribeTable(*catalog_, kTable)->snapshots.size(); }
  size_t FilesInStore() { return store_->List("warehouse/db/t/data")->size(); }
  void ExpectSound() {
    const auto report = VerifyTable(catalog_, kTable).ValueOrDie();
    for (const auto& finding : report.findings) {
      // Readers look past a torn hint.
      if (finding.path.ends_with("version-hint.text")) continue;
      ADD_FAILURE() << finding.path << ": " << finding.message;
    }
  }
  /// No queue of writers: what a test does in the middle of a commit need not wait for its end.
  void WithoutQueue() {
    store_->Add({.kind = FaultKind::kFail, .op = StoreOp::kLock, .repeat = true});
  }

  std::shared_ptr<FaultStore> store_ = FaultStore::Make(MemoryStore::Make());
  std::shared_ptr<CatalogProvider> catalog_ =
      HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
};

TEST_F(DeletingRows, MarksThemInFilesThatKeepOthers) {
  Append(0, 100);
  Append(100, 50);
  const auto before = ReadView::Open(catalog_, kTable).ValueOrDie();
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
  EXPECT_EQ(done.snapshot, catalog_->LoadTable(kTable)->metadata->current_snapshot_id);
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
  const auto snapshot = catalog_->LoadTable(kTable)->metadata->current_snapshot_id;
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
  EXPECT_TRUE(IsKind(DeleteRows(catalog_, kTable, cp::equal(Id(), Lit(120))).status(),
                     ErrorKind::kIo));
}

TEST_F(DeletingRows, RefusesPredicatesThatDoNotFitAndChangesNothing) {
  Append(0, 10);
  for (const auto& bad : {cp::equal(cp::field_ref("nope"), Lit(1)), cp::field_ref("id"),
                          cp::equal(cp::field_ref("name"), Lit(1)),
                          cp::equal(cp::field_ref(arrow::FieldRef(0)), Lit(1))}) {
    const auto refused = DeleteRows(catalog_, kTable, bad);
    EXPECT_TRUE(IsKind(refused.status(), ErrorKind::kBadInput)) << refused.status();
  }
  EXPECT_TRUE(IsKind(DeleteRows(catalog_, {{"db"}, "no"}, cp::literal(true)).status(),
                     ErrorKind::kNotFound));
  EXPECT_EQ(Snapshots(), 1u);
  EXPECT_EQ(Ids(), Range(0, 10));
}

TEST_F(DeletingRows, FollowsColumnsThatWereRenamedAndAdded) {
  Append(0, 10);
  ASSERT_TRUE(AlterTable(*catalog_, kTable,
                         {RenameColumn{"id", "number"}, AddColumn{"year", arrow::int32()}})
                  .ok());
  EXPECT_EQ(Delete(cp::less(cp::field_ref("number"), Lit(3))).rows, 3);
  EXPECT_EQ(Delete(cp::is_valid(cp::field_ref("year"))).rows, 0);
  EXPECT_EQ(Delete(cp::is_null(cp::field_ref("year"))).rows, 7);
}

TEST_F(DeletingRows, OfAnAppendThatCameFirstAreDeletedToo) {
  Append(0, 100);
  const std::string looked_at = store_->PathOf(Live().data[0].data_file.file_path).ValueOrDie();
  const auto catalog = std::make_shared<InterposedCatalog>(catalog_);
  WithoutQueue();
  catalog->BeforeSwap([&] {
    Append(90, 20);
    // What was found in the first file is kept.
    store_->Add({.kind = FaultKind::kFail, .path_contains = looked_at, .repeat = true});
  });
  const auto done = DeleteRows(catalog, kTable, cp::greater_equal(Id(), Lit(95)));
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(catalog->swaps(), 2);
  EXPECT_EQ(done->rows, 5 + 15);
  store_->Heal();
  auto expected = Range(0, 95);
  for (const int64_t id : Range(90, 5)) expected.push_back(id);
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(Ids(), expected);
  EXPECT_EQ(FilesInStore(), 4u) << "no delete file is left behind";
  ExpectSound();
}

TEST_F(DeletingRows, ThatAnotherDeletesFirstCountForIt) {
  Append(0, 100);
  const auto catalog = std::make_shared<InterposedCatalog>(catalog_);
  WithoutQueue();
  catalog->BeforeSwap([&] { EXPECT_EQ(Delete(Between(40, 59)).rows, 20); });
  const auto done = DeleteRows(catalog, kTable, Between(50, 69));
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->rows, 10);
  EXPECT_EQ(Summary().at("total-position-deletes"), "30");
  EXPECT_EQ(FilesInStore(), 3u) << "the delete file of the lost attempt is gone";
  ExpectSound();

  catalog->BeforeSwap([&] { EXPECT_EQ(Delete(cp::literal(true)).rows, 70); });
  const auto late = DeleteRows(catalog, kTable, Between(0, 9));
  ASSERT_TRUE(late.ok()) << late.status();
  EXPECT_EQ(late->rows, 0) << "their file is no longer in the table";
  EXPECT_THAT(Ids(), IsEmpty());
  EXPECT_EQ(FilesInStore(), 3u);
}

TEST_F(DeletingRows, ThatARollbackBroughtBackAreFoundAgain) {
  Append(0, 100);
  const auto whole = catalog_->LoadTable(kTable)->metadata->current_snapshot_id;
  Delete(Between(50, 59));
  const auto catalog = std::make_shared<InterposedCatalog>(catalog_);
  WithoutQueue();
  catalog->BeforeSwap([&] {
    ASSERT_TRUE(RollbackTo(*catalog_, kTable, whole).ok());
  });
  const auto done = DeleteRows(catalog, kTable, Between(55, 64));
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->rows, 10) << "at first it saw five of them";
  std::set<int64_t> gone;
  for (const int64_t id : Range(55, 10)) gone.insert(id);
  EXPECT_EQ(Ids(), Range(0, 100, gone));
}

TEST_F(DeletingRows, WhoseColumnGoesMeanwhileFailsAndLeavesNothing) {
  Append(0, 100);
  const auto catalog = std::make_shared<InterposedCatalog>(catalog_);
  WithoutQueue();
  catalog->BeforeSwap(
      [&] { ASSERT_TRUE(AlterTable(*catalog_, kTable, {RenameColumn{"id", "number"}}).ok()); });
  const auto refused = DeleteRows(catalog, kTable, Between(50, 69));
  EXPECT_TRUE(IsKind(refused.status(), ErrorKind::kBadInput)) << refused.status();
  EXPECT_EQ(FilesInStore(), 1u);
  EXPECT_EQ(Snapshots(), 1u);
}

TEST_F(DeletingRows, InManyThreadsDeletesEachOnce) {
  for (int64_t i = 0; i < 4; ++i) Append(i * 50, 50);
  std::atomic<int64_t> rows{0};
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      // Each catalog for itself: nothing but the store is shared.
      const auto catalog = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
      for (const auto& [first, last] : {std::pair(10, 60), std::pair(40, 120)}) {
        const auto done = DeleteRows(catalog, kTable, Between(first, last));
        failures += !done.ok();
        if (done.ok()) rows += done->rows;
      }
      AppendTo(catalog, 1000 + t * 10, 10);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(rows, 111);
  auto expected = Range(0, 10);
  for (const int64_t id : Range(121, 79)) expected.push_back(id);
  for (const int64_t id : Range(1000, 40)) expected.push_back(id);
  EXPECT_EQ(Ids(), expected);
  ExpectSound();
}

TEST_F(DeletingRows, SurvivesAFailureOfTheStoreAtEveryStep) {
  for (const auto kind : {FaultKind::kFail, FaultKind::kTear, FaultKind::kLoseReply,
                          FaultKind::kCrash, FaultKind::kTearCrash}) {
    for (int64_t nth = 1;; ++nth) {
      SCOPED_TRACE("fault " + std::to_string(static_cast<int>(kind)) + " at operation " +
                   std::to_string(nth));
      store_ = FaultStore::Make(MemoryStore::Make());
      catalog_ = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
      Append(0, 20);
      Append(20, 20);
      const auto predicate = Between(5, 44);
      const std::shared_ptr<CatalogProvider> faulty =
          HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
      store_->Add({.kind = kind, .nth = nth});
      const auto first = DeleteRows(faulty, kTable, predicate);
      const bool fired = store_->faults_fired() > 0;
      store_->Heal();
      catalog_ = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
      const auto ids = Ids();
      if (first.ok()) {
        ASSERT_EQ(first->rows, 35);
        ASSERT_EQ(ids, Range(0, 5));
      } else if (IsKind(first.status(), ErrorKind::kCommitStateUnknown)) {
        ASSERT_TRUE(ids == Range(0, 5) || ids == Range(0, 40));
      } else {
        ASSERT_EQ(ids, Range(0, 40)) << first.status();
      }
      const auto again = DeleteRows(catalog_, kTable, predicate);
      ASSERT_TRUE(again.ok()) << again.status();
      ASSERT_EQ(again->rows, ids.size() == 40u ? 35 : 0);
      ASSERT_EQ(Ids(), Range(0, 5));
      ExpectSound();
      if (!fired) break;
    }
  }
}

/// Tables that others wrote.
class DeletingRowsOfOthers : public ::testing::Test {
 protected:
  static iceberg::Schema Columns() {
    return SchemaOf({Field(1, "id", iceberg::TypeId::kLong), Field(2, "name", iceberg::TypeId::kString)});
  }
  static std::shared_ptr<arrow::RecordBatch> Rows(int64_t first, int64_t count) {
    std::string ids, names;
    for (int64_t id = first; id < first + count; ++id) {
      ids += (ids.empty() ? "" : ",") + std::to_string(id);
      names += std::string(names.empty() ? "" : ",") + (id % 3 == 0 ? "null" : "\"a\"");
    }
    return RowsOf({Column("id", arrow::int64(), 1), Column("name", arrow::utf8(), 2)},
                  {"[" + ids + "]", "[" + names + "]"});
  }
  static std::vector<int64_t> IdsOf(const std::shared_ptr<CatalogProvider>& catalog) {
    auto ids = ScanIds(*ReadView::Open(catalog, kTable).ValueOrDie());
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  static iceberg::LiveFiles LiveOf(CatalogProvider& catalog) {
    const auto state = catalog.LoadTable(kTable).ValueOrDie();
    return iceberg::ReadLiveFiles(catalog.store(), *state.metadata->CurrentSnapshot())
        .ValueOrDie();
  }
};

TEST_F(DeletingRowsOfOthers, DeletesNoRowASecondTime) {
  ForeignTable table(Columns());
  const std::string a = table.AddData(*Rows(0, 100), 1).file_path;
  const std::string b = table.AddData(*Rows(100, 100), 2).file_path;
  table.AddPositionDeletes({{a, 0}, {a, 1}, {b, 5}}, 3);
  table.AddEqualityDeletes(*RowsOf({Column("id", arrow::int64(), 1)}, {"[2, 3, 106]"}), {1}, 4);
  table.Commit();
  const auto catalog = table.WritableCatalog();
  const auto done = DeleteRows(catalog, kTable, cp::or_(cp::less(Id(), Lit(10)), Between(100, 109)));
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->rows, 6 + 8);
  std::set<int64_t> gone;
  for (const int64_t id : Range(0, 10)) gone.insert(id);
  for (const int64_t id : Range(100, 10)) gone.insert(id);
  EXPECT_EQ(IdsOf(catalog), Range(0, 200, gone));
  const auto all = DeleteRows(catalog, kTable, cp::less(Id(), Lit(100)));
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->rows, 90);
  EXPECT_EQ(all->removed_files, 1);
  EXPECT_EQ(IdsOf(catalog), Range(110, 90));
  // The file of positions in both files, the keys, and ours of the file that is left.
  EXPECT_EQ(LiveOf(*catalog).deletes.size(), 3u);
}

TEST_F(DeletingRowsOfOthers, AnEqualityDeleteThatEmptiedAFileIsNoReasonToTouchIt) {
  ForeignTable table(Columns());
  table.AddData(*Rows(0, 3), 1);
  table.AddData(*Rows(10, 3), 1);
  table.AddEqualityDeletes(*RowsOf({Column("id", arrow::int64(), 1)}, {"[0, 1, 2]"}), {1}, 2);
  table.Commit();
  const auto catalog = table.WritableCatalog();
  const auto done = DeleteRows(catalog, kTable, cp::less(Id(), Lit(11)));
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->rows, 1);
  EXPECT_EQ(done->removed_files, 0);
  EXPECT_THAT(IdsOf(catalog), ElementsAre(11, 12));
}

TEST_F(DeletingRowsOfOthers, AFileThatIsListedTwiceLosesTheRowsOfBoth) {
  ForeignTable table(Columns());
  auto& first = table.AddData(*Rows(0, 10), 1);
  table.AddFile(table.store->PathOf(first.file_path).ValueOrDie(), 10, 5);
  // Only of the older listing.
  table.AddEqualityDeletes(*RowsOf({Column("id", arrow::int64(), 1)}, {"[0, 1]"}), {1}, 3);
  table.Commit();
  const auto catalog = table.WritableCatalog();
  const auto some = DeleteRows(catalog, kTable, cp::less(Id(), Lit(4)));
  ASSERT_TRUE(some.ok()) << some.status();
  EXPECT_EQ(some->rows, 2 + 4);
  EXPECT_THAT(IdsOf(catalog), ElementsAre(4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9));
  const auto rest = DeleteRows(catalog, kTable, cp::literal(true));
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_EQ(rest->rows, 12);
  EXPECT_THAT(IdsOf(catalog), IsEmpty());
}

TEST_F(DeletingRowsOfOthers, DeleteFilesLieInThePartitionOfTheirDataFile) {
  ForeignTable table(Columns());
  iceberg::PartitionSpec spec;
  spec.spec_id = 1;
  spec.fields.push_back({2, 1000, "name", "identity", ""});
  table.metadata.partition_specs.push_back(spec);
  table.metadata.default_spec_id = 1;
  table.metadata.last_partition_id = 1000;
  const auto only_ids = [](int64_t first, int64_t count) {
    std::string ids;
    for (int64_t id = first; id < first + count; ++id)
      ids += (ids.empty() ? "" : ",") + std::to_string(id);
    return RowsOf({Column("id", arrow::int64(), 1)}, {"[" + ids + "]"});
  };
  table.AddData(*only_ids(0, 10), 1, 1, {std::string("x")});
  table.AddData(*only_ids(10, 10), 1, 1, {std::string("y")});
  table.AddData(*only_ids(20, 10), 1, 1, {iceberg::Value()});
  table.AddData(*Rows(30, 10), 1);
  table.Commit();
  const auto catalog = table.WritableCatalog();
  // The files do not hold the column: its values are in their partitions.
  const auto name = cp::field_ref("name");
  const auto whole = DeleteRows(catalog, kTable, cp::equal(name, cp::literal("y")));
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(whole->rows, 10);
  EXPECT_EQ(whole->removed_files, 1);
  const auto some = DeleteRows(
      catalog, kTable, cp::and_(cp::less(Id(), Lit(33)), cp::not_equal(name, cp::literal("y"))));
  ASSERT_TRUE(some.ok()) << some.status();
  EXPECT_EQ(some->rows, 10 + 2) << "null is not unequal to anything";
  const auto nulls = DeleteRows(catalog, kTable, cp::equal(Id(), Lit(25)));
  ASSERT_TRUE(nulls.ok()) << nulls.status();
  EXPECT_THAT(IdsOf(catalog), ElementsAre(20, 21, 22, 23, 24, 26, 27, 28, 29, 30, 33, 34, 35, 36,
                                          37, 38, 39));
  const auto live = LiveOf(*catalog);
  ASSERT_EQ(live.deletes.size(), 2u);
  for (const auto& entry : live.deletes) {
    for (const auto& data : live.data) {
      if (data.data_file.file_path != entry.data_file.referenced_data_file) continue;
      EXPECT_EQ(entry.data_file.spec_id, data.data_file.spec_id);
      EXPECT_EQ(entry.data_file.partition, data.data_file.partition);
    }
  }
  EXPECT_TRUE(VerifyTable(catalog, kTable)->findings.empty());
}

TEST_F(DeletingRowsOfOthers, RefusesFormatVersionsThatItCannotDeleteFrom) {
  ForeignTable table(Columns(), 3);
  table.AddData(*Rows(0, 10), 1);
  table.Commit();
  const auto refused = DeleteRows(table.WritableCatalog(), kTable, cp::literal(true));
  EXPECT_TRUE(IsKind(refused.status(), ErrorKind::kNotSupported)) << refused.status();
  EXPECT_THAT(refused.status().message(), HasSubstr("format version 3"));
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
            cp::equal(cp::call("subtract", {Id(), cp::call("multiply", {cp::call("divide", {Id(), Lit(m)}), Lit(m)})}), Lit(0)),
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
