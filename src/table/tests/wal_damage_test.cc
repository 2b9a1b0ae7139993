// SPDX-License-Identifier: Apache-2.0
//
// Logs whose files were cut short or changed: what was durable comes back whole, or an error says
// what is damaged; no record is ever wrong, and none is invented.
#include "base/bytes.h"
#include "table/tests/wal_fixture.h"

namespace tarn {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class DamagedLogs : public Logs {
 protected:
  /// A small log of `last` records in several segments, closed in good order.
  LogFiles MakeFiles(uint64_t last, SyncPolicy policy = SyncPolicy::kEveryInsert) {
    folder_ = MemoryStore::Make()->OpenLogFolder("l").ValueOrDie();
    LogOptions options = Small(policy);
    options.segment_bytes = kSegmentHeaderBytes + 500;
    {
      const auto log = Open(0, options).ValueOrDie();
      for (uint64_t n = 1; n <= last; ++n) EXPECT_TRUE(Append(*log, n, 60).ok());
    }
    return FilesOf(*folder_);
  }

  /// What a log of these files gives back, once opened: the sequences, or an error.
  static Result<std::vector<uint64_t>> OpenedIn(const std::shared_ptr<LogFolder>& folder,
                                                uint64_t covered = 0) {
    ARROW_ASSIGN_OR_RAISE(const auto log, WriteAheadLog::Open(folder, kLog, covered, Small()));
    std::vector<uint64_t> found;
    ARROW_RETURN_NOT_OK(log->Replay(covered, [&](const LogRecord& record) {
      ExpectIs(record, record.sequence, 60);
      found.push_back(record.sequence);
      return Status::OK();
    }));
    // It goes on behind what was found.
    ARROW_ASSIGN_OR_RAISE(const uint64_t next, log->Enqueue(RecordOf(1, 60)));
    EXPECT_EQ(next, covered + found.size() + 1);
    ARROW_RETURN_NOT_OK(log->WaitAcknowledged(next));
    return found;
  }

