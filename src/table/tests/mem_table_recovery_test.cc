// SPDX-License-Identifier: Apache-2.0
//
// MemTableWriter when processes, storage and other writers get in its way.
#include <thread>

#include "catalog/tests/interposed_catalog.h"
#include "gmock/gmock.h"
#include "iceberg/table_update.h"
#include "table/tests/mem_table_fixture.h"
#include "tarn/alter_table.h"
#include "tarn/table_writer.h"

namespace tarn {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSubsetOf;

class MemTableRecovery : public MemTables {
 protected:
  /// Commits do not queue, so that a test can commit while another commit is under way.
  void WithoutQueue() {
    store_->Add({.kind = FaultKind::kFail,
                 .op = StoreOp::kLock,
                 .path_contains = "commit",
                 .repeat = true});
  }
};

/// Lets a test do something between a load and what is done with it.
class LateCatalog : public InterposedCatalog {
 public:
  using InterposedCatalog::InterposedCatalog;
  Result<TableState> LoadTable(const TableIdent& ident) override {
    auto state = InterposedCatalog::LoadTable(ident);
    if (after_load) after_load(++loads);
    return state;
  }
  std::function<void(int)> after_load;
  int loads = 0;
};

INSTANTIATE_TEST_SUITE_P(Worlds, MemTableRecovery,
                         testing::Values(World::kMemory, World::kFolder, World::kSql), WorldName);

TEST_P(MemTableRecovery, RowsThatWereNotFlushedComeBackWithTheNextWriter) {
  CreateTable();
  auto writer = Open();
  Insert(*writer, 0, 3);
  EXPECT_TRUE(writer->Flush().ok());
  Insert(*writer, 3, 2);
  Insert(*writer, 5, 2);
  writer.reset();
  Reconnect();
  writer = Open();
  EXPECT_EQ(writer->buffered_rows(), 4);
  EXPECT_EQ(writer->buffered_bytes(), 4 * kDim * 2);
  EXPECT_EQ(writer->metrics().replayed_batches, 2u);
  EXPECT_EQ(writer->metrics().replayed_rows, 4u);
  EXPECT_EQ(Insert(*writer, 7, 1).sequence, 4u);
  EXPECT_TRUE(writer->Flush().ok());
  EXPECT_EQ(Ids(), Numbers(0, 8));
  writer.reset();
  EXPECT_EQ(Open()->buffered_rows(), 0);
}

TEST_P(MemTableRecovery, RowsOfATableThatHasNoColumnsYetComeBackToo) {
  CreateTable();
  auto writer = Open();
  Insert(*writer, 0, 2);
  writer.reset();
  writer = Open();
  Insert(*writer, 2, 2);
  EXPECT_TRUE(writer->Flush().ok());
  EXPECT_EQ(Ids(), Numbers(0, 4));
}

TEST_P(MemTableRecovery, ALogLongerThanMemoryIsFlushedWhileItIsRead) {
  CreateTable();
  auto config = Config();
  auto writer = Open(config);
  for (int32_t batch = 0; batch < 40; ++batch) Insert(*writer, 10 * batch, 10);
  const int64_t memory = writer->metrics().memory_bytes;
  writer.reset();
  config.max_memory_bytes = memory / 8;
  writer = Open(config);
  EXPECT_LE(writer->metrics().memory_bytes, config.max_memory_bytes);
  EXPECT_GE(Snapshots(), 3u);
  EXPECT_TRUE(writer->Close().ok());
  EXPECT_EQ(Ids(), Numbers(0, 400));
}

TEST_P(MemTableRecovery, LogsOfSeveralWritersThatAreGoneAreAllTakenUp) {
  CreateTable();
  auto first = Open(), second = Open(), third = Open();
  Insert(*first, 0, 2);
  Insert(*second, 2, 2);
  Insert(*third, 4, 2);
  first.reset();
  third.reset();
  auto next = Open();
  // The second is at work still, and its rows are its own.
  EXPECT_TRUE(next->Close().ok());
  EXPECT_EQ(Ids(), (std::vector<int32_t>{0, 1, 4, 5}));
  second.reset();
  EXPECT_TRUE(Open()->Close().ok());
  EXPECT_EQ(Ids(), Numbers(0, 6));
  // However many writers come and go one after the other, no further log is begun.
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Open()->Close().ok());
  const auto uuid = catalog_->LoadTable(kTable).ValueOrDie().metadata->table_uuid;
  if (GetParam() == World::kMemory) return;
  size_t logs = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(folder_ / "warehouse/.tarn/wal" / uuid)) {
    logs += entry.is_directory();
  }
  EXPECT_EQ(logs, 3u);
}

