// SPDX-License-Identifier: Apache-2.0
#include "table/wal/write_ahead_log.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/crash_point.h"
#include "table/wal/group_gathering.h"
#include "table/wal/log_opening.h"
#include "table/wal/segment_writer.h"

namespace tarn {
namespace {

CrashPoint kAcknowledgeBefore("wal/acknowledge/before");
CrashPoint kAcknowledgeDone("wal/acknowledge/done");
CrashPoint kReleaseDeleted("wal/release/deleted");
CrashPoint kCloseSynced("wal/close/synced");

using SteadyClock = std::chrono::steady_clock;
using Lock = std::unique_lock<std::mutex>;

/// A segment whose records are all in the table, and since when.
struct CoveredSegment {
  SegmentName name;
  std::chrono::system_clock::time_point since;
};

class WriteAheadLogImpl : public WriteAheadLog {
 public:
  WriteAheadLogImpl(std::shared_ptr<LogFolder> folder, LogId id, uint64_t covered,
                    LogOptions options, OpenedLog opened)
      : folder_(std::move(folder)),
        id_(std::move(id)),
        options_(options),
        writer_(*folder_, id_, options.segment_bytes, opened),
        opened_(std::move(opened)),
        segments_(opened_.segments),
        covered_(covered),
        next_(opened_.last + 1),
        written_(opened_.last),
        durable_(opened_.last),
        acknowledged_(opened_.last) {
    if (options_.sync == SyncPolicy::kInterval) {
      syncer_ = std::thread([this] { SyncAtIntervals(); });
    }
  }
  ~WriteAheadLogImpl() override { (void)Close(); }

  uint64_t epoch() const override { return opened_.owner.epoch; }
  uint64_t acknowledged() const override { return acknowledged_; }
  uint64_t durable() const override { return durable_; }

  Status Replay(uint64_t after, const LogVisitor& visitor) override {
    std::vector<SegmentName> segments;
    {
      const Lock lock(mutex_);
      segments = segments_;
    }
    return VisitRecords(*folder_, id_, segments, after, acknowledged_, visitor);
  }

  Result<uint64_t> Enqueue(LogRecord record) override;
  Status WaitAcknowledged(uint64_t sequence) override;
  Status Sync() override;
  Status Release(uint64_t covered) override;
  Status Close() override;

 private:
  /// Writes what is enqueued, and syncs it if the policy says so, for everybody who waits. The lock
  /// is given up meanwhile. Only where writing_ is false.
  void Lead(Lock& lock);
  /// Only where syncing_ is false.
  Status SyncWritten(Lock& lock);
  /// Lets everybody know how far the log goes.
  Status Acknowledge(uint64_t sequence);
  void Fail(const Status& status);
  void SyncAtIntervals();