  /// The files hold `last` durable records.
  static void ExpectAllOrAnError(const LogFiles& files, const std::string& damaged, uint64_t last) {
    const auto found = OpenedIn(FolderOf(files));
    if (found.ok()) {
      EXPECT_EQ(*found, Range(1, last));
      return;
    }
    EXPECT_TRUE(IsKind(found.status(), ErrorKind::kCorrupt)) << found.status();
    EXPECT_THAT(found.status().message(), HasSubstr(damaged));
  }
};

/// Without the files that only help.
LogFiles WithoutMarks(LogFiles files) {
  files.erase(std::string(kWatermarkName));
  files.erase(std::string(kOwnerName));
  return files;
}

/// Bytes worth damaging: the zeros behind a header, or behind the records, are all alike.
std::vector<size_t> Places(const std::string& bytes) {
  std::vector<size_t> places;
  const size_t end = std::min(bytes.size(), bytes.find_last_not_of('\0') + 20);
  for (size_t at = 0; at < end; ++at) {
    const bool header = at % 2048 < 100 && at < kSegmentHeaderBytes;
    if (header || at >= kSegmentHeaderBytes - 4) places.push_back(at);
  }
  return places;
}

TEST_F(DamagedLogs, CutShortAnywhereLoseNothingUnnoticed) {
  const auto files = MakeFiles(20);
  for (const auto& [name, bytes] : files) {
    for (const size_t at : Places(bytes)) {
      SCOPED_TRACE(name + " cut at " + std::to_string(at));
      auto cut = files;
      cut[name].resize(at);
      ExpectAllOrAnError(cut, "", 20);
    }
  }
}

TEST_F(DamagedLogs, WithAnyBitFlippedLoseNothingUnnoticed) {
  const auto files = MakeFiles(20);
  size_t errors = 0;
  for (const auto& [name, bytes] : files) {
    for (const size_t at : Places(bytes)) {
      SCOPED_TRACE(name + " changed at " + std::to_string(at));
      auto changed = files;
      changed[name][at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
      const auto found = OpenedIn(FolderOf(changed));
      if (found.ok()) {
        EXPECT_EQ(*found, Range(1, 20));
        continue;
      }
      ++errors;
      EXPECT_TRUE(IsKind(found.status(), ErrorKind::kCorrupt)) << found.status();
      EXPECT_THAT(found.status().message(), HasSubstr(name + " is damaged at byte"));
    }
  }
  EXPECT_GT(errors, 1000u);
}

TEST_F(DamagedLogs, WithoutTheirWatermarkMayLoseTheLastRecordAndNoOther) {
  const auto files = WithoutMarks(MakeFiles(20));
  for (const auto& [name, bytes] : files) {
    for (const size_t at : Places(bytes)) {
      for (const bool cut : {false, true}) {
        SCOPED_TRACE(name + (cut ? " cut at " : " changed at ") + std::to_string(at));
        auto damaged = files;
        if (cut) damaged[name].resize(at);
        if (!cut) damaged[name][at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
        const auto found = OpenedIn(FolderOf(damaged));
        if (found.ok()) {
          // Record 20 says that 19 was durable; nothing says so of 20.
          // A file that is cut short takes all proof along, a changed byte does not.
          const uint64_t least = cut ? SegmentName::Parse(files.rbegin()->first)->first - 1 : 19;
          EXPECT_EQ(*found, Range(1, found->size()));
          EXPECT_GE(found->size(), least);
        } else {
          EXPECT_TRUE(IsKind(found.status(), ErrorKind::kCorrupt)) << found.status();
        }
      }
    }
  }
}

TEST_F(DamagedLogs, ThatWereNeverSyncedEndAtTheFirstBadRecord) {
  folder_ = MemoryStore::Make()->OpenLogFolder("l").ValueOrDie();
  LogOptions options = Small(SyncPolicy::kNone);
  options.segment_bytes = kSegmentHeaderBytes + 500;
  LogFiles files;
  {
    const auto log = Open(0, options).ValueOrDie();
    for (uint64_t n = 1; n <= 20; ++n) ASSERT_TRUE(Append(*log, n, 60).ok());
    files = FilesOf(*folder_);
  }
  size_t whole = 0;
  for (const auto& [name, bytes] : files) {
    for (const size_t at : Places(bytes)) {
      SCOPED_TRACE(name + " changed at " + std::to_string(at));
      auto changed = files;
      changed[name][at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
      const auto folder = FolderOf(changed);
      const auto found = OpenedIn(folder);
      ASSERT_TRUE(found.ok()) << found.status();
      EXPECT_EQ(*found, Range(1, found->size()));
      whole += found->size() == 20;
      // What was found is durable from then on, and what was dropped stays so.
      const auto again = WriteAheadLog::Open(folder, kLog, found->size(), Small());
      ASSERT_TRUE(again.ok()) << again.status();
      EXPECT_EQ((*again)->acknowledged(), found->size() + 1);
    }
  }
  EXPECT_GT(whole, 100u);
}

TEST_F(DamagedLogs, DoNotMindDamageThatTheTableCovers) {
  auto files = MakeFiles(20);
  auto& first = files.begin()->second;
  first[kSegmentHeaderBytes + 20] = static_cast<char>(first[kSegmentHeaderBytes + 20] ^ 1);
  EXPECT_TRUE(IsKind(OpenedIn(FolderOf(files)).status(), ErrorKind::kCorrupt));
  EXPECT_EQ(OpenedIn(FolderOf(files), 19).ValueOrDie(), Range(20, 20));
}

TEST_F(DamagedLogs, AreNotWrittenTo) {
  auto files = MakeFiles(20);
  files.begin()->second[kSegmentHeaderBytes + 20] ^= 1;
  const auto folder = FolderOf(files);
  EXPECT_FALSE(OpenedIn(folder).ok());
  auto after = FilesOf(*folder);
  after.erase(std::string(kOwnerName));
  files.erase(std::string(kOwnerName));
  EXPECT_EQ(after, files);
}

TEST_F(DamagedLogs, AreDescribedUpToTheDamage) {
  auto files = MakeFiles(20);
  const std::string name = SegmentName{1, 1}.ToString();
  files[name][kSegmentHeaderBytes + 20] ^= 1;
  const auto summary = DescribeLog(*FolderOf(files), kLog).ValueOrDie();
  EXPECT_TRUE(IsKind(summary.scan.damage, ErrorKind::kCorrupt)) << summary.scan.damage;
  EXPECT_THAT(summary.scan.damage.message(),
              HasSubstr(name + " is damaged at byte 4096: record 1"));
  EXPECT_EQ(summary.scan.last, 0u);
  EXPECT_EQ(summary.acknowledged, 20u);
}

TEST_F(DamagedLogs, DoNotTakeTheBytesOfAnotherLogForRecords) {
  const auto files = MakeFiles(20);
  // The same records in a log of another name, as a disk may show them in a file it did not finish.
  auto folder = MemoryStore::Make()->OpenLogFolder("l").ValueOrDie();
  const LogId other{kLog.table_uuid, kLog.table_uuid};
  LogOptions options = Small();
  options.segment_bytes = kSegmentHeaderBytes + 500;
  { EXPECT_TRUE(WriteAheadLog::Open(folder, other, 0, options).ok()); }
  auto mixed = FilesOf(*folder);
  const std::string name = SegmentName{1, 1}.ToString();
  mixed[name].replace(kSegmentHeaderBytes, std::string::npos,
                      files.at(name).substr(kSegmentHeaderBytes));
  const auto log = WriteAheadLog::Open(FolderOf(mixed), other, 0, options).ValueOrDie();
  EXPECT_EQ(log->acknowledged(), 0u);
}

TEST_F(DamagedLogs, WithBothHeadersOfASegmentGoneAreRefused) {
  auto files = MakeFiles(20);
  const std::string name = SegmentName{1, 1}.ToString();
  files[name][3] ^= 1;
  EXPECT_EQ(OpenedIn(FolderOf(files)).ValueOrDie(), Range(1, 20));
  files[name][2048 + 3] ^= 1;
  EXPECT_TRUE(IsKind(OpenedIn(FolderOf(WithoutMarks(files))).status(), ErrorKind::kCorrupt));
  // A segment that began an epoch was whole, whatever else is left.
  for (auto it = files.begin(); it != files.end();) {
    it = SegmentName::Parse(it->first) && it->first != name ? files.erase(it) : std::next(it);
  }
  EXPECT_TRUE(IsKind(OpenedIn(FolderOf(WithoutMarks(files))).status(), ErrorKind::kCorrupt));
  const auto refused = OpenedIn(FolderOf(files)).status();
  EXPECT_TRUE(IsKind(refused, ErrorKind::kCorrupt)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr(name + " is damaged at byte 0"));
}

TEST_F(DamagedLogs, DoNotTakeARecordForAnotherOfTheSameSegment) {
  folder_ = MemoryStore::Make()->OpenLogFolder("l").ValueOrDie();
  {
    const auto log = Open().ValueOrDie();
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(log->WaitAcknowledged(log->Enqueue(RecordOf(2, 60)).ValueOrDie()).ok());
    }
  }
  auto files = FilesOf(*folder_);
  auto& bytes = files[SegmentName{1, 1}.ToString()];
  const auto header = DescribeRecord(RecordOf(2, 60)).ValueOrDie();
  bytes.replace(kSegmentHeaderBytes + header.record_bytes(), header.record_bytes(),
                bytes.substr(kSegmentHeaderBytes, header.record_bytes()));
  const auto refused = WriteAheadLog::Open(FolderOf(files), kLog, 0, Small()).status();
  EXPECT_TRUE(IsKind(refused, ErrorKind::kCorrupt)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("record 2 cannot be read"));
}

TEST_F(DamagedLogs, AreSureOfWhatTheyWroteAgain) {
  const auto first = WithoutMarks(MakeFiles(20));
  // Nothing but its place says that 20 was durable, so it is written again; the others are not.
  folder_ = FolderOf(first);
  { ASSERT_TRUE(Open().ok()); }
  const std::string again = SegmentName{20, 2}.ToString();
  EXPECT_EQ(Segments().back(), again);
  const auto watermark = ReadWatermark(*folder_).ValueOrDie();
  EXPECT_EQ(watermark, (Watermark{2, 20, 20}));
  auto files = WithoutMarks(FilesOf(*folder_));
  EXPECT_EQ(OpenedIn(FolderOf(files)).ValueOrDie(), Range(1, 20));
  files[again][kSegmentHeaderBytes + 20] ^= 1;
  const auto refused = OpenedIn(FolderOf(files)).status();
  EXPECT_TRUE(IsKind(refused, ErrorKind::kCorrupt)) << refused;
}

TEST_F(DamagedLogs, AreNotFooledByAPayloadThatHoldsALog) {
  // A row that holds the bytes of this very log, and then a tail that is torn.
  LogOptions options = Small(SyncPolicy::kNone);
  options.segment_bytes = 1 << 20;
  {
    const auto log = Open(0, options).ValueOrDie();
    for (uint64_t n = 1; n <= 20; ++n) ASSERT_TRUE(Append(*log, n, 60).ok());
    LogRecord copy;
    copy.payload = arrow::Buffer::FromString(FilesOf(*folder_).begin()->second.substr(0, 6000));
    ASSERT_TRUE(log->WaitAcknowledged(log->Enqueue(copy).ValueOrDie()).ok());
    auto files = FilesOf(*folder_);
    auto& bytes = files[SegmentName{1, 1}.ToString()];
    bytes[bytes.find_last_not_of('\0') - 10] ^= 1;
    folder_ = FolderOf(files);
  }
  const auto log = Open(0, options).ValueOrDie();
  EXPECT_EQ(log->acknowledged(), 20u);
}

TEST_F(DamagedLogs, OpenAtAnyMixOfOldAndNewEpochs) {
  // Opened and cut again and again, without its marks: each time what is found stays found.
  std::mt19937_64 random(7);
  for (int round = 0; round < 30; ++round) {
    SCOPED_TRACE(round);
    auto folder = MemoryStore::Make()->OpenLogFolder("l").ValueOrDie();
    uint64_t last = 0;
    for (int epoch = 1; epoch <= 6; ++epoch) {
      LogOptions options = Small(SyncPolicy::kNone);
      options.segment_bytes = kSegmentHeaderBytes + 200 + random() % 600;
      auto opened = WriteAheadLog::Open(folder, kLog, 0, options);
      ASSERT_TRUE(opened.ok()) << opened.status();
      auto& log = **opened;
      const uint64_t kept = log.acknowledged();
      EXPECT_LE(kept, last);
      EXPECT_EQ(Replayed(log, 0).ValueOrDie(), Range(1, kept));
      const uint64_t sure = log.durable();
      EXPECT_EQ(sure, kept);
      last = kept + random() % 12;
      AppendAll(log, kept + 1, last);
      // The process dies; a power loss cuts one of the files of this epoch behind what was synced.
      auto files = FilesOf(*folder);
      for (auto& [name, bytes] : files) {
        const auto segment = SegmentName::Parse(name);
        if (segment && segment->first > kept + 1 && random() % 3 == 0) {
          bytes.replace(kSegmentHeaderBytes + 8, 20, std::string(20, '\0'));
        }
      }
      if (random() % 2 == 0) files = WithoutMarks(files);
      folder = FolderOf(files);
    }
  }
}

}  // namespace
}  // namespace tarn