TEST_P(MemTableRecovery, ManyWritersMayBeginTheirLogsAtOnce) {
  CreateTable();
  constexpr int32_t kWriters = 8;
  for (int32_t round = 0; round < 10; ++round) {
    std::vector<std::unique_ptr<MemTableWriter>> writers(kWriters);
    std::vector<std::thread> threads;
    for (int32_t i = 0; i < kWriters; ++i) {
      threads.emplace_back([&, i] {
        writers[i] = Open();
        if (writers[i] != nullptr) Insert(*writers[i], round * kWriters + i, 1);
      });
    }
    for (auto& thread : threads) thread.join();
  }
  EXPECT_TRUE(Open()->Close().ok());
  EXPECT_EQ(Ids(), Numbers(0, 10 * kWriters));
}

TEST_P(MemTableRecovery, AFlushThatFailsKeepsTheRowsAndIsTriedAgain) {
  CreateTable();
  auto config = Config();
  config.flush_max_rows = 4;
  auto writer = Open(config);
  Fault fault;
  fault.op = StoreOp::kWrite;
  fault.path_contains = "/data/";
  fault.repeat = true;
  store_->Add(fault);
  Insert(*writer, 0, 3);
  // Accepted: it is in the log.
  const auto result = Insert(*writer, 3, 3);
  EXPECT_FALSE(result.snapshot);
  EXPECT_EQ(result.sequence, 2u);
  EXPECT_FALSE(writer->last_flush_error().ok());
  EXPECT_EQ(writer->buffered_rows(), 6);
  EXPECT_FALSE(writer->Flush().ok());
  EXPECT_FALSE(writer->FlushIfDue().ok());
  EXPECT_FALSE(writer->Close().ok());
  Insert(*writer, 6, 1);
  store_->Heal();
  EXPECT_TRUE(writer->Flush().ok());
  EXPECT_TRUE(writer->last_flush_error().ok());
  EXPECT_EQ(Ids(), Numbers(0, 7));
  EXPECT_EQ(writer->metrics().failed_flushes, 4u);
}

TEST_P(MemTableRecovery, PastTheMemoryBoundInsertsWaitAndTryInsertRefuses) {
  CreateTable();
  auto config = Config();
  config.max_memory_bytes = 8 << 10;
  auto writer = Open(config);
  Fault fault;
  fault.op = StoreOp::kWrite;
  fault.path_contains = "/data/";
  fault.repeat = true;
  store_->Add(fault);
  int32_t next = 0;
  const auto try_insert = [&] {
    const auto vectors = NumberedVectors(next, 5);
    const VectorColumn column{Policy(), EmbeddingsView::FromSpan(vectors, kDim).ValueOrDie()};
    auto result = writer->TryInsert(*NumberedRows(next, 5), std::span(&column, 1));
    EXPECT_TRUE(result.ok()) << result.status();
    return result->has_value();
  };
  while (try_insert()) next += 5;
  EXPECT_GT(next, 0);
  EXPECT_LE(writer->metrics().memory_bytes, config.max_memory_bytes);
  const Status refused = TryInsert(*writer, next, 5).status();
  EXPECT_THAT(refused.message(), HasSubstr("not accepted"));
  store_->Heal();
  Insert(*writer, next, 5);
  EXPECT_TRUE(writer->Flush().ok());
  EXPECT_EQ(Ids(), Numbers(0, next + 5));
}

