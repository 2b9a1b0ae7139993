// SPDX-License-Identifier: Apache-2.0
//
// MemTableWriter: what its calls promise while nothing goes wrong.
#include <thread>

#include "gmock/gmock.h"
#include "table/tests/mem_table_fixture.h"
#include "tarn/alter_table.h"
#include "tarn/table_writer.h"

namespace tarn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

INSTANTIATE_TEST_SUITE_P(Worlds, MemTables,
                         testing::Values(World::kMemory, World::kFolder, World::kSql), WorldName);

TEST_P(MemTables, RowsBelowTheLimitsWaitUntilTheyAreFlushed) {
  CreateTable();
  auto writer = Open();
  for (int32_t batch = 0; batch < 3; ++batch) {
    const auto result = Insert(*writer, 5 * batch, 5);
    EXPECT_FALSE(result.snapshot.has_value());
    EXPECT_FALSE(result.duplicate);
    EXPECT_EQ(result.sequence, static_cast<uint64_t>(batch + 1));
  }
  EXPECT_EQ(writer->buffered_rows(), 15);
  EXPECT_EQ(writer->buffered_bytes(), 15 * kDim * 2);
  EXPECT_THAT(Ids(), IsEmpty());
  EXPECT_TRUE(writer->Flush().ValueOrDie() > 0);
  EXPECT_EQ(writer->buffered_rows(), 0);
  EXPECT_EQ(writer->buffered_bytes(), 0);
  EXPECT_EQ(Ids(), Numbers(0, 15));
  EXPECT_EQ(View()->files().size(), 1u);
}

TEST_P(MemTables, TheInsertThatReachesTheRowLimitFlushesAllAndReturnsTheSnapshot) {
  CreateTable();
  auto config = Config();
  config.flush_max_rows = 8;
  auto writer = Open(config);
  EXPECT_FALSE(Insert(*writer, 0, 5).snapshot);
  EXPECT_FALSE(writer->is_full());
  const auto result = Insert(*writer, 5, 5);
  ASSERT_TRUE(result.snapshot);
  EXPECT_EQ(writer->buffered_rows(), 0);
  EXPECT_EQ(View()->snapshot(), *result.snapshot);
  EXPECT_EQ(Ids(), Numbers(0, 10));
}

TEST_P(MemTables, ALimitIsReachedWhenItIsMetExactly) {
  CreateTable();
  auto config = Config();
  config.flush_size_bytes = 10 * kDim * 2;
  auto writer = Open(config);
  EXPECT_FALSE(Insert(*writer, 0, 9).snapshot);
  EXPECT_TRUE(Insert(*writer, 9, 1).snapshot);
}

TEST_P(MemTables, WhatHasWaitedForTheIntervalIsDue) {
  CreateTable();
  auto config = Config();
  config.flush_interval = std::chrono::milliseconds(1);
  auto writer = Open(config);
  clock_.Advance(std::chrono::milliseconds(10));
  EXPECT_FALSE(writer->FlushIfDue().ValueOrDie());
  EXPECT_FALSE(Insert(*writer, 0, 3).snapshot);
  EXPECT_FALSE(writer->FlushIfDue().ValueOrDie());
  clock_.Advance(std::chrono::milliseconds(5));
  const auto flushed = writer->FlushIfDue().ValueOrDie();
  ASSERT_TRUE(flushed);
  EXPECT_EQ(*flushed, View()->snapshot());
  EXPECT_EQ(Ids(), Numbers(0, 3));
}

TEST_P(MemTables, FlushingNothingMakesNoSnapshot) {
  CreateTable();
  auto writer = Open();
  EXPECT_EQ(writer->Flush().ValueOrDie(), SnapshotId(0));
  Insert(*writer, 0, 2);
  EXPECT_TRUE(writer->Flush().ValueOrDie() > 0);
  EXPECT_EQ(writer->Flush().ValueOrDie(), SnapshotId(0));
  EXPECT_EQ(Snapshots(), 1u);
}

TEST_P(MemTables, OpeningCreatesAMissingTable) {
  auto writer = Open();
  Insert(*writer, 0, 2);
  EXPECT_TRUE(writer->Flush().ok());
  EXPECT_EQ(Ids(), Numbers(0, 2));
}

TEST_P(MemTables, ATableWithAnotherVectorColumnIsRefused) {
  CreateTable();
  auto policy = Policy();
  policy.dim = 5;
  const auto opened = MemTableWriter::Open(catalog_, store_, policy, kTable, Config());
  EXPECT_TRUE(IsKind(opened.status(), ErrorKind::kBadInput)) << opened.status();
}

