// SPDX-License-Identifier: Apache-2.0
#include "wal_child.h"

#include <unistd.h>

#include <cstdlib>
#include <random>

#include "table/wal/log_reader.h"
#include "table/wal/write_ahead_log.h"

namespace tarn {
namespace {

const LogId kLog{"6ba7b810-9dad-11d1-80b4-00c04fd430c8", "0191e8c2-1f1e-7c3a-9d4b-5a6b7c8d9e0f"};

void Say(const std::string& line) {
  const std::string text = line + "\n";
  // One write: a kill leaves whole lines.
  if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) std::abort();
}

LogRecord RecordOf(uint64_t sequence) {
  std::mt19937_64 random(sequence);
  std::string text(random() % 3000, '\0');
  for (char& c : text) c = static_cast<char>(random());
  LogRecord record;
  record.batch_id = "batch " + std::to_string(sequence);
  record.payload = arrow::Buffer::FromString(std::move(text));
  return record;
}

Result<SyncPolicy> PolicyOf(const std::string& name) {
  if (name == "every") return SyncPolicy::kEveryInsert;
  if (name == "interval") return SyncPolicy::kInterval;
  if (name == "none") return SyncPolicy::kNone;
  return Error(ErrorKind::kBadInput, "no policy ", name);
}

/// The table's position, as the caller knows it: in a file beside the log.
class Position {
 public:
  explicit Position(const std::string& folder)
      : store_(LocalStore::Make(folder + ".position", {.durable = false}).ValueOrDie()) {}
  uint64_t Read() const {
    const auto bytes = store_->Read("covered");
    return bytes.ok() ? std::strtoull(std::string((*bytes)->text()).c_str(), nullptr, 10) : 0;
  }
  Status Write(uint64_t covered) const { return store_->Put("covered", std::to_string(covered)); }

 private:
  std::shared_ptr<LocalStore> store_;
};

}  // namespace

Status WriteLog(const std::string& folder, const std::string& policy, int64_t rounds) {
  LogOptions options;
  ARROW_ASSIGN_OR_RAISE(options.sync, PolicyOf(policy));
  options.sync_interval = std::chrono::milliseconds(1);
  options.segment_bytes = 20'000;
  options.grace = std::chrono::milliseconds(0);
  const Position position(folder);
  ARROW_ASSIGN_OR_RAISE(const auto log_folder, OpenLocalLogFolder(folder));
  for (int opening = 0; opening < 2; ++opening) {
    ARROW_ASSIGN_OR_RAISE(const auto log,
                          WriteAheadLog::Open(log_folder, kLog, position.Read(), options));
    for (int64_t round = 0; round < rounds; ++round) {
      const uint64_t first = log->acknowledged() + 1;
      // Every fourth group reaches into another segment.
      const uint64_t count = round % 4 == 3 ? 20 : 1 + static_cast<uint64_t>(round) % 3;
      const std::string range = std::to_string(first) + " " + std::to_string(count);
      Say("try " + range);
      for (uint64_t n = first; n < first + count; ++n) {
        ARROW_RETURN_NOT_OK(log->Enqueue(RecordOf(n)).status());
      }
      ARROW_RETURN_NOT_OK(log->WaitAcknowledged(first + count - 1));
      Say("ack " + range);
      if (round % 5 != 4) continue;
      Say("cover " + std::to_string(first));
      ARROW_RETURN_NOT_OK(position.Write(first));
      ARROW_RETURN_NOT_OK(log->Release(first));
    }
    ARROW_RETURN_NOT_OK(log->Close());
  }
  Say("done");
  return Status::OK();
}

Status CheckLog(const std::string& folder, uint64_t covered) {
  ARROW_ASSIGN_OR_RAISE(const std::shared_ptr<LogFolder> log_folder, OpenLocalLogFolder(folder));
  const auto visit = [&](const LogRecord& record) -> Status {
    const LogRecord expected = RecordOf(record.sequence);
    if (record.batch_id != expected.batch_id || !record.payload->Equals(*expected.payload)) {
      return Error(ErrorKind::kCorrupt, "record ", record.sequence, " is not what was written");
    }
    Say("id " + std::to_string(record.sequence));
    return Status::OK();
  };
  // As another process sees it that only reads.
  ARROW_ASSIGN_OR_RAISE(const auto before, DescribeLog(*log_folder, kLog));
  ARROW_RETURN_NOT_OK(before.scan.damage);
  ARROW_ASSIGN_OR_RAISE(const auto log, WriteAheadLog::Open(log_folder, kLog, covered));
  if (log->acknowledged() < before.acknowledged) {
    return Error(ErrorKind::kCorrupt, "the watermark was at ", before.acknowledged);
  }
  return log->Replay(covered, visit);
}

}  // namespace tarn