TEST_P(MemTableRecovery, ACommitWhoseReplyIsLostCountsOnce) {
  CreateTable();
  for (int64_t step = 1; step < 60; ++step) {
    SCOPED_TRACE("operation " + std::to_string(step));
    const auto first = static_cast<int32_t>(10 * step);
    {
      auto writer = Open();
      Insert(*writer, first, 5, "batch " + std::to_string(step));
      Insert(*writer, first + 5, 5);
      Fault fault;
      fault.kind = step % 2 == 0 ? FaultKind::kLoseReply : FaultKind::kFail;
      fault.nth = step / 2 + 1;
      store_->Add(fault);
      const auto flushed = writer->Flush();
      store_->Heal();
      const bool again = !flushed.ok() && step % 3 != 0;
      if (again) {
        EXPECT_TRUE(writer->Flush().ok());
      }
      if (flushed.ok() || again) {
        EXPECT_EQ(writer->buffered_rows(), 0);
      }
    }
    // Where it was not flushed again the next writer, which knows nothing of it, does it.
    EXPECT_TRUE(Open()->Close().ok());
    ASSERT_EQ(Ids(), Numbers(10, first + 10));
  }
}

TEST_P(MemTableRecovery, APowerLossAtAnyStepLosesNothingThatWasAccepted) {
  CreateTable();
  std::vector<int32_t> accepted, tried;
  for (int64_t step = 1; step < 80; ++step) {
    SCOPED_TRACE("operation " + std::to_string(step));
    {
      auto opened = TryOpen(Config());
      ASSERT_TRUE(opened.ok()) << opened.status();
      Fault fault;
      fault.kind = FaultKind::kPowerLoss;
      fault.nth = step;
      fault.unsynced_kept = 0.5;
      fault.seed = static_cast<uint64_t>(step);
      store_->Add(fault);
      for (int32_t batch = 0; batch < 4; ++batch) {
        const auto id = static_cast<int32_t>(10 * step + batch);
        tried.push_back(id);
        if (TryInsert(**opened, id, 1).ok()) accepted.push_back(id);
        if (batch == 2) (void)(*opened)->Flush();
      }
    }
    store_->Heal();
    Reconnect();
    auto writer = Open();
    EXPECT_TRUE(writer->Close().ok());
    const auto found = Ids();
    EXPECT_THAT(accepted, IsSubsetOf(found));
    EXPECT_THAT(found, IsSubsetOf(tried));  // as multisets: none twice
    accepted = tried = found;
  }
}

TEST_P(MemTableRecovery, AfterAFailedSyncNothingIsAcceptedUntilTheLogIsOpenedAnew) {
  CreateTable();
  auto writer = Open();
  Insert(*writer, 0, 2);
  Fault fault;
  fault.op = StoreOp::kSync;
  fault.path_contains = ".wal";
  store_->Add(fault);
  EXPECT_FALSE(TryInsert(*writer, 2, 2).ok());
  EXPECT_GT(store_->faults_fired(), 0);
  EXPECT_EQ(writer->buffered_rows(), 2);
  EXPECT_FALSE(TryInsert(*writer, 4, 2).ok());
  // What was accepted before can be committed still.
  EXPECT_TRUE(writer->Flush().ok());
  EXPECT_EQ(Ids(), Numbers(0, 2));
  writer.reset();
  writer = Open();
  Insert(*writer, 6, 1);
  EXPECT_TRUE(writer->Close().ok());
  EXPECT_THAT((std::vector<int32_t>{0, 1, 6}), IsSubsetOf(Ids()));
  EXPECT_THAT(Ids(), IsSubsetOf({0, 1, 2, 3, 6}));
}

