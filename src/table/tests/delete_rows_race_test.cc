// SPDX-License-Identifier: Apache-2.0
//
// Deleting rows beside other commits and on a store that fails: those of the version that the
// commit replaces, and nothing else.
#include <thread>

#include "catalog/tests/interposed_catalog.h"
#include "table/indexing/table_indexer.h"
#include "table/tests/delete_rows_fixture.h"
#include "table/tests/file_fixture.h"
#include "tarn/alter_table.h"
#include "tarn/indexing.h"

namespace tarn {
namespace {

namespace cp = arrow::compute;
using ::testing::IsEmpty;

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
  const auto done = DeleteRows(catalog, kDeletedFrom, cp::greater_equal(Id(), Lit(95)));
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
  const auto done = DeleteRows(catalog, kDeletedFrom, Between(50, 69));
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->rows, 10);
  EXPECT_EQ(Summary().at("total-position-deletes"), "30");
  EXPECT_EQ(FilesInStore(), 3u) << "the delete file of the lost attempt is gone";
  ExpectSound();

  catalog->BeforeSwap([&] { EXPECT_EQ(Delete(cp::literal(true)).rows, 70); });
  const auto late = DeleteRows(catalog, kDeletedFrom, Between(0, 9));
  ASSERT_TRUE(late.ok()) << late.status();
  EXPECT_EQ(late->rows, 0) << "their file is no longer in the table";
  EXPECT_THAT(Ids(), IsEmpty());
  EXPECT_EQ(FilesInStore(), 3u);
}

TEST_F(DeletingRows, ThatARollbackBroughtBackAreFoundAgain) {
  Append(0, 100);
  const auto whole = catalog_->LoadTable(kDeletedFrom)->metadata->current_snapshot_id;
  Delete(Between(50, 59));
  const auto catalog = std::make_shared<InterposedCatalog>(catalog_);
  WithoutQueue();
  catalog->BeforeSwap([&] { ASSERT_TRUE(RollbackTo(*catalog_, kDeletedFrom, whole).ok()); });
  const auto done = DeleteRows(catalog, kDeletedFrom, Between(55, 64));
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
  catalog->BeforeSwap([&] {
    ASSERT_TRUE(AlterTable(*catalog_, kDeletedFrom, {RenameColumn{"id", "number"}}).ok());
  });
  const auto refused = DeleteRows(catalog, kDeletedFrom, Between(50, 69));
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
        const auto done = DeleteRows(catalog, kDeletedFrom, Between(first, last));
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
      const auto first = DeleteRows(faulty, kDeletedFrom, predicate);
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
      const auto again = DeleteRows(catalog_, kDeletedFrom, predicate);
      ASSERT_TRUE(again.ok()) << again.status();
      ASSERT_EQ(again->rows, ids.size() == 40u ? 35 : 0);
      ASSERT_EQ(Ids(), Range(0, 5));
      ExpectSound();
      if (!fired) break;
    }
  }
}

/// A table with vectors, whose files wait for their indexes; ids are counted from 0 in each file.
class DeletingRowsWhileIndexesAreBuilt : public DeletingRows {
 protected:
  static constexpr int32_t kDim = 8;
  DeletingRowsWhileIndexesAreBuilt() {
    EXPECT_TRUE(catalog_->CreateTable(kDeletedFrom, TableProperties(PolicyOf(kDim))).ok());
  }
  void Defer(int64_t rows) { DeferTo(catalog_, rows); }
  static void DeferTo(const std::shared_ptr<CatalogProvider>& catalog, int64_t rows) {
    auto writer =
        TableWriter::Make(catalog, kDeletedFrom,
                          {.index = IndexType::kFlat, .threads = 1, .index_in_background = false})
            .ValueOrDie();
    ASSERT_TRUE(writer->WriteBatchDeferred(*MakeRows(rows), RandomVectors(rows, kDim, 0, 1)).ok());
    const auto done = writer->Commit();
    ASSERT_TRUE(done.ok()) << done.status();
  }
  int64_t ReadyRows() {
    return DescribeIndexes(*catalog_, kDeletedFrom).ValueOrDie().rows(IndexState::kReady);
  }
};

