// SPDX-License-Identifier: Apache-2.0
//
// Writers that are faster than the background builds wait for them, and never for ever. Builds are
// held by a gate in the store: no test measures time, delays only give a fault time to show.
#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "catalog/tests/interposed_catalog.h"
#include "gmock/gmock.h"
#include "iceberg/table_metadata.h"
#include "table/indexing/index_pool.h"
#include "table/tests/deferred_index_fixture.h"
#include "tarn/alter_table.h"

namespace tarn {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using ::testing::ElementsAre;

/// A clock on which time stands still: whoever sleeps on it goes on once the gate is open.
class Gate : public Clock {
 public:
  std::chrono::system_clock::time_point Now() const override { return {}; }
  void SleepFor(milliseconds) const override { Pass(); }

  void Pass() const {
    std::unique_lock lock(mutex_);
    if (!open_ && free_ > 0) {
      --free_;
      return;
    }
    if (!open_) ++reached_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  /// Behind so many who still pass.
  void Close(int passing = 0) {
    const std::lock_guard lock(mutex_);
    open_ = false;
    free_ = passing;
    reached_ = 0;
  }
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  /// Returns once somebody stands before it.
  void WaitUntilReached() const {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return reached_ > 0; });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable int free_ = 0;
  mutable int reached_ = 0;
  bool open_ = true;
};

/// Its tables are loaded before and handed out after a gate.
class GatedCatalog : public InterposedCatalog {
 public:
  GatedCatalog(std::shared_ptr<CatalogProvider> catalog, const Gate& before, const Gate& after)
      : InterposedCatalog(std::move(catalog)), before_(before), after_(after) {}
  Result<TableState> LoadTable(const TableIdent& ident) override {
    before_.Pass();
    auto state = InterposedCatalog::LoadTable(ident);
    after_.Pass();
    return state;
  }

 private:
  const Gate& before_;
  const Gate& after_;
};

class BackPressure : public DeferredIndexes {
 protected:
  static constexpr int64_t kRows = 600;
  static constexpr int64_t kBytes = kRows * kDim * 4;  ///< of the vectors of one file

  BackPressure() {
    store_ = FaultStore::Make(MemoryStore::Make(), gate_);
    catalog_ = HadoopCatalog::Make(store_, "warehouse").ValueOrDie();
    // Writers do not read data files, builds do.
    store_->Add({.kind = FaultKind::kDelay,
                 .op = StoreOp::kRead,
                 .path_contains = "db/t/data/",
                 .repeat = true,
                 .delay = milliseconds(1)});
    Create(kTable);
    gated_ = std::make_shared<GatedCatalog>(catalog_, before_load_, after_load_);
  }
  ~BackPressure() override { EndBuilds(); }
  void EndBuilds() {
    for (Gate* gate : {&gate_, &before_load_, &after_load_}) gate->Open();
    StopIndexBuilds();
    if (pool_) pool_->Stop();
  }

  /// One of the test's own, for files that no writer submits.
  IndexPool& NewPool(milliseconds first_pause = milliseconds(500)) {
    pool_ = std::make_unique<IndexPool>(first_pause);
    return *pool_;
  }