TEST_P(MemTables, ABatchThatDoesNotFitIsRefusedBeforeAnythingIsBuffered) {
  CreateTable();
  auto writer = Open();
  Insert(*writer, 0, 2);
  auto vectors = NumberedVectors(2, 3);
  const auto refused = [&](const arrow::RecordBatch& rows, std::span<const float> values) {
    const auto result = writer->Insert(rows, EmbeddingsView::FromSpan(values, kDim).ValueOrDie());
    EXPECT_TRUE(IsKind(result.status(), ErrorKind::kBadInput)) << result.status();
    return result.status().message();
  };
  EXPECT_THAT(refused(*NumberedRows(2, 2), vectors), HasSubstr("3 embeddings for 2 rows"));
  vectors[6] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(refused(*NumberedRows(2, 3), vectors), HasSubstr("row 1"));
  const auto other =
      arrow::RecordBatch::Make(arrow::schema({arrow::field("nonsense", arrow::int32())}), 3,
                               {NumberedRows(0, 3)->column(0)});
  EXPECT_THAT(refused(*other, NumberedVectors(2, 3)), HasSubstr("nonsense"));
  EXPECT_EQ(writer->buffered_rows(), 2);
  EXPECT_TRUE(writer->Flush().ok());
  EXPECT_EQ(Ids(), Numbers(0, 2));
}

TEST_P(MemTables, RowsWithBadVectorsAreDroppedWhereTheWriterSaysSo) {
  CreateTable();
  auto config = Config();
  config.on_bad_vectors = OnBadVectors::kDrop;
  auto writer = Open(config);
  auto vectors = NumberedVectors(0, 3);
  vectors[4] = std::numeric_limits<float>::infinity();
  ASSERT_TRUE(
      writer->Insert(*NumberedRows(0, 3), EmbeddingsView::FromSpan(vectors, kDim).ValueOrDie())
          .ok());
  EXPECT_EQ(writer->buffered_rows(), 2);
  EXPECT_TRUE(writer->Flush().ok());
  EXPECT_THAT(Ids(), ElementsAre(0, 2));
}

TEST_P(MemTables, ABatchWithAnIdIsStoredOnceWhereverItIsByThen) {
  CreateTable();
  auto writer = Open();
  EXPECT_FALSE(Insert(*writer, 0, 2, "a").duplicate);
  EXPECT_TRUE(Insert(*writer, 0, 2, "a").duplicate);  // in the buffer
  EXPECT_TRUE(writer->Flush().ok());
  EXPECT_TRUE(Insert(*writer, 0, 2, "a").duplicate);  // in the table
  writer.reset();
  writer = Open();
  EXPECT_TRUE(Insert(*writer, 0, 2, "a").duplicate);  // in the table, known from it alone
  EXPECT_FALSE(Insert(*writer, 2, 2, "b").duplicate);
  writer.reset();
  writer = Open();
  EXPECT_TRUE(Insert(*writer, 2, 2, "b").duplicate);  // in the log
  EXPECT_EQ(Insert(*writer, 2, 2, "b").sequence, 0u);
  EXPECT_TRUE(writer->Flush().ok());
  EXPECT_EQ(Ids(), Numbers(0, 4));
  EXPECT_EQ(writer->metrics().duplicates, 2u);
}

TEST_P(MemTables, ABatchThatAnotherWriterCommitsMeanwhileIsLeftOutOfTheFlush) {
  CreateTable();
  auto writer = Open();
  Insert(*writer, 0, 2, "a");
  Insert(*writer, 2, 2, "b");
  Insert(*writer, 4, 2);
  auto other = TableWriter::Make(catalog_, kTable, {.index = std::nullopt}).ValueOrDie();
  const auto vectors = NumberedVectors(2, 2);
  ASSERT_TRUE(other
                  ->WriteBatchIdempotent(*NumberedRows(2, 2),
                                         EmbeddingsView::FromSpan(vectors, kDim).ValueOrDie(), "b")
                  .ValueOrDie());
  ASSERT_TRUE(other->Commit().ok());
  EXPECT_TRUE(writer->Flush().ok());
  EXPECT_EQ(Ids(), Numbers(0, 6));
}

TEST_P(MemTables, AFlushOfKnownBatchesAloneMovesTheLogOn) {
  CreateTable();
  auto writer = Open();
  Insert(*writer, 0, 2, "a");
  auto other = TableWriter::Make(catalog_, kTable, {.index = std::nullopt}).ValueOrDie();
  const auto vectors = NumberedVectors(0, 2);
  ASSERT_TRUE(other
                  ->WriteBatchIdempotent(*NumberedRows(0, 2),
                                         EmbeddingsView::FromSpan(vectors, kDim).ValueOrDie(), "a")
                  .ValueOrDie());
  const SnapshotId theirs = other->Commit().ValueOrDie();
  EXPECT_EQ(writer->Flush().ValueOrDie(), theirs);
  EXPECT_EQ(writer->buffered_rows(), 0);
  writer.reset();
  writer = Open();
  EXPECT_EQ(writer->buffered_rows(), 0);
  EXPECT_EQ(Ids(), Numbers(0, 2));
}

