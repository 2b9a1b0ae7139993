// SPDX-License-Identifier: Apache-2.0
//
// Disks that fail, and power that goes, at every single operation of a log's life.
#include <atomic>
#include <thread>

#include "table/tests/wal_fixture.h"

namespace tarn {
namespace {

using testing::HasSubstr;

class FaultyLog : public Logs {
 protected:
  void NewDisk() {
    disk_ = MemoryStore::Make();
    faults_ = FaultStore::Make(disk_);
    folder_ = faults_->OpenLogFolder("l").ValueOrDie();
  }
  /// What another process finds when the disk is well again.
  Result<Log> Reopen() {
    ARROW_ASSIGN_OR_RAISE(folder_, disk_->OpenLogFolder("l"));
    return Open(0, Small());
  }

  std::shared_ptr<MemoryStore> disk_;
  std::shared_ptr<FaultStore> faults_;
};

TEST_F(FaultyLog, AcknowledgesNothingMoreAfterAFailedWriteOrSync) {
  for (const StoreOp op : {StoreOp::kSync, StoreOp::kWrite}) {
    for (const FaultKind kind : {FaultKind::kFail, FaultKind::kTear, FaultKind::kLoseReply}) {
      NewDisk();
      auto log = Open().ValueOrDie();
      AppendAll(*log, 1, 3);
      faults_->Add({.kind = kind, .op = op});
      const auto failed = Append(*log, 4);
      EXPECT_TRUE(IsKind(failed, ErrorKind::kIo)) << failed;
      EXPECT_THAT(failed.message(), HasSubstr("opened again"));
      for (int tries = 0; tries < 3; ++tries) {
        EXPECT_TRUE(IsKind(log->WaitAcknowledged(4), ErrorKind::kIo));
        EXPECT_TRUE(IsKind(log->Enqueue(RecordOf(5)).status(), ErrorKind::kIo));
        EXPECT_TRUE(IsKind(log->Sync(), ErrorKind::kIo));
      }
      EXPECT_TRUE(log->WaitAcknowledged(3).ok()) << "what was promised stays so";
      EXPECT_EQ(log->acknowledged(), 3u);
      EXPECT_TRUE(IsKind(log->Close(), ErrorKind::kIo));
      log.reset();
      log = Reopen().ValueOrDie();
      const auto found = Replayed(*log, 0).ValueOrDie();
      EXPECT_TRUE(found == Range(1, 3) || found == Range(1, 4)) << found.size();
      AppendAll(*log, found.size() + 1, 20);
    }
  }
}

TEST_F(FaultyLog, DoesNotTrustWhatTheSystemShowsAfterAFailedSync) {
  NewDisk();
  auto log = Open().ValueOrDie();
  AppendAll(*log, 1, 3);
  faults_->Add({.kind = FaultKind::kFail, .op = StoreOp::kSync});
  EXPECT_FALSE(Append(*log, 4).ok());
  log.reset();
  // Record 4 is there, but not on the disk, and no sync will tell.
  log = Open().ValueOrDie();
  EXPECT_EQ(Replayed(*log, 0).ValueOrDie(), Range(1, 4));
  AppendAll(*log, 5, 6);
  faults_->Add({.kind = FaultKind::kPowerLoss});
  EXPECT_FALSE(Append(*log, 7).ok());
  log.reset();
  EXPECT_EQ(Replayed(*Reopen().ValueOrDie(), 0).ValueOrDie(), Range(1, 6));
}

TEST_F(FaultyLog, ThatSyncsAtIntervalsFailsAllThatComesAfterAFailedSync) {
  NewDisk();
  auto log = Open(0, Small(SyncPolicy::kInterval)).ValueOrDie();
  AppendAll(*log, 1, 3);
  faults_->Add({.kind = FaultKind::kFail, .op = StoreOp::kSync, .repeat = true});
  uint64_t n = 4;
  for (;;) {
    const auto sequence = log->Enqueue(RecordOf(n));
    if (!sequence.ok() || !log->WaitAcknowledged(*sequence).ok()) break;
    ++n;
  }
  const uint64_t durable = log->durable();
  EXPECT_LT(durable, n);
  EXPECT_TRUE(IsKind(log->Enqueue(RecordOf(n)).status(), ErrorKind::kIo));
  faults_->Heal();
  EXPECT_TRUE(IsKind(log->Sync(), ErrorKind::kIo));
  EXPECT_TRUE(IsKind(log->Close(), ErrorKind::kIo));
  EXPECT_EQ(log->durable(), durable);
  log.reset();
  EXPECT_GE(Replayed(*Reopen().ValueOrDie(), 0)->size(), durable);
}

/// Holds up whoever sleeps until it is opened.
class Gate : public Clock {
 public:
  std::chrono::system_clock::time_point Now() const override { return {}; }
  void SleepFor(std::chrono::milliseconds) const override {
    waits = true;
    waits.notify_all();
    open.wait(false);
  }
  mutable std::atomic<bool> waits = false;
  std::atomic<bool> open = false;
};

TEST_F(FaultyLog, AcknowledgesNoWriteThatWasUnderWayWhenASyncFailed) {
  Gate gate;
  faults_ = FaultStore::Make(MemoryStore::Make(), gate);
  folder_ = faults_->OpenLogFolder("l").ValueOrDie();
  const auto log = Open(0, Small(SyncPolicy::kNone)).ValueOrDie();
  AppendAll(*log, 1, 1);
  faults_->Add(
      {.kind = FaultKind::kDelay, .op = StoreOp::kWrite, .delay = std::chrono::milliseconds(1)});
  faults_->Add({.kind = FaultKind::kFail, .op = StoreOp::kSync});
  Status appended;
  std::thread writer([&] { appended = Append(*log, 2); });
  gate.waits.wait(false);
  EXPECT_TRUE(IsKind(log->Sync(), ErrorKind::kIo));
  gate.open = true;
  gate.open.notify_all();
  writer.join();
  EXPECT_TRUE(IsKind(appended, ErrorKind::kIo)) << appended;
  EXPECT_EQ(log->acknowledged(), 1u);
  EXPECT_EQ(log->durable(), 0u);
}

TEST_F(FaultyLog, WakesEverybodyWhoWaitsForAFailedSync) {
  NewDisk();
  const auto log = Open().ValueOrDie();
  faults_->Add({.kind = FaultKind::kFail, .op = StoreOp::kSync, .nth = 5});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (;;) {
        const auto sequence = log->Enqueue(RecordOf(1));
        if (!sequence.ok() || !log->WaitAcknowledged(*sequence).ok()) return;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(faults_->faults_fired(), 1);
}

/// A life: two openings, many records, a release in between. Returns what was acknowledged.
struct Life {
  uint64_t acknowledged = 0, durable = 0, enqueued = 0, covered = 0;
  bool ended_well = false;
};

Life Live(const std::shared_ptr<LogFolder>& folder, SyncPolicy policy) {
  Life life;
  const auto run = [&]() -> Status {
    for (int opening = 0; opening < 2; ++opening) {
      LogOptions options;
      options.sync = policy;
      options.sync_interval = std::chrono::hours(1);
      // Once so small that the first record takes the place of a segment.
      options.segment_bytes = kSegmentHeaderBytes + (opening == 0 ? 900 : 30);
      options.grace = std::chrono::milliseconds(0);
      ARROW_ASSIGN_OR_RAISE(auto log, WriteAheadLog::Open(folder, kLog, life.covered, options));
      EXPECT_GE(log->acknowledged(), life.durable);
      life.durable = life.acknowledged = life.enqueued = log->acknowledged();
      const auto step = [&](uint64_t records) -> Status {
        for (uint64_t i = 0; i < records; ++i) {
          ARROW_ASSIGN_OR_RAISE(life.enqueued, log->Enqueue(RecordOf(life.enqueued + 1)));
        }
        const Status waited = log->WaitAcknowledged(life.enqueued);
        life.acknowledged = log->acknowledged();
        life.durable = log->durable();
        return waited;
      };
      for (int i = 0; i < 4; ++i) ARROW_RETURN_NOT_OK(step(1));
      ARROW_RETURN_NOT_OK(step(7));
      const Status synced = log->Sync();
      life.durable = log->durable();
      ARROW_RETURN_NOT_OK(synced);
      ARROW_RETURN_NOT_OK(step(2));
      life.covered = log->durable() - 3;
      ARROW_RETURN_NOT_OK(log->Release(life.covered));
      ARROW_RETURN_NOT_OK(step(2));
      const Status closed = log->Close();
      life.durable = log->durable();
      ARROW_RETURN_NOT_OK(closed);
    }
    return Status::OK();
  };
  life.ended_well = run().ok();
  return life;
}

class FaultAtEveryStep : public FaultyLog, public ::testing::WithParamInterface<SyncPolicy> {
 protected:
  /// After a life that ended somewhere: everything durable is there, nothing that was not enqueued;
  /// and all that is there is there to stay, though the power goes once more.
  void CheckAfter(const Life& life) {
    uint64_t found_last = 0;
    for (int times = 0; times < 2; ++times) {
      NewFolderOnDisk();
      auto opened = WriteAheadLog::Open(folder_, kLog, life.covered, Small());
      ASSERT_TRUE(opened.ok()) << opened.status();
      auto& log = **opened;
      EXPECT_GE(log.acknowledged(), life.durable);
      if (times == 0) {
        EXPECT_LE(log.acknowledged(), std::max(life.enqueued + 7, life.covered));
        found_last = log.acknowledged();
      }
      EXPECT_EQ(log.acknowledged(), found_last);
      const auto found = Replayed(log, life.covered);
      ASSERT_TRUE(found.ok()) << found.status();
      EXPECT_EQ(*found, Range(life.covered + 1, found_last));
      AppendAll(log, found_last + 1, found_last + 3);
      found_last += 3;
      faults_->Add({.kind = FaultKind::kPowerLoss, .seed = 99});
      EXPECT_FALSE(folder_->List().ok());
    }
  }
  void NewFolderOnDisk() {
    faults_ = FaultStore::Make(disk_);
    folder_ = faults_->OpenLogFolder("l").ValueOrDie();
  }
};

INSTANTIATE_TEST_SUITE_P(Policies, FaultAtEveryStep,
                         ::testing::Values(SyncPolicy::kEveryInsert, SyncPolicy::kInterval,
                                           SyncPolicy::kNone));

TEST_P(FaultAtEveryStep, APowerLossTakesNothingThatWasDurable) {
  for (int64_t nth = 1;; ++nth) {
    bool fired = true;
    for (uint64_t seed = 0; seed < 6; ++seed) {
      SCOPED_TRACE(std::to_string(nth) + " seed " + std::to_string(seed));
      NewDisk();
      const double kept = seed == 0 ? 0.0 : seed == 1 ? 1.0 : 0.5;
      faults_->Add(
          {.kind = FaultKind::kPowerLoss, .nth = nth, .unsynced_kept = kept, .seed = seed});
      const Life life = Live(folder_, GetParam());
      fired = faults_->faults_fired() > 0;
      CheckAfter(life);
      if (HasFatalFailure()) return;
      EXPECT_TRUE(fired || life.ended_well);
    }
    if (fired) continue;
    EXPECT_GT(nth, 100);
    return;
  }
}

TEST_P(FaultAtEveryStep, AFailureTakesNothingThatWasAcknowledged) {
  for (const FaultKind kind :
       {FaultKind::kFail, FaultKind::kTear, FaultKind::kLoseReply, FaultKind::kTearCrash}) {
    for (int64_t nth = 1;; ++nth) {
      SCOPED_TRACE(std::to_string(static_cast<int>(kind)) + " at " + std::to_string(nth));
      NewDisk();
      faults_->Add({.kind = kind, .nth = nth, .torn_fraction = 0.7});
      Life life = Live(folder_, GetParam());
      const bool fired = faults_->faults_fired() > 0;
      life.durable = life.acknowledged;  // the system goes on, and so does what it holds
      CheckAfter(life);
      if (HasFatalFailure()) return;
      if (!fired) break;
    }
  }
}

}  // namespace
}  // namespace tarn