  void Create(const TableIdent& table, std::map<std::string, std::string> properties = {}) {
    ASSERT_TRUE(
        catalog_->CreateTable(table, TableProperties(PolicyOf(kDim), std::move(properties))).ok());
  }
  std::unique_ptr<TableWriter> Writer(TableWriterOptions options) {
    return Writer(kTable, std::move(options));
  }
  std::unique_ptr<TableWriter> Writer(const TableIdent& table, TableWriterOptions options) {
    options.index = IndexType::kFlat;
    options.threads = 1;
    return TableWriter::Make(catalog_, table, options).ValueOrDie();
  }
  static void StageAndCommit(TableWriter& writer, uint32_t seed) {
    Stage(writer, kRows, seed);
    const auto committed = writer.Commit();
    ASSERT_TRUE(committed.ok()) << committed.status();
  }
  /// Commits files that nobody has submitted, and returns them as they would be.
  std::vector<OwnBacklog::File> CommitFiles(int count, int64_t rows = kRows) {
    std::set<std::string> before;
    const auto old = View();
    for (const auto& file : old->files()) before.insert(file.path);
    auto writer = Writer({.index_in_background = false});
    for (int i = 0; i < count; ++i) Stage(*writer, rows, static_cast<uint32_t>(i));
    EXPECT_TRUE(writer->Commit().ok());
    std::vector<OwnBacklog::File> files;
    const auto view = View();
    for (const auto& file : view->files()) {
      if (before.count(file.path) > 0) continue;
      files.push_back({store_->UriOf(file.path), file.rows * kDim * 4});
    }
    EXPECT_EQ(files.size(), static_cast<size_t>(count));
    return files;
  }
  TableState State() { return catalog_->LoadTable(kTable).ValueOrDie(); }
  std::string Uuid() { return State().metadata->table_uuid; }
  int64_t ReadyRows(const TableIdent& table) {
    return DescribeIndexes(*catalog_, table)->rows(IndexState::kReady);
  }

  /// Whether the call returns, at some time, without anything that happens after it. If not, it is
  /// set free by the end of the builds.
  bool Returns(std::function<void()> call) {
    auto done = std::async(std::launch::async, std::move(call));
    const bool returned = done.wait_for(minutes(2)) == std::future_status::ready;
    if (!returned) EndBuilds();
    done.get();
    return returned;
  }
  /// Builds may read from now on, but only so many of them write their file before the gate opens.
  void HoldBuilds(int passing = 0) {
    store_->Heal();
    store_->Add({.kind = FaultKind::kDelay,
                 .op = StoreOp::kWrite,
                 .path_contains = "db/t/data/",
                 .repeat = true,
                 .delay = milliseconds(1)});
    gate_.Close(passing);
  }
  /// Opens the gate after a while in which a call that does not wait would have returned.
  std::thread OpenLater() {
    return std::thread([this] {
      std::this_thread::sleep_for(milliseconds(100));
      gate_.Open();
    });
  }