TEST_P(MemTables, RealMemoryIsALimitToo) {
  CreateTable();
  auto config = Config();
  config.max_memory_bytes = 16 << 10;
  auto writer = Open(config);
  int32_t next = 0;
  bool flushed = false;
  while (!flushed && next < 1000) {
    flushed = Insert(*writer, next, 10).snapshot.has_value();
    next += 10;
    EXPECT_LE(writer->metrics().memory_bytes, config.max_memory_bytes);
  }
  EXPECT_TRUE(flushed);
  EXPECT_LT(next, 1000);
  EXPECT_EQ(Ids(), Numbers(0, next));
}

TEST_P(MemTables, ATableWithoutVectorsTakesPlainRows) {
  ASSERT_TRUE(catalog_->CreateTable(kTable, TableProperties()).ok());
  auto writer = MemTableWriter::Open(catalog_, store_, kTable, Config()).ValueOrDie();
  ASSERT_TRUE(writer->Insert(*NumberedRows(0, 3)).ok());
  ASSERT_TRUE(writer->Insert(*NumberedRows(3, 3), "id").ok());
  EXPECT_EQ(writer->buffered_rows(), 6);
  EXPECT_EQ(writer->buffered_bytes(), 0);
  const auto vectors = NumberedVectors(0, 3);
  EXPECT_TRUE(IsKind(
      writer->Insert(*NumberedRows(0, 3), EmbeddingsView::FromSpan(vectors, kDim).ValueOrDie())
          .status(),
      ErrorKind::kBadInput));
  EXPECT_TRUE(writer->Flush().ok());
  EXPECT_EQ(View()->rows(), 6);
}

TEST_P(MemTables, SeveralVectorColumnsAreTakenBesideTheBatchOrInIt) {
  auto second = Policy();
  second.column_name = "second";
  second.dim = 2;
  TableProperties properties(Policy());
  properties.vectors.push_back(second);
  ASSERT_TRUE(catalog_->CreateTable(kTable, properties).ok());
  auto writer = MemTableWriter::Open(catalog_, store_, kTable, Config()).ValueOrDie();
  const auto vectors = NumberedVectors(0, 2), others = NumberedVectors(0, 2, 2);
  const std::vector<VectorColumn> columns = {
      {Policy(), EmbeddingsView::FromSpan(vectors, kDim).ValueOrDie()},
      {second, EmbeddingsView::FromSpan(others, 2).ValueOrDie()}};
  ASSERT_TRUE(writer->InsertMulti(*NumberedRows(0, 2), columns).ok());
  EXPECT_EQ(writer->buffered_bytes(), 2 * (kDim + 2) * 2);
  // The second is optional.
  Insert(*writer, 2, 2);
  EXPECT_TRUE(writer->Flush().ok());
  EXPECT_EQ(Ids(), Numbers(0, 4));
  const auto rows = View()->ReadFile(0, {"second"}).ValueOrDie();
  EXPECT_EQ(rows->column(0)->null_count(), 2);
}

TEST_P(MemTables, ColumnsMayChangeWhileRowsWait) {
  CreateTable();
  auto writer = Open();
  Insert(*writer, 0, 2);
  EXPECT_TRUE(writer->Flush().ok());
  Insert(*writer, 2, 2);
  ASSERT_TRUE(AlterTable(*catalog_, kTable,
                         {AddColumn{"extra", arrow::int64()}, RenameColumn{"text", "words"}})
                  .ok());
  // Batches under the names that the writer knows go on; one under the new ones fits at once.
  Insert(*writer, 4, 1);
  const auto vectors = NumberedVectors(5, 2);
  const auto rows = NumberedRows(5, 2);
  const auto renamed = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("id", arrow::int32()), arrow::field("words", arrow::utf8()),
                     arrow::field("extra", arrow::int64())}),
      2,
      {rows->column(0), rows->column(1),
       arrow::MakeArrayFromScalar(arrow::Int64Scalar(7), 2).ValueOrDie()});
  ASSERT_TRUE(writer->Insert(*renamed, EmbeddingsView::FromSpan(vectors, kDim).ValueOrDie()).ok());
  EXPECT_TRUE(IsKind(TryInsert(*writer, 7, 1).status(), ErrorKind::kBadInput));
  EXPECT_TRUE(writer->Flush().ok());
  const auto view = View();
  ASSERT_EQ(view->files().size(), 2u);
  int64_t sevens = 0, rows_seen = 0;
  for (size_t file = 0; file < 2; ++file) {
    const auto read = view->ReadFile(file, {"words", "extra"}).ValueOrDie();
    EXPECT_EQ(read->column(0)->null_count(), 0);
    sevens += read->num_rows() - read->column(1)->null_count();
    rows_seen += read->num_rows();
  }
  EXPECT_EQ(rows_seen, 7);
  EXPECT_EQ(sevens, 2);
}

