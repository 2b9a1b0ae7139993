// SPDX-License-Identifier: Apache-2.0
//
// A log in memory, its records known by their sequences.
#pragma once

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/random_id.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/fault_store.h"
#include "table/wal/log_reader.h"
#include "table/wal/write_ahead_log.h"

namespace tarn {

inline const LogId kLog{"6ba7b810-9dad-11d1-80b4-00c04fd430c8",
                        "0191e8c2-1f1e-7c3a-9d4b-5a6b7c8d9e0f"};

/// Whose body follows from `n` alone.
inline LogRecord RecordOf(uint64_t n, size_t most_bytes = 300) {
  std::mt19937_64 random(n);
  std::string text(random() % (most_bytes + 1), '\0');
  for (char& c : text) c = static_cast<char>(random() % 256);
  LogRecord record;
  record.kind = static_cast<LogRecordKind>(1 + n % 3);
  record.schema_id = static_cast<int32_t>(n % 5);
  record.batch_id = n % 2 == 0 ? "" : "batch " + std::to_string(n);
  record.payload = arrow::Buffer::FromString(std::move(text));
  return record;
}

inline void ExpectIs(const LogRecord& record, uint64_t n, size_t most_bytes = 300) {
  const LogRecord expected = RecordOf(n, most_bytes);
  EXPECT_EQ(record.kind, expected.kind) << n;
  EXPECT_EQ(record.schema_id, expected.schema_id) << n;
  EXPECT_EQ(record.batch_id, expected.batch_id) << n;
  EXPECT_TRUE(record.payload->Equals(*expected.payload)) << n;
}

class HeldClock : public Clock {
 public:
  std::chrono::system_clock::time_point Now() const override { return now; }
  void SleepFor(std::chrono::milliseconds) const override {}
  std::chrono::system_clock::time_point now{std::chrono::hours(1000)};
};

class Logs : public ::testing::Test {
 protected:
  using Log = std::unique_ptr<WriteAheadLog>;

  static LogOptions Small(SyncPolicy sync = SyncPolicy::kEveryInsert) {
    LogOptions options;
    options.sync = sync;
    options.sync_interval = std::chrono::milliseconds(1);
    options.segment_bytes = kSegmentHeaderBytes + 2000;
    return options;
  }
  Result<Log> Open(uint64_t covered = 0, LogOptions options = Small()) {
    return WriteAheadLog::Open(folder_, kLog, covered, options);
  }
  /// Enqueues and waits: the record of its own sequence.
  static Status Append(WriteAheadLog& log, uint64_t n, size_t most_bytes = 300) {
    ARROW_ASSIGN_OR_RAISE(const uint64_t sequence, log.Enqueue(RecordOf(n, most_bytes)));
    EXPECT_EQ(sequence, n);
    return log.WaitAcknowledged(sequence);
  }
  static void AppendAll(WriteAheadLog& log, uint64_t first, uint64_t last) {
    for (uint64_t n = first; n <= last; ++n) {
      const Status appended = Append(log, n);
      ASSERT_TRUE(appended.ok()) << n << ": " << appended;
    }
  }
  /// The sequences behind `after`; each record is the one of its sequence.
  static Result<std::vector<uint64_t>> Replayed(WriteAheadLog& log, uint64_t after) {
    std::vector<uint64_t> found;
    ARROW_RETURN_NOT_OK(log.Replay(after, [&](const LogRecord& record) {
      ExpectIs(record, record.sequence);
      found.push_back(record.sequence);
      return Status::OK();
    }));
    return found;
  }
  static std::vector<uint64_t> Range(uint64_t first, uint64_t last) {
    std::vector<uint64_t> range;
    for (uint64_t n = first; n <= last; ++n) range.push_back(n);
    return range;
  }
  std::vector<std::string> Segments() {
    std::vector<std::string> names;
    for (const auto& name : folder_->List().ValueOrDie()) {
      if (SegmentName::Parse(name)) names.push_back(name);
    }
    return names;
  }

  std::shared_ptr<Store> store_ = MemoryStore::Make();
  std::shared_ptr<LogFolder> folder_ = store_->OpenLogFolder(".tarn/wal/t/l").ValueOrDie();
};

/// A folder whose lock keeps nobody out.
class UnlockedFolder : public LogFolder {
 public:
  explicit UnlockedFolder(std::shared_ptr<LogFolder> base) : base_(std::move(base)) {}
  Result<std::unique_ptr<LogFile>> Create(std::string_view name, uint64_t size) override {
    return base_->Create(name, size);
  }
  Result<std::unique_ptr<LogFile>> OpenToRead(std::string_view name) override {
    return base_->OpenToRead(name);
  }
  Result<std::unique_ptr<LogFile>> OpenToWrite(std::string_view name) override {
    return base_->OpenToWrite(name);
  }
  Status Rename(std::string_view from, std::string_view to) override {
    return base_->Rename(from, to);
  }
  Status Delete(std::string_view name) override { return base_->Delete(name); }
  Result<std::vector<std::string>> List() override { return base_->List(); }
  Result<std::vector<std::string>> ListFolders() override { return base_->ListFolders(); }
  Status Sync() override { return base_->Sync(); }
  Result<std::unique_ptr<StoreLock>> Lock() override { return std::make_unique<StoreLock>(); }
  std::string PathOf(std::string_view name) const override { return base_->PathOf(name); }

 private:
  std::shared_ptr<LogFolder> base_;
};

/// All files of a log, to be damaged and put back.
using LogFiles = std::map<std::string, std::string>;

inline LogFiles FilesOf(LogFolder& folder) {
  LogFiles files;
  for (const auto& name : folder.List().ValueOrDie()) {
    const auto file = folder.OpenToRead(name).ValueOrDie();
    std::string bytes(file->size(), '\0');
    EXPECT_EQ(
        file->Read(0, {reinterpret_cast<std::byte*>(bytes.data()), bytes.size()}).ValueOrDie(),
        bytes.size());
    files[name] = std::move(bytes);
  }
  return files;
}

inline std::shared_ptr<LogFolder> FolderOf(const LogFiles& files) {
  auto folder = MemoryStore::Make()->OpenLogFolder("l").ValueOrDie();
  for (const auto& [name, bytes] : files) {
    const auto file = folder->Create(name, bytes.size()).ValueOrDie();
    EXPECT_TRUE(file->Write(0, std::as_bytes(std::span(bytes.data(), bytes.size()))).ok());
  }
  return folder;
}

}  // namespace tarn