  Gate gate_;  ///< of reads of data files, and of what HoldBuilds says
  Gate before_load_, after_load_;
  std::shared_ptr<CatalogProvider> gated_;
  std::unique_ptr<IndexPool> pool_;
};

TEST_F(BackPressure, AWriterOverTheLimitGoesOnWhenTheBuildIsDone) {
  auto writer = Writer({.max_pending_bytes = 1});
  gate_.Close();
  StageAndCommit(*writer, 1);
  EXPECT_EQ(writer->waited_for_indexes().count(), 0) << "nothing waited yet";
  std::thread opening = OpenLater();
  Stage(*writer, kRows, 2);
  EXPECT_EQ(DataFiles(), 3u) << "the first file, the same with its index, and only then the second";
  EXPECT_GT(writer->waited_for_indexes().count(), 0);
  opening.join();
  ASSERT_TRUE(writer->Commit().ok());
  ASSERT_TRUE(writer->WaitForIndexes().ok());
  EXPECT_EQ(ReadyRows(kTable), 2 * kRows);
}

TEST_F(BackPressure, AWriterWaitsOnlyAboveTheLimit) {
  auto writer = Writer({.max_pending_bytes = 2 * kBytes});
  gate_.Close();
  for (uint32_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(Returns([&] { StageAndCommit(*writer, i); })) << i;
  }
  EXPECT_EQ(writer->waited_for_indexes().count(), 0);
  EXPECT_EQ(DataFiles(), 3u);
  std::thread opening = OpenLater();
  Stage(*writer, kRows, 9);
  EXPECT_GE(DataFiles(), 5u) << "one index at least came before the fourth file";
  EXPECT_GT(writer->waited_for_indexes().count(), 0);
  opening.join();
}

TEST_F(BackPressure, EveryDeferredWriteWaits) {
  const auto rows = MakeRows(kRows);
  const auto vectors = RandomVectors(kRows, kDim, 0, 7);
  const auto lists = [&] {
    auto writer = NewWriter();
    Stage(*writer, kRows, 1);
    EXPECT_TRUE(writer->Commit().ok());
    const auto view = View();
    return (*view->OpenFile(0))->ReadAll({}).ValueOrDie();
  }();
  const auto whole = lists->CombineChunksToBatch().ValueOrDie();
  const std::vector<VectorColumn> columns{{PolicyOf(kDim), vectors}};
  const std::vector<std::pair<const char*, std::function<Status(TableWriter&)>>> writes{
      {"WriteBatchDeferred", [&](auto& w) { return w.WriteBatchDeferred(*rows, vectors); }},
      {"WriteBatchDeferred of lists", [&](auto& w) { return w.WriteBatchDeferred(*whole); }},
      {"WriteBatchIvfPqDeferred",
       [&](auto& w) { return w.WriteBatchIvfPqDeferred(*rows, vectors); }},
      {"WriteBatch", [&](auto& w) { return w.WriteBatch(*rows, vectors); }},
      {"WriteBatch of lists", [&](auto& w) { return w.WriteBatch(*whole); }},
      {"WriteBatchMulti", [&](auto& w) { return w.WriteBatchMulti(*rows, columns); }},
      {"WriteBatchIvfPq", [&](auto& w) { return w.WriteBatchIvfPq(*rows, vectors); }},
      {"WriteBatchAuto", [&](auto& w) { return w.WriteBatchAuto(*rows, vectors); }},
      {"WriteBatchIdempotent",
       [&](auto& w) { return w.WriteBatchIdempotent(*rows, vectors, "b").status(); }},
      {"WriteStream",
       [&](auto& w) { return w.WriteStream(**arrow::RecordBatchReader::Make({whole})).status(); }}};
  for (const auto& [name, write] : writes) {
    SCOPED_TRACE(name);
    gate_.Open();
    ASSERT_TRUE(WaitForIndexes(catalog_, kTable).ok());
    auto writer = Writer({.deferred = true, .max_pending_bytes = 1});
    gate_.Close();
    StageAndCommit(*writer, 2);
    const size_t before = DataFiles();
    std::thread opening = OpenLater();
    const Status written = write(*writer);
    EXPECT_TRUE(written.ok()) << written;
    EXPECT_EQ(DataFiles(), before + 2) << "the index of the last file, then this one";
    EXPECT_GT(writer->waited_for_indexes().count(), 0);
    opening.join();
  }
}

TEST_F(BackPressure, AWriteWithItsIndexNeverWaits) {
  gate_.Close();
  auto deferred = Writer({.max_pending_bytes = 1});
  StageAndCommit(*deferred, 1);
  const auto rows = MakeRows(kRows);
  const auto vectors = RandomVectors(kRows, kDim, 0, 7);
  EXPECT_TRUE(Returns([&] { EXPECT_TRUE(deferred->WriteBatch(*rows, vectors).ok()); }));
  EXPECT_EQ(DataFiles(), 2u);
}

TEST_F(BackPressure, AWriterWithoutALimitOrWithoutBackgroundBuildsNeverWaits) {
  gate_.Close();
  auto limited = Writer({.max_pending_bytes = 1});
  StageAndCommit(*limited, 1);
  for (const TableWriterOptions& options :
       {TableWriterOptions{.max_pending_bytes = 0},
        TableWriterOptions{.index_in_background = false, .max_pending_bytes = 1}}) {
    auto writer = Writer(options);
    EXPECT_TRUE(Returns([&] {
      for (uint32_t i = 0; i < 3; ++i) StageAndCommit(*writer, i);
    }));
    EXPECT_EQ(writer->waited_for_indexes().count(), 0);
  }
  EXPECT_EQ(DataFiles(), 7u);
}

TEST_F(BackPressure, AWriterGoesOnWhenTheBuildsAreStopped) {
  auto writer = Writer({.max_pending_bytes = 1});
  gate_.Close();
  StageAndCommit(*writer, 1);
  gate_.WaitUntilReached();
  std::thread stopping([] { StopIndexBuilds(); });
  // The build, and so the stopping, stands before the gate.
  EXPECT_TRUE(Returns([&] { Stage(*writer, kRows, 2); }));
  EXPECT_EQ(DataFiles(), 2u) << "no index was built";
  gate_.Open();
  stopping.join();
  EXPECT_TRUE(Returns([&] { StageAndCommit(*writer, 3); })) << "what was stopped is forgotten";
  EXPECT_EQ(View()->rows(), 3 * kRows);
  ASSERT_TRUE(writer->WaitForIndexes().ok());
  EXPECT_EQ(ReadyRows(kTable), 3 * kRows);
}

TEST_F(BackPressure, ThoseWhoWaitGoOnWhenThePoolIsStopped) {
  IndexPool& pool = NewPool();
  const auto files = CommitFiles(1);
  gate_.Close();
  pool.Submit(catalog_, State(), files);
  std::vector<std::future<std::chrono::nanoseconds>> waits;
  for (int i = 0; i < 3; ++i) {
    waits.push_back(std::async(std::launch::async, [&] { return pool.WaitForRoom(Uuid(), 0); }));
  }
  std::this_thread::sleep_for(milliseconds(50));
  std::thread stopping([&] { pool.Stop(); });
  for (auto& wait : waits) EXPECT_EQ(wait.wait_for(minutes(2)), std::future_status::ready);
  gate_.Open();
  stopping.join();
  EXPECT_EQ(DataFiles(), 1u);
}

TEST_F(BackPressure, NobodyWaitsForFilesThatCannotBeIndexed) {
  IndexPool& pool = NewPool();
  const auto files = CommitFiles(2);
  store_->Add(
      {.kind = FaultKind::kFail, .op = StoreOp::kWrite, .path_contains = "/data/", .repeat = true});
  pool.Submit(catalog_, State(), files);
  EXPECT_TRUE(Returns([&] { pool.WaitForRoom(Uuid(), 0); }));
  EXPECT_EQ(DataFiles(), 2u);
}

TEST_F(BackPressure, NobodyWaitsForFilesThatNeedNoIndex) {
  IndexPool& pool = NewPool();
  pool.Submit(catalog_, State(), CommitFiles(1, /*rows=*/100));
  EXPECT_TRUE(Returns([&] { pool.WaitForRoom(Uuid(), 0); })) << "too small";
  pool.Submit(catalog_, State(), {{"memory:///warehouse/db/t/data/gone.parquet", kBytes}});
  EXPECT_TRUE(Returns([&] { pool.WaitForRoom(Uuid(), 0); })) << "not in the table";
  EXPECT_EQ(DataFiles(), 1u);
}

TEST_F(BackPressure, NobodyWaitsForBuildsThatFailAgainAndAgain) {
  IndexPool& pool = NewPool(/*first_pause=*/milliseconds(1));
  const auto files = CommitFiles(2);
  const TableState state = State();
  const std::string uuid = state.metadata->table_uuid;
  store_->Add({.kind = FaultKind::kFail,
               .op = StoreOp::kRead,
               .path_contains = "metadata",
               .repeat = true});
  pool.Submit(catalog_, state, files);
  ASSERT_TRUE(Returns([&] { pool.WaitForRoom(uuid, 0); }));
  // Resting, or at its next attempt: nobody waits before one has gone well.
  pool.Submit(catalog_, state, {{"another", kBytes}});
  EXPECT_EQ(pool.WaitForRoom(uuid, 0).count(), 0);

  store_->Heal();
  HoldBuilds(/*passing=*/1);
  pool.Submit(catalog_, state);
  gate_.WaitUntilReached();
  std::thread opening = OpenLater();
  EXPECT_GT(pool.WaitForRoom(uuid, 0).count(), 0) << "the first has gone well";
  opening.join();
  ASSERT_TRUE(pool.Wait(catalog_, kTable, minutes(5)).ok());
  EXPECT_EQ(ReadyRows(kTable), 2 * kRows);
}

TEST_F(BackPressure, NobodyWaitsForATableThatIsGone) {
  IndexPool& pool = NewPool(/*first_pause=*/hours(1));
  const auto files = CommitFiles(1);
  const TableState state = State();
  ASSERT_TRUE(catalog_->DropTable(kTable).ok());
  pool.Submit(catalog_, state, files);
  EXPECT_TRUE(Returns([&] { pool.WaitForRoom(state.metadata->table_uuid, 0); }));
}

TEST_F(BackPressure, AWriterGoesOnWhenItsTableIsDroppedWhileItWaits) {
  auto writer = Writer({.max_pending_bytes = 1});
  gate_.Close();
  StageAndCommit(*writer, 1);
  gate_.WaitUntilReached();
  auto write = std::async(std::launch::async, [&] { Stage(*writer, kRows, 2); });
  ASSERT_TRUE(catalog_->DropTable(kTable).ok());
  gate_.Open();
  EXPECT_TRUE(Returns([&] { write.get(); }));
  EXPECT_TRUE(IsKind(writer->Commit().status(), ErrorKind::kNotFound));
}

TEST_F(BackPressure, NobodyWaitsForFilesThatAnotherProcessHasIndexed) {
  IndexPool& pool = NewPool();
  const auto files = CommitFiles(2);
  before_load_.Close();
  pool.Submit(gated_, State(), files);
  before_load_.WaitUntilReached();
  EXPECT_EQ(Build().files, 2);
  before_load_.Open();
  EXPECT_TRUE(Returns([&] { pool.WaitForRoom(Uuid(), 0); }));
  EXPECT_EQ(DataFiles(), 4u) << "the pool had nothing to build";
}

TEST_F(BackPressure, FilesThatAnotherProcessHasIndexedCountNoMoreWhileTheNextIsBuilt) {
  IndexPool& pool = NewPool();
  const auto files = CommitFiles(2);
  before_load_.Close();
  pool.Submit(gated_, State(), files);
  before_load_.WaitUntilReached();
  EXPECT_EQ(Build({.progress = [](const auto& now) { return now.built_files == 0; }}).files, 1);
  HoldBuilds();
  before_load_.Open();
  EXPECT_TRUE(Returns([&] { pool.WaitForRoom(Uuid(), kBytes); }));
  EXPECT_EQ(DataFiles(), 3u) << "the build of the second stands before the gate";
}

TEST_F(BackPressure, AFileCountsNoMoreAsSoonAsItIsBuilt) {
  IndexPool& pool = NewPool();
  const auto files = CommitFiles(1);
  before_load_.Close(/*passing=*/1);
  pool.Submit(gated_, State(), files);
  before_load_.WaitUntilReached();
  EXPECT_TRUE(Returns([&] { pool.WaitForRoom(Uuid(), 0); })) << "without another look";
  EXPECT_EQ(DataFiles(), 2u);
  EXPECT_EQ(Snapshots(), 1u);
}

TEST_F(BackPressure, AWriterWaitsForItsOwnTableAlone) {
  const TableIdent other{{"db"}, "other"};
  Create(other);
  auto waiting = Writer({.max_pending_bytes = 1});
  gate_.Close();
  StageAndCommit(*waiting, 1);
  gate_.WaitUntilReached();
  auto write = std::async(std::launch::async, [&] { Stage(*waiting, kRows, 2); });
  auto free = Writer(other, {.max_pending_bytes = kBytes});
  EXPECT_TRUE(Returns([&] {
    StageAndCommit(*free, 3);
    StageAndCommit(*free, 4);
  }));
  EXPECT_EQ(free->waited_for_indexes().count(), 0);
  EXPECT_EQ(DataFiles(), 1u) << "the other writer still waits";
  gate_.Open();
  write.get();
  EXPECT_GE(DataFiles(), 3u);
}

TEST_F(BackPressure, ABuildDoesNotWaitForTheCommitOfAnother) {
  const TableIdent slow{{"db"}, "slow"};
  Create(slow, {{"tarn.index.commit-interval-ms", "3600000"}});
  auto writer = Writer(slow, {.max_pending_bytes = 1});
  EXPECT_TRUE(Returns([&] {
    for (uint32_t i = 0; i < 6; ++i) StageAndCommit(*writer, i);
    Stage(*writer, kRows, 9);
  }));
  // Waiting for room brings no commit forward: there is none but the first.
  int replaces = 0;
  const auto snapshots = DescribeTable(*catalog_, slow)->snapshots;
  for (const auto& snapshot : snapshots) replaces += snapshot.operation == "replace";
  EXPECT_LE(replaces, 1);
  EXPECT_EQ(store_->List("warehouse/db/slow/data")->size(), 13u) << "six files twice and one";
  ASSERT_TRUE(writer->Commit().ok());
  ASSERT_TRUE(WaitForIndexes(catalog_, slow, minutes(5)).ok());
  EXPECT_EQ(ReadyRows(slow), 7 * kRows);
}

TEST_F(BackPressure, AFileThatComesDuringTheLastLookDoesNotWaitForTheCommit) {
  ASSERT_TRUE(
      SetTableProperties(*catalog_, kTable, {{"tarn.index.commit-interval-ms", "3600000"}}, {})
          .ok());
  IndexPool& pool = NewPool();
  pool.Submit(gated_, State(), CommitFiles(1));
  ASSERT_TRUE(pool.Wait(gated_, kTable, minutes(5)).ok());
  const auto second = CommitFiles(1);
  // The look that finds the file passes, the one that finds nothing more is held.
  after_load_.Close(/*passing=*/1);
  pool.Submit(gated_, State(), second);
  after_load_.WaitUntilReached();
  pool.Submit(gated_, State(), CommitFiles(1));
  after_load_.Open();
  EXPECT_TRUE(Returns([&] { pool.WaitForRoom(Uuid(), 0); }));
  EXPECT_EQ(DataFiles(), 6u);
  EXPECT_EQ(ReadyRows(kTable), kRows) << "one is committed";
}

TEST_F(BackPressure, WhatAWriterWaitsForIsBuiltBeforeWhatOthersHaveLeft) {
  CommitFiles(2);
  const auto own = CommitFiles(1, /*rows=*/700);
  TableIndexer indexer(catalog_, kTable, {.threads = 1});
  ASSERT_TRUE(*indexer.FindNext({own[0].location}));
  ASSERT_TRUE(indexer.BuildFound().ok());
  EXPECT_FALSE(indexer.Uncommitted().at(own[0].location));
  ASSERT_TRUE(*indexer.FindNext({own[0].location})) << "then the others";
  ASSERT_TRUE(indexer.Commit().ok());
  EXPECT_THAT(Indexes(),
              ElementsAre(std::pair(600, std::nullopt), std::pair(700, IndexType::kFlat)));
}

TEST_F(BackPressure, ManyWritersOfTwoTablesGetThrough) {
  const TableIdent tables[] = {{{"db"}, "one"}, {{"db"}, "two"}};
  for (const auto& table : tables) Create(table);
  constexpr int kThreads = 3, kBatches = 4;
  std::atomic<int> failures{0};
  std::atomic<bool> done{false};
  const auto write = [&](const TableIdent& table) {
    auto writer = Writer(table, {.max_pending_bytes = kBytes});
    for (uint32_t i = 0; i < kBatches; ++i) {
      failures +=
          !writer->WriteBatchDeferred(*MakeRows(kRows), RandomVectors(kRows, kDim, 0, i)).ok();
      failures += !writer->Commit().ok();
    }
  };
  for (const bool stops : {false, true}) {
    done = false;
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      for (const auto& table : tables) threads.emplace_back([&] { write(table); });
    }
    std::thread stopping([&] {
      while (stops && !done) StopIndexBuilds();
    });
    for (auto& thread : threads) thread.join();
    done = true;
    stopping.join();
  }
  EXPECT_EQ(failures, 0);
  for (const auto& table : tables) {
    ASSERT_TRUE(WaitForIndexes(catalog_, table).ok());
    EXPECT_EQ(ReadyRows(table), 2 * kThreads * kBatches * kRows);
  }
}

}  // namespace
}  // namespace tarn