TEST_P(MemTableRecovery, AWriterWhoseLogWasTakenOverStopsBeforeItDoublesRows) {
  CreateTable();
  auto writer = Open();
  Insert(*writer, 0, 2);
  EXPECT_TRUE(writer->Flush().ok());
  Insert(*writer, 2, 2);
  // Another process has the log, and committed under a later epoch.
  const auto state = catalog_->LoadTable(kTable).ValueOrDie();
  std::string key;
  for (const auto& [name, value] : state.metadata->properties)
    if (name.starts_with("tarn.wal.")) key = name;
  ASSERT_FALSE(key.empty());
  ASSERT_TRUE(
      catalog_->CommitTable(state, {}, {{iceberg::update::SetProperties{{{key, "99:2"}}}}}).ok());
  const auto flushed = writer->Flush();
  EXPECT_TRUE(IsKind(flushed.status(), ErrorKind::kValidationFailed)) << flushed.status();
  EXPECT_THAT(flushed.status().message(), HasSubstr("took over"));
  EXPECT_FALSE(TryInsert(*writer, 4, 1).ok());
  EXPECT_EQ(Ids(), Numbers(0, 2));
}

TEST_P(MemTableRecovery, ALogThatAnotherWriterHadUntilJustNowIsReadFromWhereThatOneLeftIt) {
  CreateTable();
  {
    auto writer = Open();
    Insert(*writer, 0, 2);
    EXPECT_TRUE(writer->Flush().ok());
    Insert(*writer, 2, 2);
  }
  // Between the look at the table and the opening of the log another writer takes the log up,
  // flushes it, and goes.
  const auto interposed = std::make_shared<LateCatalog>(catalog_);
  interposed->after_load = [&](int load) {
    if (load == 2) {
      EXPECT_TRUE(Open()->Close().ok());
    }
  };
  auto writer = MemTableWriter::Open(interposed, store_, Policy(), kTable, Config()).ValueOrDie();
  EXPECT_GE(interposed->loads, 3);
  EXPECT_EQ(writer->buffered_rows(), 0);
  Insert(*writer, 4, 1);
  EXPECT_TRUE(writer->Flush().ok());
  EXPECT_EQ(Ids(), Numbers(0, 5));
}

TEST_P(MemTableRecovery, APositionThatCannotBeReadIsAnErrorNotAGuess) {
  CreateTable();
  auto writer = Open();
  Insert(*writer, 0, 2);
  EXPECT_TRUE(writer->Flush().ok());
  writer.reset();
  const auto state = catalog_->LoadTable(kTable).ValueOrDie();
  std::map<std::string, std::string> broken;
  for (const auto& [name, value] : state.metadata->properties)
    if (name.starts_with("tarn.wal.")) broken[name] = "1:2x";
  ASSERT_EQ(broken.size(), 1u);
  ASSERT_TRUE(catalog_->CommitTable(state, {}, {{iceberg::update::SetProperties{broken}}}).ok());
  const auto opened = TryOpen(Config());
  EXPECT_TRUE(IsKind(opened.status(), ErrorKind::kCorrupt)) << opened.status();
}

TEST_P(MemTableRecovery, TwoFirstWritersMayGiveTheTableTheSameColumns) {
  CreateTable();
  const auto interposed = std::make_shared<InterposedCatalog>(catalog_);
  auto writer = MemTableWriter::Open(interposed, store_, Policy(), kTable, Config()).ValueOrDie();
  Insert(*writer, 0, 2);
  WithoutQueue();
  interposed->BeforeSwap([&] {
    auto other = Open();
    Insert(*other, 2, 2);
    EXPECT_TRUE(other->Flush().ok());
  });
  EXPECT_TRUE(writer->Flush().ok()) << writer->last_flush_error();
  EXPECT_EQ(Ids(), Numbers(0, 4));
}

TEST_P(MemTableRecovery, RowsOfTheFirstBatchAreMadeToFitTheColumnsThatAnotherWriterGave) {
  CreateTable();
  const auto interposed = std::make_shared<InterposedCatalog>(catalog_);
  auto writer = MemTableWriter::Open(interposed, store_, Policy(), kTable, Config()).ValueOrDie();
  Insert(*writer, 0, 2);
  WithoutQueue();
  interposed->BeforeSwap([&] {
    auto other = TableWriter::Make(catalog_, kTable, {.index = std::nullopt}).ValueOrDie();
    const auto rows = NumberedRows(2, 2);
    const auto wider = arrow::RecordBatch::Make(
        arrow::schema({arrow::field("more", arrow::utf8()), arrow::field("text", arrow::utf8()),
                       arrow::field("id", arrow::int32())}),
        2, {rows->column(1), rows->column(1), rows->column(0)});
    const auto vectors = NumberedVectors(2, 2);
    ASSERT_TRUE(
        other->WriteBatch(*wider, EmbeddingsView::FromSpan(vectors, kDim).ValueOrDie()).ok());
    ASSERT_TRUE(other->Commit().ok());
  });
  EXPECT_TRUE(writer->Flush().ok()) << writer->last_flush_error();
  EXPECT_EQ(Ids(), Numbers(0, 4));
}

