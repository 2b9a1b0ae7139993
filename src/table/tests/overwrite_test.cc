// SPDX-License-Identifier: Apache-2.0
//
// Rows in place of others: the old ones go and the new ones come in one snapshot, or not at all.
#include <thread>

#include "catalog/tests/interposed_catalog.h"
#include "table/ledger/batch_ledger.h"
#include "table/tests/delete_rows_fixture.h"
#include "table/tests/file_fixture.h"
#include "tarn/alter_table.h"

namespace tarn {
namespace {

namespace cp = arrow::compute;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Overwriting : public DeletingRows {
 protected:
  std::unique_ptr<TableWriter> NewWriter() { return NewWriter(catalog_); }
  static std::unique_ptr<TableWriter> NewWriter(const std::shared_ptr<CatalogProvider>& catalog) {
    return TableWriter::CreateOrOpen(catalog, kDeletedFrom, {}).ValueOrDie();
  }
  static void Stage(TableWriter& writer, int64_t first, int64_t count) {
    const Status staged = writer.WriteBatch(*Batch(first, count));
    ASSERT_TRUE(staged.ok()) << staged;
  }
  static bool StageOnce(TableWriter& writer, const std::string& id, int64_t first, int64_t count) {
    const auto staged = writer.WriteBatchIdempotent(*Batch(first, count), id);
    EXPECT_TRUE(staged.ok()) << staged.status();
    return staged.ValueOr(false);
  }
  static void Overwrite(TableWriter& writer, const cp::Expression& predicate) {
    const auto done = writer.CommitOverwrite(predicate);
    ASSERT_TRUE(done.ok()) << done.status();
  }
  static std::vector<int64_t> Join(std::vector<int64_t> a, const std::vector<int64_t>& b) {
    a.insert(a.end(), b.begin(), b.end());
    std::sort(a.begin(), a.end());
    return a;
  }
};

TEST_F(Overwriting, PutsWhatIsStagedInPlaceOfWhatMatches) {
  Append(0, 50);
  Append(50, 50);
  auto writer = NewWriter();
  Stage(*writer, 60, 5);
  Stage(*writer, 200, 5);
  Overwrite(*writer, Between(40, 109));
  EXPECT_EQ(Ids(), Join(Range(0, 40), Join(Range(60, 5), Range(200, 5))));
  EXPECT_EQ(Snapshots(), 3u);
  EXPECT_EQ(Summary().at("operation"), "overwrite");
  EXPECT_EQ(Summary().at("added-records"), "10");
  EXPECT_EQ(Summary().at("added-position-deletes"), "10");
  EXPECT_EQ(Summary().at("deleted-data-files"), "1");
  EXPECT_EQ(Summary().at("total-data-files"), "3");
  EXPECT_EQ(writer->staged_rows(), 0);
  ExpectSound();
}

TEST_F(Overwriting, TwiceByTheSameRowsLeavesThemOnce) {
  Append(0, 50);
  auto writer = NewWriter();
  for (int i = 0; i < 3; ++i) {
    Stage(*writer, 10, 20);
    Overwrite(*writer, Between(10, 29));
  }
  EXPECT_EQ(Ids(), Range(0, 50));
  EXPECT_EQ(Live().data.size(), 2u);
}

TEST_F(Overwriting, WithNothingStagedDeletesAndWithoutAMatchAppends) {
  Append(0, 50);
  auto writer = NewWriter();
  const auto gone = writer->CommitOverwrite(Between(0, 9)).ValueOrDie();
  EXPECT_EQ(Summary().at("operation"), "delete");
  EXPECT_EQ(Ids(), Range(10, 40));
  EXPECT_EQ(writer->CommitOverwrite(Between(0, 9)).ValueOrDie(), gone) << "no new snapshot";
  Stage(*writer, 0, 5);
  Overwrite(*writer, Between(0, 9));
  EXPECT_EQ(Summary().at("operation"), "append");
  EXPECT_EQ(Ids(), Join(Range(0, 5), Range(10, 40)));
  EXPECT_EQ(Snapshots(), 3u);
}

TEST_F(Overwriting, InATableWithoutColumnsYetGivesItItsFirstRows) {
  auto writer = NewWriter();
  Stage(*writer, 0, 5);
  const auto refused = writer->CommitOverwrite(cp::is_valid(cp::field_ref("nope")));
  EXPECT_TRUE(IsKind(refused.status(), ErrorKind::kBadInput)) << refused.status();
  EXPECT_EQ(writer->staged_rows(), 5);
  Overwrite(*writer, Between(0, 9));
  EXPECT_EQ(Ids(), Range(0, 5));
  EXPECT_EQ(Snapshots(), 1u);
}

TEST_F(Overwriting, WithABadPredicateLeavesWhatIsStagedForAnotherTry) {
  Append(0, 10);
  auto writer = NewWriter();
  Stage(*writer, 5, 10);
  for (const auto& bad : {cp::field_ref("id"), cp::equal(cp::field_ref("nope"), Lit(1))}) {
    const auto refused = writer->CommitOverwrite(bad);
    EXPECT_TRUE(IsKind(refused.status(), ErrorKind::kBadInput)) << refused.status();
    EXPECT_EQ(writer->staged_rows(), 10);
  }
  EXPECT_EQ(Ids(), Range(0, 10));
  Overwrite(*writer, Between(5, 14));
  EXPECT_EQ(Ids(), Range(0, 15));
  EXPECT_EQ(FilesInStore(), 3u);
}

TEST_F(Overwriting, ReplacesWhatOthersCommittedFirstButNeverItsOwn) {
  Append(0, 10);
  const auto catalog = std::make_shared<InterposedCatalog>(catalog_);
  auto writer = NewWriter(catalog);
  Stage(*writer, 5, 10);
  WithoutQueue();
  catalog->BeforeSwap([&] { Append(8, 20); });
  Overwrite(*writer, cp::greater_equal(Id(), Lit(5)));
  EXPECT_EQ(catalog->swaps(), 2);
  EXPECT_EQ(Ids(), Range(0, 15));
  EXPECT_EQ(FilesInStore(), 4u) << "two appended, one staged, one of deletes";
  ExpectSound();
}

TEST_F(Overwriting, GoesThroughOnlyWhileItsParentIsCurrent) {
  Append(0, 10);
  const auto old = catalog_->LoadTable(kDeletedFrom)->metadata->current_snapshot_id;
  Append(10, 10);
  auto writer = NewWriter();
  writer->WithParentSnapshot(old);
  Stage(*writer, 5, 10);
  const auto refused = writer->CommitOverwrite(cp::literal(true));
  EXPECT_TRUE(IsKind(refused.status(), ErrorKind::kValidationFailed)) << refused.status();
  EXPECT_EQ(Ids(), Range(0, 20));
  writer->WithParentSnapshot(catalog_->LoadTable(kDeletedFrom)->metadata->current_snapshot_id);
  Overwrite(*writer, cp::literal(true));
  EXPECT_EQ(Ids(), Range(5, 10));
  Overwrite(*writer, Between(5, 6));
  EXPECT_EQ(Ids(), Range(7, 8)) << "it follows its own snapshots";
}

TEST_F(Overwriting, RunAgainFromItsStartAPipelineReplacesNothing) {
  Append(0, 10);
  for (int run = 0; run < 3; ++run) {
    auto writer = NewWriter();
    EXPECT_EQ(StageOnce(*writer, "day 5", 5, 10), run == 0);
    EXPECT_EQ(StageOnce(*writer, "day 6", 15, 10), run == 0);
    Overwrite(*writer, Between(5, 20));
    EXPECT_EQ(Ids(), Range(0, 25)) << run;
    EXPECT_EQ(FilesInStore(), 4u) << "no delete file of a plan that was not made";
  }
  EXPECT_EQ(Snapshots(), 2u);
  // What is meant to be a delete still is one.
  Overwrite(*NewWriter(), cp::greater_equal(Id(), Lit(5)));
  EXPECT_EQ(Ids(), Range(0, 5));
}

TEST_F(Overwriting, OfTwoThatRaceWithTheSameBatchesOneDoesIt) {
  Append(0, 10);
  auto winner = NewWriter();
  auto loser = NewWriter();
  for (auto* writer : {winner.get(), loser.get()}) {
    ASSERT_TRUE(StageOnce(*writer, "a", 5, 10));
    ASSERT_TRUE(StageOnce(*writer, "b", 15, 10));
  }
  Overwrite(*winner, cp::greater_equal(Id(), Lit(5)));
  Overwrite(*loser, cp::greater_equal(Id(), Lit(5)));
  EXPECT_EQ(Ids(), Range(0, 25));
  EXPECT_EQ(Snapshots(), 2u);
  EXPECT_EQ(FilesInStore(), 4u) << "the loser's files are gone";
}

TEST_F(Overwriting, OfBatchesOfWhichSomeAreThereIsRefused) {
  Append(0, 10);
  auto first = NewWriter();
  ASSERT_TRUE(StageOnce(*first, "a", 5, 10));
  auto second = NewWriter();
  ASSERT_TRUE(StageOnce(*second, "a", 5, 10));
  ASSERT_TRUE(StageOnce(*second, "b", 15, 10));
  ASSERT_TRUE(first->Commit().ok());
  const auto rows = Ids();
  auto third = NewWriter();
  EXPECT_FALSE(StageOnce(*third, "a", 5, 10));
  Stage(*third, 15, 10);
  for (auto* writer : {second.get(), third.get()}) {
    const auto refused = writer->CommitOverwrite(cp::greater_equal(Id(), Lit(5)));
    EXPECT_TRUE(IsKind(refused.status(), ErrorKind::kValidationFailed)) << refused.status();
    EXPECT_THAT(refused.status().message(), HasSubstr("'a'"));
  }
  EXPECT_EQ(Ids(), rows);
  EXPECT_EQ(second->staged_rows(), 20);
  // An append takes what is new.
  ASSERT_TRUE(second->Commit().ok());
  EXPECT_EQ(Ids(), Join(rows, Range(15, 10)));
}

TEST_F(Overwriting, SurvivesAFailureOfTheStoreAtEveryStepAndCanBeTriedAgain) {
  const auto predicate = Between(10, 49);
  const auto before = Range(0, 40);
  const auto after = Join(Range(0, 10), Range(20, 10));
  int unknown = 0;
  for (const auto kind : {FaultKind::kFail, FaultKind::kTear, FaultKind::kLoseReply,
                          FaultKind::kCrash, FaultKind::kTearCrash}) {
    for (int64_t nth = 1;; ++nth) {
      SCOPED_TRACE("fault " + std::to_string(static_cast<int>(kind)) + " at operation " +
                   std::to_string(nth));
      store_ = FaultStore::Make(MemoryStore::Make());
      catalog_ = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
      Append(0, 20);
      Append(20, 20);
      auto writer = NewWriter();
      Stage(*writer, 20, 10);
      store_->Add({.kind = kind, .nth = nth});
      const auto first = writer->CommitOverwrite(predicate);
      const bool fired = store_->faults_fired() > 0;
      store_->Heal();
      const auto ids = Ids();
      const bool in_doubt = IsKind(first.status(), ErrorKind::kCommitStateUnknown);
      unknown += in_doubt;
      if (first.ok()) {
        ASSERT_EQ(ids, after);
      } else if (in_doubt) {
        ASSERT_TRUE(ids == after || ids == before);
      } else {
        ASSERT_EQ(ids, before) << first.status();
      }
      if (!first.ok()) {
        const auto again = writer->CommitOverwrite(predicate);
        ASSERT_TRUE(again.ok()) << again.status();
        ASSERT_EQ(*again, catalog_->LoadTable(kDeletedFrom)->metadata->current_snapshot_id);
      }
      ASSERT_EQ(Ids(), after);
      ASSERT_EQ(Snapshots(), 3u);
      ASSERT_EQ(writer->staged_rows(), 0);
      ExpectSound();
      if (!fired) break;
    }
  }
  EXPECT_GT(unknown, 0) << "no step left the outcome unknown";
}

TEST_F(Overwriting, AfterAnotherCommitInDoubtFindsOutAboutThatFirst) {
  for (const bool was_committed : {false, true}) {
    SCOPED_TRACE(was_committed);
    store_ = FaultStore::Make(MemoryStore::Make());
    catalog_ = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
    Append(0, 10);
    auto writer = NewWriter();
    Stage(*writer, 5, 10);
    store_->Add({.kind = was_committed ? FaultKind::kLoseReply : FaultKind::kFail,
                 .op = StoreOp::kWrite,
                 .path_contains = "v3.metadata.json"});
    store_->Add({.kind = FaultKind::kCrash, .op = StoreOp::kWrite, .nth = 3});
    store_->Add({.kind = FaultKind::kFail, .op = StoreOp::kRead, .nth = 1, .repeat = true});
    const auto failed = writer->Commit();
    ASSERT_FALSE(failed.ok());
    store_->Heal();
    const auto refused = writer->CommitOverwrite(Between(0, 100));
    EXPECT_TRUE(IsKind(refused.status(), ErrorKind::kValidationFailed)) << refused.status();
    EXPECT_EQ(Ids(), Join(Range(0, 10), Range(5, 10))) << "the append alone";
    Overwrite(*writer, Between(0, 6));
    EXPECT_EQ(Ids(), Join(Range(7, 3), Range(7, 8)));
  }
}

TEST_F(Overwriting, OfOneKeyByManyThreadsLeavesTheRowsOfOne) {
  Append(0, 20);
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const std::shared_ptr<CatalogProvider> catalog =
          HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
      auto writer = NewWriter(catalog);
      for (int i = 0; i < 4; ++i) {
        failures += !writer->WriteBatch(*Batch(10, 5 + t)).ok();
        failures += !writer->CommitOverwrite(cp::greater_equal(Id(), Lit(10))).ok();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  const auto ids = Ids();
  ASSERT_GE(ids.size(), 15u);
  EXPECT_EQ(ids, Range(0, static_cast<int64_t>(ids.size()))) << "of one writer, each once";
  EXPECT_EQ(Snapshots(), 17u);
  ExpectSound();
}

TEST_F(Overwriting, FilesThatShareACodebookAgreeOnOne) {
  constexpr int32_t kDim = 8;
  ASSERT_TRUE(catalog_->CreateTable(kDeletedFrom, TableProperties(PolicyOf(kDim))).ok());
  const auto make = [&] {
    return TableWriter::Make(catalog_, kDeletedFrom, {.threads = 1}).ValueOrDie();
  };
  auto fast = make();
  auto slow = make();
  for (auto* writer : {slow.get(), fast.get()}) {
    ASSERT_TRUE(writer->WriteBatchIvfPq(*MakeRows(200), RandomVectors(200, kDim, 0, 1)).ok());
  }
  Overwrite(*fast, cp::less(Id(), Lit(100)));
  Overwrite(*slow, cp::less(Id(), Lit(100)));
  const auto codebooks = DescribeTable(*catalog_, kDeletedFrom)->codebooks;
  ASSERT_EQ(codebooks.size(), 1u);
  const auto view = ReadView::Open(catalog_, kDeletedFrom).ValueOrDie();
  ASSERT_EQ(view->CountLiveRows().ValueOrDie(), 300);
  for (size_t i = 0; i < view->files().size(); ++i) {
    EXPECT_EQ((*view->OpenFile(i))->vector_columns()[0].codebook, codebooks[0].fingerprint);
  }
  ExpectSound();
}

}  // namespace
}  // namespace tarn
