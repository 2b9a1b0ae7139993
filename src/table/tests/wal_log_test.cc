// SPDX-License-Identifier: Apache-2.0
//
// A log that is written, closed, opened and released.
#include "table/tests/wal_fixture.h"

namespace tarn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const SyncPolicy kPolicies[] = {SyncPolicy::kEveryInsert, SyncPolicy::kInterval, SyncPolicy::kNone};

TEST_F(Logs, KeepRecordsUnderEveryPolicy) {
  for (const SyncPolicy policy : kPolicies) {
    folder_ = MemoryStore::Make()->OpenLogFolder("l").ValueOrDie();
    {
      const auto log = Open(0, Small(policy)).ValueOrDie();
      EXPECT_EQ(log->epoch(), 1u);
      EXPECT_EQ(log->acknowledged(), 0u);
      AppendAll(*log, 1, 100);
      EXPECT_EQ(log->acknowledged(), 100u);
      EXPECT_EQ(Replayed(*log, 0).ValueOrDie(), Range(1, 100));
      ASSERT_TRUE(log->Sync().ok());
      EXPECT_EQ(log->durable(), 100u);
      ASSERT_TRUE(log->Close().ok());
    }
    EXPECT_GT(Segments().size(), 5u);
    const auto log = Open(0, Small(policy)).ValueOrDie();
    EXPECT_EQ(log->epoch(), 2u);
    EXPECT_EQ(log->acknowledged(), 100u);
    EXPECT_EQ(Replayed(*log, 0).ValueOrDie(), Range(1, 100));
    EXPECT_EQ(Replayed(*log, 60).ValueOrDie(), Range(61, 100));
    AppendAll(*log, 101, 120);
    EXPECT_EQ(Replayed(*log, 99).ValueOrDie(), Range(100, 120));
  }
}

TEST_F(Logs, WithoutASyncAcknowledgeWhatIsNotDurable) {
  const auto log = Open(0, Small(SyncPolicy::kNone)).ValueOrDie();
  AppendAll(*log, 1, 3);
  EXPECT_EQ(log->acknowledged(), 3u);
  EXPECT_EQ(log->durable(), 0u);
  ASSERT_TRUE(log->Sync().ok());
  EXPECT_EQ(log->durable(), 3u);
}

TEST_F(Logs, ThatSyncAtIntervalsBecomeDurableByThemselves) {
  const auto log = Open(0, Small(SyncPolicy::kInterval)).ValueOrDie();
  AppendAll(*log, 1, 50);
  while (log->durable() < 50) std::this_thread::yield();
  SUCCEED();
}

TEST_F(Logs, CountOnFromWhatTheTableHolds) {
  {
    const auto log = Open(7).ValueOrDie();
    EXPECT_EQ(log->acknowledged(), 7u);
    AppendAll(*log, 8, 9);
  }
  {
    // The table is ahead of the log: its last commit came from another.
    const auto log = Open(20).ValueOrDie();
    EXPECT_EQ(log->acknowledged(), 20u);
    EXPECT_THAT(Replayed(*log, 20).ValueOrDie(), IsEmpty());
    AppendAll(*log, 21, 22);
  }
  const auto log = Open(20).ValueOrDie();
  EXPECT_EQ(Replayed(*log, 20).ValueOrDie(), Range(21, 22));
  EXPECT_FALSE(Replayed(*log, 8).ok()) << "10 to 20 were never in this log";
}

TEST_F(Logs, OfRecordsThatWereNeverWaitedForKeepThemOnClose) {
  {
    const auto log = Open().ValueOrDie();
    ASSERT_EQ(log->Enqueue(RecordOf(1)).ValueOrDie(), 1u);
    ASSERT_EQ(log->Enqueue(RecordOf(2)).ValueOrDie(), 2u);
    EXPECT_EQ(log->acknowledged(), 0u);
    ASSERT_TRUE(log->Close().ok());
    EXPECT_TRUE(IsKind(log->Enqueue(RecordOf(3)).status(), ErrorKind::kBadInput));
    ASSERT_TRUE(log->Close().ok());
  }
  EXPECT_EQ(Replayed(*Open().ValueOrDie(), 0).ValueOrDie(), Range(1, 2));
}

TEST_F(Logs, TakeOneSyncForAllThatWaits) {
  const auto faults = FaultStore::Make(MemoryStore::Make());
  folder_ = faults->OpenLogFolder("l").ValueOrDie();
  LogOptions large = Small();
  large.segment_bytes = 1 << 20;
  const auto log = Open(0, large).ValueOrDie();
  for (uint64_t n = 1; n <= 50; ++n) ASSERT_TRUE(log->Enqueue(RecordOf(n)).ok());
  const int64_t before = faults->operations();
  ASSERT_TRUE(log->WaitAcknowledged(50).ok());
  // The records, the sync, a look at the owner, the watermark.
  EXPECT_EQ(faults->operations() - before, 4);
  ASSERT_TRUE(log->WaitAcknowledged(20).ok());
  EXPECT_EQ(faults->operations() - before, 4);
}