TEST_P(MemTableRecovery, ADroppedColumnDoesNotHoldUpRowsThatHaveIt) {
  CreateTable();
  auto writer = Open();
  Insert(*writer, 0, 2);
  EXPECT_TRUE(writer->Flush().ok());
  Insert(*writer, 2, 2);
  writer.reset();
  ASSERT_TRUE(AlterTable(*catalog_, kTable, {DropColumn{"text"}}).ok());
  writer = Open();
  EXPECT_EQ(writer->buffered_rows(), 2);
  EXPECT_TRUE(writer->Flush().ok()) << writer->last_flush_error();
  EXPECT_EQ(View()->rows(), 4);
}

TEST_P(MemTableRecovery, ADroppedTableIsAnErrorAndANewOneOfItsNameStartsEmpty) {
  CreateTable();
  auto writer = Open();
  Insert(*writer, 0, 2);
  ASSERT_TRUE(catalog_->DropTable(kTable).ok());
  EXPECT_FALSE(writer->Flush().ok());
  // One of the same name is another table.
  CreateTable();
  EXPECT_FALSE(writer->Flush().ok());
  EXPECT_THAT(Ids(), IsEmpty());
  ASSERT_TRUE(catalog_->DropTable(kTable).ok());
  writer.reset();
  CreateTable();
  EXPECT_EQ(Open()->buffered_rows(), 0);
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_P(MemTableRecovery, RowsOfVeryDifferentSizeAreNotLostToRounding) {
  auto policy = Policy();
  policy.precision = VectorPrecision::kI8;
  policy.metric = VectorMetric::kCosine;
  policy.keep_raw_for_reranking = true;
  ASSERT_TRUE(catalog_->CreateTable(kTable, TableProperties(policy)).ok());
  auto writer = MemTableWriter::Open(catalog_, store_, policy, kTable, Config()).ValueOrDie();
  // In steps of the large one the small one would be zero, which cosine does not allow.
  const std::vector<float> small = {1e-3f, 0, 0, 0}, large = {1e3f, 0, 0, 0};
  ASSERT_TRUE(
      writer->Insert(*NumberedRows(0, 1), EmbeddingsView::FromSpan(small, kDim).ValueOrDie()).ok());
  ASSERT_TRUE(
      writer->Insert(*NumberedRows(1, 1), EmbeddingsView::FromSpan(large, kDim).ValueOrDie()).ok());
  EXPECT_TRUE(writer->Flush().ok()) << writer->last_flush_error();
  EXPECT_EQ(View()->rows(), 2);
  EXPECT_EQ(View()->files().size(), 2u);
  EXPECT_EQ(Snapshots(), 1u);
}

TEST_P(MemTableRecovery, ARollbackOfTheTableDoesNotBringFlushedRowsBack) {
  CreateTable();
  auto writer = Open();
  Insert(*writer, 0, 2);
  const SnapshotId first = writer->Flush().ValueOrDie();
  Insert(*writer, 2, 2);
  EXPECT_TRUE(writer->Flush().ok());
  writer.reset();
  ASSERT_TRUE(RollbackTo(*catalog_, kTable, first).ok());
  writer = Open();
  EXPECT_EQ(writer->buffered_rows(), 0);
  Insert(*writer, 4, 1);
  EXPECT_TRUE(writer->Flush().ok());
  EXPECT_EQ(Ids(), (std::vector<int32_t>{0, 1, 4}));
}

}  // namespace
}  // namespace tarn