  const std::shared_ptr<LogFolder> folder_;
  const LogId id_;
  const LogOptions options_;
  SegmentWriter writer_;
  OpenedLog opened_;

  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::condition_variable joined_;
  std::condition_variable closing_;
  std::vector<SegmentName> segments_;             // in order; the last one is written to
  std::vector<CoveredSegment> covered_segments_;  // still there
  uint64_t covered_;
  uint64_t next_;
  uint64_t written_;  // by the system
  std::atomic<uint64_t> durable_;
  std::atomic<uint64_t> acknowledged_;
  std::vector<PlacedRecord> pending_;
  GroupGathering gathering_;
  bool writing_ = false;  // a thread is in Lead
  bool syncing_ = false;  // a thread is in SyncWritten
  bool closed_ = false;
  Status failed_;
  std::thread syncer_;
};

Result<uint64_t> WriteAheadLogImpl::Enqueue(LogRecord record) {
  PlacedRecord placed;
  // The checksum takes the longest, and needs no lock.
  ARROW_ASSIGN_OR_RAISE(placed.header, DescribeRecord(record));
  placed.record = std::move(record);
  const Lock lock(mutex_);
  ARROW_RETURN_NOT_OK(failed_);
  if (closed_) return Error(ErrorKind::kBadInput, "the log ", folder_->PathOf(""), " is closed");
  placed.header.sequence = placed.record.sequence = next_;
  placed.header.durable = durable_;
  const Status has_place = writer_.Place(&placed, covered_);
  if (writer_.broken()) Fail(has_place);
  ARROW_RETURN_NOT_OK(has_place);
  const SegmentName& name = placed.segment->header.name;
  if (segments_.back() != name) segments_.push_back(name);
  pending_.push_back(std::move(placed));
  return next_++;
}

Status WriteAheadLogImpl::WaitAcknowledged(uint64_t sequence) {
  Lock lock(mutex_);
  if (sequence >= next_) {
    return Error(ErrorKind::kBadInput, "the log ", folder_->PathOf(""), " has no record ", sequence,
                 " yet; the last one is ", next_ - 1);
  }
  bool joined = false;
  while (acknowledged_ < sequence) {
    ARROW_RETURN_NOT_OK(failed_);
    if (!joined) {
      gathering_.Join(sequence);
      joined = true;
      if (gathering_.complete()) joined_.notify_all();
    }
    if (writing_) {
      changed_.wait(lock);
    } else {
      Lead(lock);
    }
  }
  return Status::OK();
}

void WriteAheadLogImpl::Lead(Lock& lock) {
  writing_ = true;
  const bool every = options_.sync == SyncPolicy::kEveryInsert;
  if (every && !gathering_.complete()) {
    joined_.wait_for(lock, gathering_.patience(), [&] { return gathering_.complete(); });
  }
  const auto start = SteadyClock::now();
  Status status = failed_;
  if (status.ok() && !pending_.empty()) {
    auto group = std::exchange(pending_, {});
    const uint64_t durable = durable_;
    lock.unlock();
    status = writer_.Write(group, durable);
    const uint64_t last = group.back().header.sequence;
    group.clear();
    lock.lock();
    if (status.ok()) written_ = last;
  }
  while (every && syncing_) changed_.wait(lock);
  if (status.ok()) status = failed_;
  if (status.ok() && every) status = SyncWritten(lock);
  if (status.ok()) status = Acknowledge(every ? durable_.load() : written_);
  if (!status.ok()) Fail(status);
  gathering_.Served(acknowledged_, SteadyClock::now() - start);
  writing_ = false;
  changed_.notify_all();
}

Status WriteAheadLogImpl::SyncWritten(Lock& lock) {
  syncing_ = true;
  const uint64_t written = written_;
  lock.unlock();
  const Status status = writer_.Sync();
  lock.lock();
  syncing_ = false;
  changed_.notify_all();
  if (status.ok()) durable_ = written;
  return status;
}

Status WriteAheadLogImpl::Acknowledge(uint64_t sequence) {
  kAcknowledgeBefore.Reach();
  ARROW_ASSIGN_OR_RAISE(const auto owner, opened_.owner_file->ReadOwner());
  if (owner != opened_.owner) {
    return Error(ErrorKind::kCommitConflict, "the log ", folder_->PathOf(""),
                 " was opened by another writer",
                 owner ? ", in epoch " + std::to_string(owner->epoch) : std::string(),
                 "; this one, of epoch ", opened_.owner.epoch, ", may write no more");
  }
  ARROW_RETURN_NOT_OK(
      opened_.watermark_file->Write(Watermark{opened_.owner.epoch, sequence, durable_}));
  kAcknowledgeDone.Reach();
  acknowledged_ = sequence;
  return Status::OK();
}

void WriteAheadLogImpl::Fail(const Status& status) {
  if (failed_.ok()) {
    failed_ = IsKind(status, ErrorKind::kCommitConflict)
                  ? status
                  : WithContext(status,
                                "the log takes nothing more until it is opened again, for what "
                                "was written may be lost");
  }
  changed_.notify_all();
}

Status WriteAheadLogImpl::Sync() {
  Lock lock(mutex_);
  const uint64_t wanted = next_ - 1;
  while (durable_ < wanted) {
    ARROW_RETURN_NOT_OK(failed_);
    if (!pending_.empty() && !writing_) {
      Lead(lock);
    } else if (written_ > durable_ && !syncing_) {
      Status status = SyncWritten(lock);
      // Tells the others how much is safe.
      if (status.ok() && failed_.ok())
        status = Acknowledge(std::max<uint64_t>(acknowledged_, durable_));
      if (!status.ok()) Fail(status);
    } else {
      changed_.wait(lock);
    }
  }
  return Status::OK();
}

void WriteAheadLogImpl::SyncAtIntervals() {
  for (;;) {
    {
      Lock lock(mutex_);
      closing_.wait_for(lock, options_.sync_interval, [&] { return closed_; });
      if (closed_) return;
    }
    // A failure is seen by the next call.
    (void)Sync();
  }
}

Status WriteAheadLogImpl::Release(uint64_t covered) {
  std::vector<SegmentName> due;
  {
    const Lock lock(mutex_);
    if (covered > acknowledged_) {
      return Error(ErrorKind::kBadInput, "the log ", folder_->PathOf(""), " has acknowledged ",
                   acknowledged_.load(), " records; it cannot release ", covered);
    }
    if (closed_) return Error(ErrorKind::kBadInput, "the log ", folder_->PathOf(""), " is closed");
    covered_ = std::max(covered_, covered);
    const auto now = options_.clock->Now();
    size_t whole = 0;
    while (whole + 1 < segments_.size() && segments_[whole + 1].first - 1 <= covered_) {
      covered_segments_.push_back({segments_[whole++], now});
    }
    segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(whole));
    for (const auto& segment : covered_segments_) {
      if (now - segment.since >= options_.grace) due.push_back(segment.name);
    }
  }
  // The oldest first, so that what a crash leaves has no gap.
  for (const SegmentName& name : due) {
    const Status deleted = folder_->Delete(name.ToString());
    if (!deleted.ok() && !IsKind(deleted, ErrorKind::kNotFound)) return deleted;
    kReleaseDeleted.Reach();
    const Lock lock(mutex_);
    std::erase_if(covered_segments_, [&](const auto& segment) { return segment.name == name; });
  }
  return Status::OK();
}

Status WriteAheadLogImpl::Close() {
  {
    const Lock lock(mutex_);
    if (closed_) return Status::OK();
    closed_ = true;
    closing_.notify_all();
  }
  if (syncer_.joinable()) syncer_.join();
  Status status = Sync();
  if (status.ok()) status = failed_;
  if (status.ok()) status = opened_.watermark_file->Sync();
  if (status.ok()) kCloseSynced.Reach();
  opened_.lock.reset();
  return status;
}

}  // namespace

Result<std::unique_ptr<WriteAheadLog>> WriteAheadLog::Open(std::shared_ptr<LogFolder> folder,
                                                           const LogId& id, uint64_t covered,
                                                           LogOptions options) {
  if (options.segment_bytes <= kSegmentHeaderBytes || options.segment_bytes > (uint64_t{1} << 40)) {
    return Error(ErrorKind::kBadInput, "a segment of a log has more than ", kSegmentHeaderBytes,
                 " bytes and no more than a tebibyte, not ", options.segment_bytes);
  }
  if (options.grace.count() < 0 || options.sync_interval.count() < 1) {
    return Error(ErrorKind::kBadInput,
                 "the grace of a log cannot be negative, nor its sync interval below 1 ms");
  }
  ARROW_RETURN_NOT_OK(LogIdBytes(id).status());
  ARROW_ASSIGN_OR_RAISE(auto opened, OpenLog(*folder, id, covered, options.segment_bytes));
  auto log = std::make_unique<WriteAheadLogImpl>(std::move(folder), id, covered, options,
                                                 std::move(opened));
  // From now on the grace of what is covered runs. What cannot be deleted waits for the next call.
  (void)log->Release(covered);
  return log;
}

}  // namespace tarn