TEST_F(DeletingRowsWhileIndexesAreBuilt, ADeleteThatIsFirstHoldsForTheNewFile) {
  Defer(600);
  TableIndexer indexer(catalog_, kDeletedFrom, {.threads = 1});
  ASSERT_TRUE(*indexer.BuildNext());
  EXPECT_EQ(Delete(Between(10, 19)).rows, 10);
  ASSERT_TRUE(indexer.Commit().ok());
  EXPECT_EQ(indexer.committed_files(), 1);
  EXPECT_EQ(ReadyRows(), 600);
  EXPECT_EQ(Ids(), Range(0, 600, {10, 11, 12, 13, 14, 15, 16, 17, 18, 19}));
  EXPECT_EQ(Delete(Between(15, 24)).rows, 5);
  ExpectSound();
}

TEST_F(DeletingRowsWhileIndexesAreBuilt, AFileThatIsEmptiedFirstIsNotReplaced) {
  Defer(600);
  TableIndexer indexer(catalog_, kDeletedFrom, {.threads = 1});
  ASSERT_TRUE(*indexer.BuildNext());
  EXPECT_EQ(Delete(cp::less(Id(), Lit(1000))).removed_files, 1);
  ASSERT_TRUE(indexer.Commit().ok());
  EXPECT_EQ(indexer.committed_files(), 0);
  EXPECT_THAT(Ids(), IsEmpty());
  EXPECT_EQ(FilesInStore(), 1u) << "the old file, for older snapshots";
}

TEST_F(DeletingRowsWhileIndexesAreBuilt, AnIndexThatIsFirstIsLookedAtAnew) {
  Defer(600);
  Delete(Between(0, 4));
  TableIndexer indexer(catalog_, kDeletedFrom, {.threads = 1});
  ASSERT_TRUE(*indexer.BuildNext());
  const auto catalog = std::make_shared<InterposedCatalog>(catalog_);
  WithoutQueue();
  catalog->BeforeSwap([&] { ASSERT_TRUE(indexer.Commit().ok()); });
  const auto done = DeleteRows(catalog, kDeletedFrom, Between(3, 12));
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(catalog->swaps(), 2);
  EXPECT_EQ(done->rows, 8);
  EXPECT_EQ(ReadyRows(), 600);
  EXPECT_EQ(Ids(), Range(13, 587));
  const auto live = Live();
  for (const auto& entry : live.deletes) {
    EXPECT_EQ(entry.data_file.referenced_data_file, live.data[0].data_file.file_path);
  }
  ExpectSound();
}

TEST_F(DeletingRowsWhileIndexesAreBuilt, InThreadsLosesAndKeepsNoneTooMany) {
  for (int i = 0; i < 3; ++i) Defer(500);
  std::atomic<int> failures{0};
  std::atomic<int64_t> rows{0};
  std::thread builder([&] {
    for (int i = 0; i < 6; ++i) {
      const auto built =
          BuildIndexes(catalog_, kDeletedFrom, {.threads = 1, .files_per_commit = 1});
      failures += !built.ok() || !built->failures.empty();
    }
  });
  std::vector<std::thread> deleters;
  for (int t = 0; t < 2; ++t) {
    deleters.emplace_back([&, t] {
      for (int i = 0; i < 6; ++i) {
        const int64_t first = 40 * i + 10 * t;  // the two overlap
        const auto done = DeleteRows(catalog_, kDeletedFrom, Between(first, first + 19));
        failures += !done.ok();
        if (done.ok()) rows += done->rows;
      }
    });
  }
  std::thread appender([&] {
    for (int i = 0; i < 3; ++i) DeferTo(catalog_, 501);
  });
  builder.join();
  for (auto& thread : deleters) thread.join();
  appender.join();
  EXPECT_EQ(failures, 0);
  ASSERT_TRUE(BuildIndexes(catalog_, kDeletedFrom, {.threads = 1}).ok());
  const auto ids = Ids();
  EXPECT_EQ(static_cast<int64_t>(ids.size()) + rows, 3 * 500 + 3 * 501);
  std::map<int64_t, int> found;
  for (const int64_t id : ids) ++found[id];
  for (int64_t id = 0; id < 500; ++id) {
    // Every file had these rows; the later files came when some were deleted already.
    const bool deleted = id % 40 < 30 && id < 240;
    EXPECT_GE(found[id], deleted ? 0 : 6) << id;
    EXPECT_LE(found[id], deleted ? 3 : 6) << id;
  }
  ExpectSound();
}

}  // namespace
}  // namespace tarn