TEST_F(Logs, RefuseWhatTheyCannotHold) {
  const auto log = Open().ValueOrDie();
  LogRecord record = RecordOf(1);
  record.batch_id = std::string(70'000, 'x');
  EXPECT_TRUE(IsKind(log->Enqueue(record).status(), ErrorKind::kBadInput));
  EXPECT_TRUE(IsKind(log->WaitAcknowledged(1), ErrorKind::kBadInput));
  EXPECT_TRUE(IsKind(log->Release(1), ErrorKind::kBadInput));
  LogOptions options;
  options.segment_bytes = 100;
  EXPECT_TRUE(IsKind(Open(0, options).status(), ErrorKind::kBadInput));
  options = {};
  options.sync_interval = std::chrono::milliseconds(0);
  EXPECT_TRUE(IsKind(Open(0, options).status(), ErrorKind::kBadInput));
  EXPECT_TRUE(
      IsKind(WriteAheadLog::Open(folder_, {"t", kLog.wal_uuid}, 0).status(), ErrorKind::kBadInput));
  EXPECT_TRUE(Append(*log, 1).ok()) << "a refused record takes no sequence";
}

TEST_F(Logs, HoldEmptyAndVeryLongRecords) {
  {
    const auto log = Open().ValueOrDie();
    ASSERT_EQ(log->Enqueue(LogRecord{}).ValueOrDie(), 1u);
    ASSERT_TRUE(Append(*log, 2, 1'000'000).ok());
    LogRecord long_id = RecordOf(3);
    long_id.batch_id = std::string(kMostBatchIdBytes, 'i');
    ASSERT_EQ(log->Enqueue(long_id).ValueOrDie(), 3u);
    ASSERT_TRUE(log->WaitAcknowledged(3).ok());
  }
  std::vector<LogRecord> records;
  ASSERT_TRUE(Open()
                  .ValueOrDie()
                  ->Replay(0,
                           [&](const LogRecord& record) {
                             records.push_back(record);
                             return Status::OK();
                           })
                  .ok());
  ASSERT_THAT(records, SizeIs(3));
  EXPECT_EQ(records[0].payload->size(), 0);
  ExpectIs(records[1], 2, 1'000'000);
  EXPECT_EQ(records[2].batch_id.size(), kMostBatchIdBytes);
}

TEST_F(Logs, EndAReplayWhenItsVisitorDoes) {
  const auto log = Open().ValueOrDie();
  AppendAll(*log, 1, 5);
  int visits = 0;
  const auto status = log->Replay(0, [&](const LogRecord&) {
    return ++visits == 3 ? Error(ErrorKind::kCancelled, "enough") : Status::OK();
  });
  EXPECT_TRUE(IsKind(status, ErrorKind::kCancelled));
  EXPECT_EQ(visits, 3);
}

TEST_F(Logs, HaveOneWriter) {
  auto log = Open().ValueOrDie();
  const auto second = Open().status();
  EXPECT_TRUE(IsKind(second, ErrorKind::kCommitConflict)) << second;
  AppendAll(*log, 1, 2);
  log.reset();
  EXPECT_EQ(Open().ValueOrDie()->epoch(), 2u);
}

TEST_F(Logs, FenceAWriterWhoseLockFailed) {
  folder_ = std::make_shared<UnlockedFolder>(folder_);
  const auto old = Open().ValueOrDie();
  AppendAll(*old, 1, 10);
  const auto fresh = Open().ValueOrDie();
  EXPECT_EQ(fresh->epoch(), 2u);
  EXPECT_EQ(Replayed(*fresh, 0).ValueOrDie(), Range(1, 10));
  const auto fenced = Append(*old, 11);
  EXPECT_TRUE(IsKind(fenced, ErrorKind::kCommitConflict)) << fenced;
  EXPECT_THAT(fenced.message(), HasSubstr("epoch 2"));
  EXPECT_TRUE(IsKind(old->Enqueue(RecordOf(12)).status(), ErrorKind::kCommitConflict));
  EXPECT_FALSE(old->Close().ok());
  EXPECT_EQ(old->acknowledged(), 10u);
  AppendAll(*fresh, 11, 20);
  ASSERT_TRUE(fresh->Close().ok());
  EXPECT_EQ(Replayed(*Open().ValueOrDie(), 0).ValueOrDie(), Range(1, 20));
}

TEST_F(Logs, DoNotHoldWhatAFencedWriterWrote) {
  folder_ = std::make_shared<UnlockedFolder>(folder_);
  const auto old = Open().ValueOrDie();
  AppendAll(*old, 1, 10);
  const auto follower = LogReader::Open(folder_, kLog, 0).ValueOrDie();
  const auto follow = [&](LogReader& reader) {
    return reader.Poll([](const LogRecord& record) {
      ExpectIs(record, record.sequence);
      return Status::OK();
    });
  };
  ASSERT_TRUE(follow(*follower).ok());
  const auto fresh = Open().ValueOrDie();
  // They lie in the old segment, whole, with the sequences that the new ones have.
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(old->Enqueue(RecordOf(99)).ok());
  EXPECT_FALSE(old->WaitAcknowledged(12).ok());
  EXPECT_EQ(DescribeLog(*folder_, kLog)->scan.last, 10u);
  AppendAll(*fresh, 11, 20);
  ASSERT_TRUE(follow(*follower).ok());
  EXPECT_EQ(follower->position(), 20u);
  const auto late = LogReader::Open(folder_, kLog, 0).ValueOrDie();
  ASSERT_TRUE(follow(*late).ok());
  EXPECT_EQ(late->position(), 20u);
  EXPECT_EQ(Replayed(*fresh, 0).ValueOrDie(), Range(1, 20));
  ASSERT_TRUE(fresh->Close().ok());
  EXPECT_EQ(DescribeLog(*folder_, kLog)->scan.last, 20u);
  EXPECT_EQ(Replayed(*Open().ValueOrDie(), 0).ValueOrDie(), Range(1, 20));
}

TEST_F(Logs, DoNotOpenAsAnother) {
  { AppendAll(*Open().ValueOrDie(), 1, 3); }
  const LogId other_table{kLog.wal_uuid, kLog.wal_uuid},
      other_log{kLog.table_uuid, kLog.table_uuid};
  for (const LogId& id : {other_table, other_log}) {
    const auto refused = WriteAheadLog::Open(folder_, id, 0, Small()).status();
    EXPECT_TRUE(IsKind(refused, ErrorKind::kBadInput)) << refused;
    EXPECT_THAT(refused.message(), HasSubstr("another"));
  }
  EXPECT_EQ(Replayed(*Open().ValueOrDie(), 0).ValueOrDie(), Range(1, 3));
}

TEST_F(Logs, ReleaseWholeSegmentsAfterTheGrace) {
  HeldClock clock;
  LogOptions options = Small();
  options.clock = &clock;
  options.grace = std::chrono::minutes(5);
  auto log = Open(0, options).ValueOrDie();
  AppendAll(*log, 1, 100);
  const auto before = Segments();
  ASSERT_GT(before.size(), 5u);
  ASSERT_TRUE(log->Release(50).ok());
  EXPECT_EQ(Segments(), before);
  EXPECT_EQ(Replayed(*log, 50).ValueOrDie(), Range(51, 100));
  clock.now += std::chrono::minutes(4);
  ASSERT_TRUE(log->Release(100).ok());
  EXPECT_EQ(Segments(), before);
  clock.now += std::chrono::minutes(1);
  ASSERT_TRUE(log->Release(60).ok()) << "the table does not go back, a late call may";
  const auto left = Segments();
  EXPECT_LT(left.size(), before.size());
  EXPECT_EQ(std::vector(before.end() - static_cast<std::ptrdiff_t>(left.size()), before.end()),
            left);
  EXPECT_LE(SegmentName::Parse(left.front())->first, 51u) << "what came after 50 has its own grace";
  clock.now += std::chrono::minutes(5);
  ASSERT_TRUE(log->Release(100).ok());
  EXPECT_THAT(Segments(), SizeIs(1)) << "the one that is written to stays";
  AppendAll(*log, 101, 110);
  EXPECT_TRUE(IsKind(Replayed(*log, 20).status(), ErrorKind::kNotFound));
  ASSERT_TRUE(log->Close().ok());
  log = Open(100, options).ValueOrDie();
  EXPECT_EQ(Replayed(*log, 100).ValueOrDie(), Range(101, 110));
}

TEST_F(Logs, OfWritersThatDoNotLiveLongDoNotPileUp) {
  uint64_t n = 0;
  for (int writer = 0; writer < 12; ++writer) {
    const auto log = Open(n).ValueOrDie();
    EXPECT_EQ(log->epoch(), static_cast<uint64_t>(writer + 1));
    AppendAll(*log, n + 1, n + 3);
    EXPECT_EQ(Replayed(*log, n).ValueOrDie(), (std::vector<uint64_t>{n + 1, n + 2, n + 3}));
    n += 3;
    ASSERT_TRUE(log->Release(n).ok());
    ASSERT_TRUE(log->Close().ok());
    EXPECT_LE(Segments().size(), 3u);
  }
  // What the table does not have stays, however often the log is opened.
  for (int writer = 0; writer < 6; ++writer) {
    const auto log = Open(n - 2).ValueOrDie();
    EXPECT_EQ(Replayed(*log, n - 2).ValueOrDie(), (std::vector<uint64_t>{n - 1, n}));
    ASSERT_TRUE(log->Close().ok());
  }
}

TEST_F(Logs, TryAgainToDeleteASegment) {
  const auto faults = FaultStore::Make(MemoryStore::Make());
  folder_ = faults->OpenLogFolder("l").ValueOrDie();
  LogOptions options = Small();
  options.grace = std::chrono::milliseconds(0);
  const auto log = Open(0, options).ValueOrDie();
  AppendAll(*log, 1, 50);
  faults->Add({.kind = FaultKind::kFail, .op = StoreOp::kDelete});
  EXPECT_TRUE(IsKind(log->Release(50), ErrorKind::kIo));
  AppendAll(*log, 51, 52);
  ASSERT_TRUE(log->Release(50).ok());
  EXPECT_EQ(Replayed(*log, 50).ValueOrDie(), Range(51, 52));
}

TEST_F(Logs, OpenWithTheTableBehindWhatWasReleasedAreDamaged) {
  LogOptions options = Small();
  options.grace = std::chrono::milliseconds(0);
  {
    const auto log = Open(0, options).ValueOrDie();
    AppendAll(*log, 1, 50);
    ASSERT_TRUE(log->Release(50).ok());
  }
  const auto refused = Open(3).status();
  EXPECT_TRUE(IsKind(refused, ErrorKind::kCorrupt)) << refused;
  EXPECT_TRUE(Open(50).ok());
}

TEST_F(Logs, ThatWereNeverSyncedAreNotDroppedWhenTheTableIsBehindWhatWasReleased) {
  LogOptions options = Small(SyncPolicy::kNone);
  options.grace = std::chrono::milliseconds(0);
  const auto log = Open(0, options).ValueOrDie();
  AppendAll(*log, 1, 50);
  ASSERT_TRUE(log->Release(30).ok());
  // The process is killed here; nothing says that anything was durable.
  const auto refused = WriteAheadLog::Open(FolderOf(FilesOf(*folder_)), kLog, 3, options).status();
  EXPECT_TRUE(IsKind(refused, ErrorKind::kCorrupt)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("lost its records 4 to"));
  const auto again = WriteAheadLog::Open(FolderOf(FilesOf(*folder_)), kLog, 30, options);
  EXPECT_EQ(Replayed(**again, 30).ValueOrDie(), Range(31, 50));
}

TEST_F(Logs, WhoseSegmentsAreAllGoneAreDamagedUnlessTheTableHasThem) {
  { AppendAll(*Open().ValueOrDie(), 1, 50); }
  for (const auto& name : Segments()) ASSERT_TRUE(folder_->Delete(name).ok());
  const auto refused = Open(3).status();
  EXPECT_TRUE(IsKind(refused, ErrorKind::kCorrupt)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("4 to 50"));
  AppendAll(*Open(50).ValueOrDie(), 51, 52);
}

TEST_F(Logs, OfANewerVersionAreNotTouched) {
  { AppendAll(*Open().ValueOrDie(), 1, 3); }
  // The kind of the first record, with a checksum that fits.
  const auto name = *SegmentName::Parse(Segments().front());
  const auto reader = SegmentReader::Open(*folder_, name, kLog).ValueOrDie();
  const auto file = folder_->OpenToWrite(name.ToString()).ValueOrDie();
  RecordHeader header = DescribeRecord(RecordOf(1)).ValueOrDie();
  header.sequence = 1;
  header.kind = 9;
  ASSERT_TRUE(
      file->Write(kSegmentHeaderBytes, EncodeRecordHeader(header, reader->header().crc)).ok());
  const auto refused = Open().status();
  EXPECT_TRUE(IsKind(refused, ErrorKind::kNotSupported)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("kind 9"));
}

TEST_F(Logs, OfAFullDiskTakeWhatStillFits) {
  const auto faults = FaultStore::Make(MemoryStore::Make());
  folder_ = faults->OpenLogFolder("l").ValueOrDie();
  const auto log = Open().ValueOrDie();
  AppendAll(*log, 1, 2);
  faults->Add({.kind = FaultKind::kFail, .op = StoreOp::kCreate, .repeat = true});
  LogRecord large = RecordOf(3);
  large.payload = arrow::Buffer::FromString(std::string(5000, 'x'));
  for (int tries = 0; tries < 3; ++tries) {
    const auto refused = log->Enqueue(large).status();
    EXPECT_TRUE(IsKind(refused, ErrorKind::kIo)) << refused;
    EXPECT_THAT(refused.message(), HasSubstr("nothing of this batch"));
  }
  ASSERT_TRUE(Append(*log, 3).ok()) << "what is reserved is there";
  uint64_t n = 4;
  while (Append(*log, n).ok()) ++n;
  EXPECT_EQ(log->acknowledged(), n - 1);
  faults->Heal();
  AppendAll(*log, n, n + 20);
  ASSERT_TRUE(log->Close().ok());
  EXPECT_EQ(Replayed(*Open().ValueOrDie(), 0).ValueOrDie(), Range(1, n + 20));
}

TEST_F(Logs, OfAFullDiskMakeTheNextSegmentWhenItsHeaderCouldNotBeWritten) {
  const auto faults = FaultStore::Make(MemoryStore::Make());
  folder_ = faults->OpenLogFolder("l").ValueOrDie();
  const auto log = Open().ValueOrDie();
  LogRecord large = RecordOf(1);
  large.payload = arrow::Buffer::FromString(std::string(5000, 'x'));
  faults->Add({.kind = FaultKind::kTear, .op = StoreOp::kWrite});
  faults->Add({.kind = FaultKind::kFail, .op = StoreOp::kDelete, .nth = 2});
  EXPECT_TRUE(IsKind(log->Enqueue(large).status(), ErrorKind::kIo));
  AppendAll(*log, 1, 40);
  ASSERT_TRUE(log->Close().ok());
  EXPECT_EQ(Replayed(*Open().ValueOrDie(), 0).ValueOrDie(), Range(1, 40));
}

TEST_F(Logs, WhoseNextSegmentMayHaveItsNameOrNotFail) {
  for (const FaultKind kind : {FaultKind::kFail, FaultKind::kLoseReply}) {
    for (const uint64_t before : {uint64_t{0}, uint64_t{3}}) {
      const auto disk = MemoryStore::Make();
      const auto faults = FaultStore::Make(disk);
      folder_ = faults->OpenLogFolder("l").ValueOrDie();
      auto log = Open().ValueOrDie();
      AppendAll(*log, 1, before);
      LogRecord large = RecordOf(before + 1);
      large.payload = arrow::Buffer::FromString(std::string(5000, 'x'));
      // The draft's header, then its name.
      faults->Add({.kind = kind, .op = StoreOp::kWrite, .nth = 2});
      EXPECT_TRUE(IsKind(log->Enqueue(large).status(), ErrorKind::kIo));
      EXPECT_TRUE(IsKind(Append(*log, before + 1), ErrorKind::kIo));
      EXPECT_FALSE(log->Close().ok());
      log.reset();
      log = Open().ValueOrDie();
      EXPECT_EQ(Replayed(*log, 0).ValueOrDie(), Range(1, before));
      AppendAll(*log, before + 1, before + 20);
    }
  }
}

TEST_F(Logs, AreDescribed) {
  EXPECT_EQ(DescribeLog(*folder_, kLog).ValueOrDie().epoch, 0u);
  {
    const auto log = Open().ValueOrDie();
    AppendAll(*log, 1, 50);
    const auto live = DescribeLog(*folder_, kLog).ValueOrDie();
    EXPECT_TRUE(live.scan.damage.ok()) << live.scan.damage;
    EXPECT_EQ(live.scan.last, 50u);
    EXPECT_EQ(live.acknowledged, 50u);
  }
  { AppendAll(*Open(50).ValueOrDie(), 51, 60); }
  const auto summary = DescribeLog(*folder_, kLog).ValueOrDie();
  EXPECT_EQ(summary.epoch, 2u);
  EXPECT_EQ(summary.first, 1u);
  EXPECT_EQ(summary.scan.covered, 50u) << "the newest segment says that the table holds those";
  EXPECT_EQ(summary.scan.last, 60u);
  EXPECT_EQ(summary.scan.durable, 60u);
  EXPECT_EQ(summary.acknowledged, 60u);
  EXPECT_EQ(summary.torn_bytes, 0u);
  EXPECT_GT(summary.bytes, 10'000u);
  EXPECT_TRUE(summary.scan.damage.ok());
}

}  // namespace
}  // namespace tarn