TEST_P(MemTables, ManyThreadsInsertEachRowOnce) {
  CreateTable();
  auto config = Config();
  config.flush_max_rows = 50;
  config.max_memory_bytes = 40 << 10;
  auto writer = Open(config);
  constexpr int kThreads = 4, kBatches = 30, kRows = 5;
  std::vector<std::thread> threads;
  std::atomic<int> flushed{0};
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int batch = 0; batch < kBatches; ++batch) {
        const int first = (thread * kBatches + batch) * kRows;
        const auto id = "b" + std::to_string(first);
        flushed += Insert(*writer, first, kRows, id).snapshot.has_value();
        // Sent again, at once or by somebody else.
        EXPECT_TRUE(Insert(*writer, first, kRows, id).duplicate);
      }
    });
  }
  std::thread asking([&] {
    for (int i = 0; i < 200; ++i) {
      EXPECT_LE(writer->metrics().memory_bytes, config.max_memory_bytes);
      EXPECT_TRUE(writer->FlushIfDue().ok());
    }
  });
  for (auto& thread : threads) thread.join();
  asking.join();
  EXPECT_GT(flushed, 0);
  EXPECT_TRUE(writer->Close().ok());
  EXPECT_EQ(Ids(), Numbers(0, kThreads * kBatches * kRows));
}

TEST_P(MemTables, TheBackgroundThreadFlushesWhatNobodyElseDoes) {
  CreateTable();
  auto config = Config();
  config.flush_interval = std::chrono::milliseconds(5);
  config.flush_in_background = true;
  config.clock = nullptr;
  auto writer = Open(config);
  Insert(*writer, 0, 3);
  for (int i = 0; i < 30'000 && writer->buffered_rows() > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(Ids(), Numbers(0, 3));
}

TEST_P(MemTables, ClosingFlushesAndEndsTheWriter) {
  CreateTable();
  auto writer = Open();
  Insert(*writer, 0, 3);
  EXPECT_TRUE(writer->Close().ok());
  EXPECT_EQ(Ids(), Numbers(0, 3));
  EXPECT_TRUE(writer->Close().ok());
  EXPECT_TRUE(IsKind(TryInsert(*writer, 3, 1).status(), ErrorKind::kBadInput));
  EXPECT_TRUE(IsKind(writer->Flush().status(), ErrorKind::kBadInput));
  EXPECT_TRUE(IsKind(writer->FlushIfDue().status(), ErrorKind::kBadInput));
}

TEST_P(MemTables, WritersOfOneTableHaveLogsOfTheirOwn) {
  CreateTable();
  auto first = Open(), second = Open();
  Insert(*first, 0, 2);
  Insert(*second, 2, 2);
  EXPECT_TRUE(first->Flush().ok());
  EXPECT_EQ(Ids(), Numbers(0, 2));
  EXPECT_EQ(second->buffered_rows(), 2);
  EXPECT_TRUE(second->Flush().ok());
  EXPECT_EQ(Ids(), Numbers(0, 4));
}

TEST_P(MemTables, MetricsSayWhatHappened) {
  CreateTable();
  auto writer = Open();
  Insert(*writer, 0, 3);
  Insert(*writer, 3, 4);
  clock_.Advance(std::chrono::milliseconds(250));
  auto metrics = writer->metrics();
  EXPECT_EQ(metrics.inserted_batches, 2u);
  EXPECT_EQ(metrics.inserted_rows, 7u);
  EXPECT_EQ(metrics.buffered_rows, 7);
  EXPECT_GT(metrics.memory_bytes, 7 * kDim * 4);
  EXPECT_EQ(metrics.freshness_us, 250'000);
  EXPECT_EQ(metrics.flushes, 0u);
  const SnapshotId snapshot = writer->Flush().ValueOrDie();
  metrics = writer->metrics();
  EXPECT_EQ(metrics.flushes, 1u);
  EXPECT_EQ(metrics.flushed_rows, 7u);
  EXPECT_EQ(metrics.freshness_us, 0);
  EXPECT_EQ(metrics.last_snapshot, snapshot);
  EXPECT_EQ(metrics.memory_bytes, 0);
}

}  // namespace
}  // namespace tarn
