// SPDX-License-Identifier: Apache-2.0
//
// A batch with an id is in the table once, however often and by whomever it is sent.
#include <map>
#include <set>
#include <thread>

#include "arrow/api.h"
#include "catalog/commit_attempt.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "iceberg/table_metadata.h"
#include "store/fault_store.h"
#include "table/ledger/batch_ledger.h"
#include "table/tests/file_fixture.h"
#include "tarn/read_view.h"
#include "tarn/table_writer.h"

namespace tarn {
namespace {

constexpr int32_t kDim = 8;
const TableIdent kTable{{"db"}, "t"};

class WritingBatchesWithIds : public ::testing::Test {
 protected:
  WritingBatchesWithIds() {
    EXPECT_TRUE(catalog_->CreateTable(kTable, TableProperties(PolicyOf(kDim))).ok());
  }

  std::unique_ptr<TableWriter> NewWriter() {
    return TableWriter::Make(catalog_, kTable, {.index = std::nullopt, .threads = 1}).ValueOrDie();
  }

  /// Stages `rows` rows under the id; whether they were staged.
  static bool Stage(TableWriter& writer, const std::string& id, int64_t rows) {
    const auto staged =
        writer.WriteBatchIdempotent(*MakeRows(rows), RandomVectors(rows, kDim, 0, 1), id);
    EXPECT_TRUE(staged.ok()) << staged.status();
    return staged.ValueOr(false);
  }
  static void StageWithoutId(TableWriter& writer, int64_t rows) {
    ASSERT_TRUE(writer.WriteBatch(*MakeRows(rows), RandomVectors(rows, kDim, 0, 2)).ok());
  }
  static SnapshotId Commit(TableWriter& writer) {
    const auto committed = writer.Commit();
    EXPECT_TRUE(committed.ok()) << committed.status();
    return committed.ValueOr(SnapshotId(-1));
  }

  /// Rows of each live file, sorted.
  std::vector<int64_t> Files() {
    const auto catalog = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
    const auto view = ReadView::Open(catalog, kTable).ValueOrDie();
    std::vector<int64_t> rows;
    for (const auto& file : view->files()) rows.push_back(file.rows);
    std::sort(rows.begin(), rows.end());
    return rows;
  }
  size_t DataFiles() { return store_->List("warehouse/db/t/data")->size(); }

