// SPDX-License-Identifier: Apache-2.0
//
// Logs that are read while they are written.
#include <atomic>
#include <thread>

#include "store/tests/store_fixture.h"
#include "table/tests/wal_fixture.h"

namespace tarn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class LogFollowers : public Logs {
 protected:
  std::unique_ptr<LogReader> Follow(uint64_t after = 0) {
    return LogReader::Open(folder_, kLog, after).ValueOrDie();
  }
  static Result<std::vector<uint64_t>> Polled(LogReader& reader) {
    std::vector<uint64_t> found;
    ARROW_RETURN_NOT_OK(reader.Poll([&](const LogRecord& record) {
      ExpectIs(record, record.sequence);
      found.push_back(record.sequence);
      return Status::OK();
    }));
    return found;
  }
};

TEST_F(LogFollowers, SeeNothingOfALogThatIsNotThere) {
  const auto reader = Follow();
  EXPECT_THAT(Polled(*reader).ValueOrDie(), IsEmpty());
  const auto log = Open().ValueOrDie();
  AppendAll(*log, 1, 2);
  EXPECT_EQ(Polled(*reader).ValueOrDie(), Range(1, 2));
}

TEST_F(LogFollowers, SeeExactlyWhatIsAcknowledged) {
  const auto log = Open().ValueOrDie();
  const auto reader = Follow();
  uint64_t n = 0;
  for (int round = 0; round < 40; ++round) {
    const uint64_t seen = log->acknowledged();
    ASSERT_EQ(log->Enqueue(RecordOf(n + 1)).ValueOrDie(), n + 1);
    EXPECT_EQ(reader->position(), seen);
    EXPECT_THAT(Polled(*reader).ValueOrDie(), IsEmpty()) << "enqueued is not acknowledged";
    ASSERT_TRUE(log->WaitAcknowledged(++n).ok());
    EXPECT_THAT(Polled(*reader).ValueOrDie(), ElementsAre(n));
  }
}

TEST_F(LogFollowers, DoNotSeeWhatIsWrittenButNotYetDurable) {
  const auto faults = FaultStore::Make(MemoryStore::Make());
  folder_ = faults->OpenLogFolder("l").ValueOrDie();
  const auto log = Open().ValueOrDie();
  AppendAll(*log, 1, 3);
  faults->Add({.kind = FaultKind::kFail, .op = StoreOp::kSync});
  EXPECT_FALSE(Append(*log, 4).ok());
  const auto reader = Follow();
  EXPECT_EQ(Polled(*reader).ValueOrDie(), Range(1, 3));
  EXPECT_EQ(DescribeLog(*folder_, kLog)->scan.last, 4u) << "it is there";
}

TEST_F(LogFollowers, GoOnInTheNextEpoch) {
  const auto reader = Follow();
  uint64_t n = 0;
  for (int epoch = 1; epoch <= 5; ++epoch) {
    const SyncPolicy policy = epoch % 2 == 0 ? SyncPolicy::kNone : SyncPolicy::kEveryInsert;
    const auto log = Open(0, Small(policy)).ValueOrDie();
    AppendAll(*log, n + 1, n + 9);
    const bool later = epoch % 3 == 0;
    EXPECT_EQ(later ? 9u : Polled(*reader).ValueOrDie().size(), 9u);
    n += 9;
    EXPECT_EQ(later ? Polled(*reader).ValueOrDie() : Range(n - 8, n), Range(n - 8, n));
  }
  EXPECT_EQ(reader->position(), 45u);
}

TEST_F(LogFollowers, SeeWhatAnOpeningFoundBeforeAnythingIsWritten) {
  {
    const auto log = Open().ValueOrDie();
    AppendAll(*log, 1, 3);
  }
  ASSERT_TRUE(folder_->Delete(kWatermarkName).ok());
  const auto reader = Follow();
  EXPECT_THAT(Polled(*reader).ValueOrDie(), IsEmpty());
  const auto log = Open().ValueOrDie();
  EXPECT_EQ(Polled(*reader).ValueOrDie(), Range(1, 3));
}

TEST_F(LogFollowers, BeginAnywhere) {
  const auto log = Open().ValueOrDie();
  AppendAll(*log, 1, 60);
  for (const uint64_t after : {0, 1, 17, 59, 60, 70}) {
    EXPECT_EQ(Polled(*Follow(after)).ValueOrDie(), Range(after + 1, 60)) << after;
  }
}

TEST_F(LogFollowers, SeeTheRecordAgainThatTheyCouldNotTake) {
  const auto log = Open().ValueOrDie();
  AppendAll(*log, 1, 10);
  const auto reader = Follow();
  const auto stopped = reader->Poll([](const LogRecord& record) {
    return record.sequence == 4 ? Error(ErrorKind::kCancelled, "not now") : Status::OK();
  });
  EXPECT_TRUE(IsKind(stopped, ErrorKind::kCancelled));
  EXPECT_EQ(reader->position(), 3u);
  EXPECT_EQ(Polled(*reader).ValueOrDie(), Range(4, 10));
}

