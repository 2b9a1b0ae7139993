// SPDX-License-Identifier: Apache-2.0
//
// Files that are committed without an index get it later, in place, with nothing lost on the way.
#include <thread>

#include "catalog/tests/interposed_catalog.h"
#include "gmock/gmock.h"
#include "iceberg/manifest_io.h"
#include "iceberg/table_metadata.h"
#include "table/indexing/index_pool.h"
#include "table/indexing/table_indexer.h"
#include "table/tests/deferred_index_fixture.h"
#include "tarn/alter_table.h"

namespace tarn {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(DeferredIndexes, AreBuiltLaterAndTheRowsStayWhatTheyAre) {
  Append(600, 1);
  Append(700, 2);
  EXPECT_THAT(Indexes(), ElementsAre(std::pair(600, std::nullopt), std::pair(700, std::nullopt)));
  EXPECT_EQ(Status_().rows(IndexState::kPending), 1300);
  const std::string rows = AllRows();
  const auto before = View();

  const auto result = Build();
  EXPECT_EQ(result.files, 2);
  EXPECT_EQ(result.rows, 1300);
  EXPECT_EQ(result.commits, 1);
  EXPECT_TRUE(result.failures.empty());
  EXPECT_THAT(Indexes(),
              ElementsAre(std::pair(600, IndexType::kHnsw), std::pair(700, IndexType::kHnsw)));
  EXPECT_EQ(AllRows(), rows);
  EXPECT_EQ(Status_().rows(IndexState::kReady), 1300);
  EXPECT_EQ(View()->state().metadata->CurrentSnapshot()->summary.at("operation"), "replace");
  // A view of before still reads its own files.
  EXPECT_EQ((*before->OpenFile(0))->rows(), before->files()[0].rows);
}

TEST_F(DeferredIndexes, KeepTheAgeOfTheirRows) {
  Append(600, 1);
  Append(700, 2);
  Build();
  std::map<int64_t, int64_t> sequence;
  const auto view = View();
  for (const auto& file : view->files()) sequence[file.rows] = file.data_sequence_number;
  EXPECT_EQ(sequence[600], 1);
  EXPECT_EQ(sequence[700], 2);
}

TEST_F(DeferredIndexes, OfThreeKindsAreWhatTheirWriterAskedFor) {
  auto writer = NewWriter(IndexType::kFlat);
  Stage(*writer, 600, 1);
  StageIvf(*writer, 900, 2);
  ASSERT_TRUE(writer->Commit().ok());
  auto none = NewWriter(std::nullopt);
  Stage(*none, 800, 3);
  ASSERT_TRUE(none->Commit().ok());
  Build();
  EXPECT_THAT(Indexes(), ElementsAre(std::pair(600, IndexType::kFlat), std::pair(800, std::nullopt),
                                     std::pair(900, IndexType::kIvfPq)));
  EXPECT_EQ(Status_().rows(IndexState::kUnwanted), 800);
}

TEST_F(DeferredIndexes, OfInvertedListsShareTheTablesCodebook) {
  auto writer = NewWriter();
  StageIvf(*writer, 800, 1);
  StageIvf(*writer, 600, 2);
  ASSERT_TRUE(writer->Commit().ok());
  EXPECT_TRUE(DescribeTable(*catalog_, kTable)->codebooks.empty());
  Build();
  const auto codebooks = DescribeTable(*catalog_, kTable)->codebooks;
  ASSERT_EQ(codebooks.size(), 1u);
  const auto view = View();
  for (size_t i = 0; i < view->files().size(); ++i) {
    EXPECT_EQ((*view->OpenFile(i))->vector_columns()[0].codebook, codebooks[0].fingerprint);
  }
}

TEST_F(DeferredIndexes, ThatRaceForTheFirstCodebookAgreeOnOne) {
  auto writer = NewWriter();
  StageIvf(*writer, 800, 1);
  ASSERT_TRUE(writer->Commit().ok());
  TableIndexer late(catalog_, kTable, {.threads = 1});
  ASSERT_TRUE(*late.BuildNext());
  auto direct = NewWriter();
  ASSERT_TRUE(direct->WriteBatchIvfPq(*MakeRows(700), RandomVectors(700, kDim, 0, 9)).ok());
  ASSERT_TRUE(direct->Commit().ok());
  ASSERT_TRUE(late.Commit().ok());
  const auto codebooks = DescribeTable(*catalog_, kTable)->codebooks;
  ASSERT_EQ(codebooks.size(), 1u);
  EXPECT_EQ(codebooks[0].id, 1);
  const auto view = View();
  ASSERT_EQ(view->rows(), 1500);
  for (size_t i = 0; i < view->files().size(); ++i) {
    EXPECT_EQ((*view->OpenFile(i))->vector_columns()[0].codebook, codebooks[0].fingerprint);
  }
  EXPECT_EQ(DataFiles(), 3u) << "two live, one of before";
}

TEST_F(DeferredIndexes, LeaveSmallFilesToTheScanUnlessAsked) {
  Append(100, 1);
  EXPECT_EQ(Build().files, 0);
  EXPECT_EQ(Status_().rows(IndexState::kSmall), 100);
  EXPECT_EQ(Build({.small_files = true}).files, 1);
  EXPECT_EQ(Status_().rows(IndexState::kReady), 100);
}

TEST_F(DeferredIndexes, WastesWorkButDoesNoHarmWhenTwoBuildTheSameFile) {
  Append(600, 1);
  TableIndexer one(catalog_, kTable, {.threads = 1});
  TableIndexer two(catalog_, kTable, {.threads = 1});
  ASSERT_TRUE(*one.BuildNext());
  ASSERT_TRUE(*two.BuildNext());
  ASSERT_TRUE(one.Commit().ok());
  ASSERT_TRUE(two.Commit().ok());
  EXPECT_EQ(one.committed_files(), 1);
  EXPECT_EQ(two.committed_files(), 0);
  EXPECT_EQ(View()->rows(), 600);
  EXPECT_EQ(DataFiles(), 2u) << "the original and one replacement";
  EXPECT_EQ(Snapshots(), 2u);
}

TEST_F(DeferredIndexes, SayHowFarTheirBuildIs) {
  Append(600, 1);
  Append(700, 2);
  std::vector<std::vector<int64_t>> seen;
  Build({.progress = [&](const IndexProgress& now) {
    seen.push_back({now.built_files, now.built_rows, now.pending_files, now.pending_rows});
    return true;
  }});
  EXPECT_THAT(seen, ElementsAre(ElementsAre(0, 0, 0, 0), ElementsAre(1, 600, 1, 700),
                                ElementsAre(2, 1300, 0, 0)));
}

TEST_F(DeferredIndexes, OfFilesThatAreGoneAreForgotten) {
  Append(600, 1);
  const TableState old = *catalog_->LoadTable(kTable);
  Build();
  const TableState now = *catalog_->LoadTable(kTable);
  IndexBacklog backlog(store_);
  const auto reads = [&](const TableState& state) {
    const int64_t before = store_->operations();
    EXPECT_TRUE(backlog.Look(state, /*small_files=*/false, nullptr).ok());
    return store_->operations() - before;
  };
  const int64_t first = reads(old);
  const int64_t again = reads(old);
  EXPECT_LT(again, first) << "its footer is known";
  reads(now);
  EXPECT_EQ(reads(old), first) << "its footer is not kept for ever";
}

TEST_F(DeferredIndexes, LoseNoRowThatIsAppendedMeanwhile) {
  for (uint32_t i = 0; i < 6; ++i) Append(600 + i, i);
  std::thread builder([&] { Build({.threads = 1, .files_per_commit = 1}); });
  for (uint32_t i = 0; i < 10; ++i) Append(700 + i, 10 + i);
  builder.join();
  Build();
  int64_t expected = 0;
  for (int64_t i = 0; i < 6; ++i) expected += 600 + i;
  for (int64_t i = 0; i < 10; ++i) expected += 700 + i;
  EXPECT_EQ(View()->rows(), expected);
  EXPECT_EQ(Status_().rows(IndexState::kReady), expected);
}

TEST_F(DeferredIndexes, AFileThatCannotBeIndexedIsNamedAndTheOthersGoOn) {
  Append(600, 1);
  Append(700, 2);
  std::string first;
  const auto view = View();
  for (const auto& file : view->files()) {
    if (file.rows == 600) first = file.path;
  }
  store_->Add({.kind = FaultKind::kFail, .op = StoreOp::kWrite, .path_contains = "/data/"});
  const auto result = Build();
  EXPECT_EQ(result.files, 1);
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_EQ(result.failures[0].path, first);
  EXPECT_EQ(View()->rows(), 1300);
  EXPECT_EQ(Build().files, 1) << "it is taken up again";
  EXPECT_EQ(Status_().rows(IndexState::kReady), 1300);
}

TEST_F(DeferredIndexes, SurviveAFailureOfTheStoreAtEveryStep) {
  for (const auto kind : {FaultKind::kFail, FaultKind::kLoseReply, FaultKind::kCrash}) {
    for (int64_t nth = 1;; ++nth) {
      const auto store = FaultStore::Make(MemoryStore::Make());
      const std::shared_ptr<CatalogProvider> catalog =
          HadoopCatalog::Make(store, "warehouse").ValueOrDie();
      ASSERT_TRUE(catalog->CreateTable(kTable, TableProperties(PolicyOf(4))).ok());
      auto writer = TableWriter::Make(catalog, kTable,
                                      {.index = IndexType::kFlat, .index_in_background = false})
                        .ValueOrDie();
      ASSERT_TRUE(writer->WriteBatchDeferred(*MakeRows(500), RandomVectors(500, 4, 0, 1)).ok());
      ASSERT_TRUE(writer->Commit().ok());
      store->Add({.kind = kind, .nth = nth});
      (void)BuildIndexes(catalog, kTable, {.threads = 1});
      const bool fired = store->faults_fired() > 0;
      store->Heal();
      const std::shared_ptr<CatalogProvider> fresh =
          HadoopCatalog::Make(store, "warehouse").ValueOrDie();
      ASSERT_EQ((*ReadView::Open(fresh, kTable))->rows(), 500) << nth;
      const auto again = BuildIndexes(fresh, kTable, {.threads = 1});
      ASSERT_TRUE(again.ok()) << nth << ": " << again.status();
      const auto view = ReadView::Open(fresh, kTable).ValueOrDie();
      ASSERT_EQ(view->rows(), 500) << nth;
      ASSERT_TRUE((*view->OpenFile(0))->IsAilakeFile()) << nth;
      const auto report = VerifyTable(fresh, kTable);
      ASSERT_TRUE(report.ok() && report->findings.empty()) << nth;
      if (!fired) break;
    }
  }
}

TEST_F(DeferredIndexes, AreBuiltInTheBackgroundAndCanBeWaitedFor) {
  auto writer = NewWriter(IndexType::kHnsw, /*background=*/true);
  for (uint32_t i = 0; i < 3; ++i) Stage(*writer, 600 + i, i);
  ASSERT_TRUE(writer->Commit().ok());
  const Status waited = writer->WaitForIndexes();
  ASSERT_TRUE(waited.ok()) << waited;
  EXPECT_EQ(Status_().rows(IndexState::kPending), 0);
  EXPECT_EQ(Status_().rows(IndexState::kReady), 1803);
  Stage(*writer, 800, 9);
  ASSERT_TRUE(writer->Commit().ok());
  ASSERT_TRUE(WaitForIndexes(catalog_, kTable, std::chrono::minutes(5)).ok());
  EXPECT_EQ(Status_().rows(IndexState::kReady), 2603);
  StopIndexBuilds();
}

TEST_F(DeferredIndexes, WaitingSaysWhatWentWrong) {
  auto writer = NewWriter(IndexType::kHnsw);
  Stage(*writer, 600, 1);
  ASSERT_TRUE(writer->Commit().ok());
  store_->Add(
      {.kind = FaultKind::kFail, .op = StoreOp::kWrite, .path_contains = "/data/", .repeat = true});
  IndexPool pool;
  const Status waited = pool.Wait(catalog_, kTable, std::chrono::minutes(5));
  EXPECT_FALSE(waited.ok());
  EXPECT_THAT(waited.message(), HasSubstr("1 files could not be indexed"));
  store_->Heal();
  const Status again = pool.Wait(catalog_, kTable, std::chrono::minutes(5));
  EXPECT_TRUE(again.ok()) << again;
  EXPECT_EQ(Status_().rows(IndexState::kReady), 600);
}

TEST_F(DeferredIndexes, OfManyTablesAndThreadsShareOnePool) {
  IndexPool pool;
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const TableIdent ident{{"db"}, "many" + std::to_string(t % 2)};
      (void)catalog_->CreateTable(ident, TableProperties(PolicyOf(4)));
      auto writer = TableWriter::Make(catalog_, ident,
                                      {.index = IndexType::kFlat, .index_in_background = false})
                        .ValueOrDie();
      for (int i = 0; i < 3; ++i) {
        failures += !writer->WriteBatchDeferred(*MakeRows(500), RandomVectors(500, 4, 0, 1)).ok();
        failures += !writer->Commit().ok();
        pool.Submit(catalog_, *catalog_->LoadTable(ident));
      }
      failures += !pool.Wait(catalog_, ident, std::chrono::minutes(5)).ok();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  for (const char* name : {"many0", "many1"}) {
    EXPECT_EQ(DescribeIndexes(*catalog_, {{"db"}, name})->rows(IndexState::kReady), 3000);
  }
}

TEST_F(DeferredIndexes, OfARenamedColumnAreBuiltInItsOldFiles) {
  Append(600, 1);
  ASSERT_TRUE(AlterTable(*catalog_, kTable, {RenameColumn{"embedding", "meaning"}}).ok());
  auto writer = NewWriter();
  StageIvf(*writer, 800, 2);
  ASSERT_TRUE(writer->Commit().ok());
  EXPECT_EQ(Build().files, 2);
  const auto status = Status_();
  EXPECT_EQ(status.rows(IndexState::kReady), 1400);
  for (const auto& column : status.columns) EXPECT_EQ(column.column, "meaning");
}

TEST_F(DeferredIndexes, AColumnThatWasDroppedGetsNoneForAnotherOfItsName) {
  Append(600, 1);
  VectorStoragePolicy other = PolicyOf(kDim);
  ASSERT_TRUE(AlterTable(*catalog_, kTable, {AddVectorColumn{[&] {
                VectorStoragePolicy second = other;
                second.column_name = "second";
                return second;
              }()}})
                  .ok());
  ASSERT_TRUE(AlterTable(*catalog_, kTable, {DropColumn{"embedding"}}).ok());
  ASSERT_TRUE(AlterTable(*catalog_, kTable, {RenameColumn{"second", "embedding"}}).ok());
  EXPECT_TRUE(Status_().columns.empty());
  EXPECT_EQ(Build().files, 0);
}

TEST_F(DeferredIndexes, ABuildThatIsStoppedLeavesTheFileAsItIs) {
  Append(600, 1);
  std::atomic<bool> stop{true};
  TableIndexer indexer(catalog_, kTable, {.threads = 1, .stop = &stop});
  EXPECT_TRUE(IsKind(indexer.BuildNext().status(), ErrorKind::kCancelled));
  EXPECT_EQ(Status_().rows(IndexState::kPending), 600);
  EXPECT_EQ(DataFiles(), 1u);
  stop = false;
  ASSERT_TRUE(*indexer.BuildNext());
  ASSERT_TRUE(indexer.Commit().ok());
  EXPECT_EQ(Status_().rows(IndexState::kReady), 600);
}

TEST_F(DeferredIndexes, WhatWasBuiltIsKeptWhenItsCommitIsLostForCertain) {
  Append(600, 1);
  const auto refusing = std::make_shared<InterposedCatalog>(catalog_);
  const Status lost = Error(ErrorKind::kValidationFailed, "another was first");
  {
    TableIndexer indexer(refusing, kTable, {.threads = 1});
    ASSERT_TRUE(*indexer.BuildNext());
    refusing->Refuse(lost);
    EXPECT_TRUE(IsKind(indexer.Commit(), ErrorKind::kValidationFailed));
    EXPECT_EQ(indexer.built(), 1u);
    refusing->Refuse(Status::OK());
    EXPECT_TRUE(indexer.Commit().ok());
    EXPECT_EQ(Status_().rows(IndexState::kReady), 600);
  }
  Append(700, 2);
  {
    TableIndexer indexer(refusing, kTable, {.threads = 1});
    ASSERT_TRUE(*indexer.BuildNext());
    refusing->Refuse(lost);
    EXPECT_FALSE(indexer.Commit().ok());
  }
  EXPECT_EQ(DataFiles(), 3u) << "two old files and one with an index; what was given up is deleted";
}

TEST_F(DeferredIndexes, WhatWasBuiltAndNeverCommittedIsDeleted) {
  Append(600, 1);
  {
    TableIndexer indexer(catalog_, kTable, {.threads = 1});
    ASSERT_TRUE(*indexer.BuildNext());
    EXPECT_EQ(DataFiles(), 2u);
  }
  EXPECT_EQ(DataFiles(), 1u);
}

TEST(AWantedIndex, ComesBackFromTheFooterAsItWasWritten) {
  IvfPqConfig config;
  config.nlist = 7;
  config.m = 3;
  config.bits = 8;
  config.residual = false;
  config.seed = 9;
  config.nprobe = 2;
  const auto wanted = WantedIndex::Parse(WantedIndex{IndexType::kIvfPq, config}.ToFooter());
  ASSERT_TRUE(wanted.has_value());
  EXPECT_EQ(wanted->type, IndexType::kIvfPq);
  EXPECT_EQ(wanted->ivf_pq, config);
  EXPECT_EQ(WantedIndex::Parse(WantedIndex{}.ToFooter())->type, std::nullopt);
  for (const char* bad : {"", "{}", "[]", "7", R"({"type":7})", R"({"type":"tree"})"}) {
    EXPECT_FALSE(WantedIndex::Parse(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace tarn