  std::shared_ptr<FaultStore> store_ = FaultStore::Make(MemoryStore::Make());
  std::shared_ptr<HadoopCatalog> catalog_ = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
};

using ::testing::ElementsAre;

TEST_F(WritingBatchesWithIds, TwoCallsBeforeTheCommitStageOnce) {
  auto writer = NewWriter();
  EXPECT_TRUE(Stage(*writer, "a", 3));
  EXPECT_FALSE(Stage(*writer, "a", 3));
  EXPECT_TRUE(Stage(*writer, "b", 4));
  EXPECT_EQ(writer->staged_rows(), 7);
  Commit(*writer);
  EXPECT_THAT(Files(), ElementsAre(3, 4));
}

TEST_F(WritingBatchesWithIds, ABatchThatWasCommittedIsNotEvenWrittenAgain) {
  auto first = NewWriter();
  ASSERT_TRUE(Stage(*first, "a", 3));
  const SnapshotId snapshot = Commit(*first);
  EXPECT_FALSE(Stage(*first, "a", 3));
  auto second = NewWriter();
  const size_t files = DataFiles();
  EXPECT_FALSE(Stage(*second, "a", 3));
  EXPECT_EQ(DataFiles(), files);
  EXPECT_EQ(second->staged_rows(), 0);
  EXPECT_EQ(Commit(*second), snapshot) << "nothing to commit: no new snapshot";
}

TEST_F(WritingBatchesWithIds, OfTwoThatStagedOneIdTheLaterCommitLeavesItOut) {
  auto winner = NewWriter();
  auto loser = NewWriter();
  ASSERT_TRUE(Stage(*winner, "a", 3));
  ASSERT_TRUE(Stage(*loser, "a", 3));
  ASSERT_TRUE(Stage(*loser, "b", 4));
  StageWithoutId(*loser, 5);
  Commit(*winner);
  Commit(*loser);
  EXPECT_THAT(Files(), ElementsAre(3, 4, 5));
  EXPECT_EQ(DataFiles(), 3u) << "the file that was left out is deleted";
  EXPECT_FALSE(Stage(*winner, "b", 4));
}

TEST_F(WritingBatchesWithIds, AWriterOfNothingNewCommitsNoSnapshot) {
  auto winner = NewWriter();
  auto loser = NewWriter();
  ASSERT_TRUE(Stage(*winner, "a", 3));
  ASSERT_TRUE(Stage(*loser, "a", 3));
  const SnapshotId snapshot = Commit(*winner);
  EXPECT_EQ(Commit(*loser), snapshot);
  EXPECT_THAT(Files(), ElementsAre(3));
  EXPECT_EQ(DataFiles(), 1u);
  ASSERT_TRUE(Stage(*loser, "c", 6));
  Commit(*loser);
  EXPECT_THAT(Files(), ElementsAre(3, 6));
}

TEST_F(WritingBatchesWithIds, TwentyRacingWritersLeaveOneCopyOfEach) {
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int t = 0; t < 20; ++t) {
    threads.emplace_back([&, t] {
      // Every thread its own catalog: nothing but the store is shared.
      const auto catalog = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
      auto writer =
          TableWriter::Make(catalog, kTable, {.index = std::nullopt, .threads = 1}).ValueOrDie();
      for (const char* id : {"a", "p:1", "p:2"}) {
        const auto staged = writer->WriteBatchIdempotent(
            *MakeRows(3), RandomVectors(3, kDim, 0, static_cast<uint32_t>(t)), id);
        failures += !staged.ok();
        if (t % 2 == 0) failures += !writer->Commit().ok();
      }
      failures += !writer->Commit().ok();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_THAT(Files(), ElementsAre(3, 3, 3));
}

TEST_F(WritingBatchesWithIds, ALostReplyDoesNotDoubleABatch) {
  // Every storage operation of the commit loses its reply once, whatever it was.
  for (int64_t nth = 1; nth <= 40; ++nth) {
    const std::string id = "lost:" + std::to_string(nth);
    auto writer = NewWriter();
    ASSERT_TRUE(Stage(*writer, id, 2));
    store_->Add({.kind = FaultKind::kLoseReply, .op = StoreOp::kWrite, .nth = nth});
    auto committed = writer->Commit();
    store_->Heal();
    for (int i = 0; i < 3 && !committed.ok(); ++i) committed = writer->Commit();
    ASSERT_TRUE(committed.ok()) << nth << ": " << committed.status();
    auto again = NewWriter();
    EXPECT_FALSE(Stage(*again, id, 2)) << nth;
    EXPECT_EQ(Files().size(), static_cast<size_t>(nth));
  }
}

TEST_F(WritingBatchesWithIds, IdsOutliveTheSnapshotsThatBroughtThem) {
  auto writer = NewWriter();
  ASSERT_TRUE(Stage(*writer, "a", 3));
  const SnapshotId old = Commit(*writer);
  StageWithoutId(*writer, 4);
  Commit(*writer);
  CommitAttempt expire(*catalog_, kTable, [&](const TableState& base) -> Result<CommitPlan> {
    CommitPlan plan;
    if (base.metadata->FindSnapshot(old) != nullptr) {
      plan.updates.push_back({iceberg::update::RemoveSnapshots{{old}}});
    }
    return plan;
  });
  ASSERT_TRUE(expire.Commit().ok());
  EXPECT_FALSE(Stage(*NewWriter(), "a", 3));
}

TEST_F(WritingBatchesWithIds, TheLedgerIsBounded) {
  ASSERT_TRUE(catalog_->DropTable(kTable).ok());
  TableProperties properties(PolicyOf(kDim), {{"tarn.batches.max-count", "2"}});
  ASSERT_TRUE(catalog_->CreateTable(kTable, properties).ok());
  auto writer = NewWriter();
  for (const char* id : {"a", "b", "c"}) {
    ASSERT_TRUE(Stage(*writer, id, 1));
    Commit(*writer);
  }
  EXPECT_TRUE(Stage(*writer, "a", 1)) << "forgotten: it is beyond what was asked for";
  EXPECT_FALSE(Stage(*writer, "b", 1));
  EXPECT_FALSE(Stage(*writer, "c", 1));
}

TEST_F(WritingBatchesWithIds, AnUnreadableLedgerStopsWritersWithIdsOnly) {
  CommitAttempt spoil(*catalog_, kTable, [&](const TableState& base) -> Result<CommitPlan> {
    CommitPlan plan;
    if (base.metadata->FindProperty(BatchLedger::kProperty) == nullptr) {
      plan.updates.push_back({iceberg::update::SetProperties{{{BatchLedger::kProperty, "?"}}}});
    }
    return plan;
  });
  ASSERT_TRUE(spoil.Commit().ok());
  auto writer = NewWriter();
  const auto staged = writer->WriteBatchIdempotent(*MakeRows(1), RandomVectors(1, kDim, 0, 1), "a");
  EXPECT_TRUE(IsKind(staged.status(), ErrorKind::kCorrupt)) << staged.status();
  StageWithoutId(*writer, 4);
  Commit(*writer);
  EXPECT_THAT(Files(), ElementsAre(4));
}

TEST_F(WritingBatchesWithIds, ABadBatchLeavesItsIdFree) {
  auto writer = NewWriter();
  const auto refused =
      writer->WriteBatchIdempotent(*MakeRows(2), RandomVectors(3, kDim, 0, 1), "a");
  EXPECT_TRUE(IsKind(refused.status(), ErrorKind::kBadInput)) << refused.status();
  EXPECT_TRUE(
      IsKind(writer->WriteBatchIdempotent(*MakeRows(2), RandomVectors(2, kDim, 0, 1), "").status(),
             ErrorKind::kBadInput));
  EXPECT_TRUE(Stage(*writer, "a", 2));
}

}  // namespace
}  // namespace tarn