TEST_F(LogFollowers, AreToldWhenTheTableHasMovedOn) {
  LogOptions options = Small();
  options.grace = std::chrono::milliseconds(0);
  const auto log = Open(0, options).ValueOrDie();
  const auto reader = Follow();
  AppendAll(*log, 1, 5);
  EXPECT_EQ(Polled(*reader).ValueOrDie(), Range(1, 5));
  AppendAll(*log, 6, 100);
  ASSERT_TRUE(log->Release(100).ok());
  const auto fresh = Follow();
  const auto gone = Polled(*fresh).status();
  EXPECT_TRUE(IsKind(gone, ErrorKind::kNotFound)) << gone;
  EXPECT_THAT(gone.message(), HasSubstr("the table holds"));
  AppendAll(*log, 101, 103);
  EXPECT_EQ(Polled(*Follow(100)).ValueOrDie(), Range(101, 103));
}

TEST_F(LogFollowers, AreToldOfASequenceThatWasNeverInTheLog) {
  { AppendAll(*Open().ValueOrDie(), 1, 5); }
  const auto log = Open(20).ValueOrDie();
  AppendAll(*log, 21, 22);
  const auto gap = Polled(*Follow(5)).status();
  EXPECT_TRUE(IsKind(gap, ErrorKind::kNotFound)) << gap;
  EXPECT_EQ(Polled(*Follow(20)).ValueOrDie(), Range(21, 22));
}

TEST_F(LogFollowers, SayWhichAcknowledgedRecordIsDamaged) {
  const auto log = Open().ValueOrDie();
  AppendAll(*log, 1, 3);
  const auto file = folder_->OpenToWrite(Segments().front()).ValueOrDie();
  const std::byte bad[] = {std::byte{0xff}, std::byte{0xee}};
  ASSERT_TRUE(file->Write(kSegmentHeaderBytes + 16, bad).ok());
  const auto damaged = Polled(*Follow()).status();
  EXPECT_TRUE(IsKind(damaged, ErrorKind::kCorrupt)) << damaged;
  EXPECT_THAT(damaged.message(), HasSubstr("at byte 4096: record 1"));
}

/// Writers, a follower and a releaser of one log on a real disk.
TEST_F(LogFollowers, SeeEveryRecordOnceWhileManyWrite) {
  const TempFolder temp;
  folder_ = OpenLocalLogFolder(temp.path() + "/log").ValueOrDie();
  constexpr uint64_t kThreads = 6, kRecords = 150;
  for (const SyncPolicy policy :
       {SyncPolicy::kEveryInsert, SyncPolicy::kInterval, SyncPolicy::kNone}) {
    folder_ = OpenLocalLogFolder(temp.path() + "/log" + std::to_string(static_cast<int>(policy)))
                  .ValueOrDie();
    LogOptions options = Small(policy);
    options.segment_bytes = 20'000;
    const auto log = Open(0, options).ValueOrDie();
    std::mutex order;  // makes a record that of its sequence
    uint64_t next = 1;
    std::atomic<bool> failed = false;
    std::vector<std::thread> threads;
    for (uint64_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (uint64_t i = 0; i < kRecords; ++i) {
          uint64_t sequence = 0;
          {
            const std::lock_guard guard(order);
            sequence = log->Enqueue(RecordOf(next)).ValueOr(0);
            failed = failed || sequence != next;
            ++next;
          }
          failed = failed || !log->WaitAcknowledged(sequence).ok();
          failed = failed || log->acknowledged() < sequence;
          if (policy == SyncPolicy::kEveryInsert) failed = failed || log->durable() < sequence;
          if (i % 50 == 49) failed = failed || !log->Sync().ok();
        }
      });
    }
    const auto reader = Follow();
    std::vector<uint64_t> seen;
    while (reader->position() < kThreads * kRecords && !failed) {
      const auto found = Polled(*reader);
      ASSERT_TRUE(found.ok()) << found.status();
      seen.insert(seen.end(), found->begin(), found->end());
      // It may see a record an instant before the record's writer is told.
      if (policy == SyncPolicy::kEveryInsert) {
        EXPECT_LE(reader->position(), log->durable());
      }
      const auto live = DescribeLog(*folder_, kLog);
      ASSERT_TRUE(live.ok()) << live.status();
      EXPECT_TRUE(live->scan.damage.ok()) << live->scan.damage;
    }
    for (auto& thread : threads) thread.join();
    EXPECT_FALSE(failed);
    EXPECT_EQ(seen, Range(1, kThreads * kRecords));
    ASSERT_TRUE(log->Close().ok());
    EXPECT_EQ(log->durable(), kThreads * kRecords);
    EXPECT_EQ(Replayed(*Open(0, options).ValueOrDie(), 0).ValueOrDie(),
              Range(1, kThreads * kRecords));
  }
}

TEST_F(LogFollowers, AndReleasesDoNotDisturbEachOther) {
  LogOptions options = Small();
  options.grace = std::chrono::milliseconds(0);
  const auto log = Open(0, options).ValueOrDie();
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (uint64_t n = 1; n <= 2000; ++n) {
      if (!Append(*log, n).ok()) break;
      if (n % 20 == 0) (void)log->Release(n - 10);
    }
    done = true;
  });
  auto reader = Follow();
  int moved = 0;
  while (!done || reader->position() < 2000) {
    const auto found = Polled(*reader);
    if (found.ok()) continue;
    // The table has moved on, and so does the follower.
    ASSERT_TRUE(IsKind(found.status(), ErrorKind::kNotFound)) << found.status();
    ++moved;
    reader = Follow(log->acknowledged() / 10 * 10);
  }
  writer.join();
  EXPECT_EQ(log->acknowledged(), 2000u);
  RecordProperty("moved", moved);
}

}  // namespace
}  // namespace tarn
