// SPDX-License-Identifier: Apache-2.0
//
// WriteAheadLog: the rows of a table that are in memory and not yet in its files, on a local disk.
// What it has acknowledged survives the end of the process and, under the policy that syncs, a loss
// of power; not the loss of the machine or its disk.
//
//   log = WriteAheadLog::Open(folder, id, covered)      // covered: what the table holds already
//   log->Replay(covered, visitor)                       // what it does not
//   sequence = log->Enqueue(record)                     // under the caller's lock, in its order
//   log->WaitAcknowledged(sequence)                     // outside of it
//   log->Release(covered)                               // after each commit of the table
//
// One writer: the folder's lock keeps out others, and each opening begins an epoch; a writer that
// lost its lock without knowing finds out before it acknowledges anything (kCommitConflict).
//
// After any failure of the disk while writing or syncing the log is *failed*: Enqueue,
// WaitAcknowledged and Sync return that error until the log is opened anew. Records that were not
// acknowledged by then are found by the next Replay or not, each whole or not at all.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "store/log_folder.h"
#include "table/wal/log_record.h"
#include "table/wal/log_segment.h"

namespace tarn {

enum class SyncPolicy {
  kEveryInsert,  ///< acknowledged is what is on the disk; callers that wait together share a sync
  kInterval,     ///< what the system has; a thread syncs at intervals. A power loss takes the rest
  kNone,         ///< what the system has; it syncs when it likes, and Sync and Close do
};

struct LogOptions {
  SyncPolicy sync = SyncPolicy::kEveryInsert;
  std::chrono::milliseconds sync_interval{100};
  uint64_t segment_bytes = 64 << 20;  ///< reserved at once; a longer record gets a longer segment
  /// How long a segment stays after Release, for readers whose view of the table is older.
  std::chrono::milliseconds grace{std::chrono::minutes(5)};
  const Clock* clock = &Clock::System();  ///< for the grace; must outlive the log
};

/// Thread-safe, but for Close and destruction: when nobody else is in a call.
class WriteAheadLog {
 public:
  /// Opens the log, or makes a new one. `covered`: the highest sequence that the table holds.
  /// kCommitConflict when another writer has it open; kCorrupt, with the file and the byte, when a
  /// record beyond `covered` that was durable cannot be read any more; kBadInput when the folder
  /// holds another log; kNotSupported when a newer version wrote it.
  static Result<std::unique_ptr<WriteAheadLog>> Open(std::shared_ptr<LogFolder> folder,
                                                     const LogId& id, uint64_t covered,
                                                     LogOptions options = {});
  /// As Close, without a word about failures.
  virtual ~WriteAheadLog() = default;

  /// Of this opening; higher than any before.
  virtual uint64_t epoch() const = 0;
  /// Visits the acknowledged records with sequences above `after`, in order, one at a time in
  /// memory. kNotFound when the first of them were released.
  virtual Status Replay(uint64_t after, const LogVisitor& visitor) = 0;

  /// Takes a record (whatever its `sequence`) and gives it the next sequence, which it returns. The
  /// order of sequences is the order of calls. Nothing is promised yet. An error means that the
  /// record was not taken: kBadInput (too long), or kIo when a new segment is needed and the disk
  /// has no room for it; then the log can still be used, and shorter records may fit.
  virtual Result<uint64_t> Enqueue(LogRecord record) = 0;
  /// Waits until the record, and all before it, are acknowledged under the policy.
  virtual Status WaitAcknowledged(uint64_t sequence) = 0;
  /// Makes everything that was enqueued before the call durable, whatever the policy.
  virtual Status Sync() = 0;

  /// Every record up to this one is acknowledged. Readers in other processes see them, the last
  /// ones perhaps an instant earlier.
  virtual uint64_t acknowledged() const = 0;
  /// Every record up to this one is on the disk.
  virtual uint64_t durable() const = 0;

  /// The table holds the records up to `covered`: segments that hold no others are deleted once
  /// they have been so for the grace (by this call or a later one). kBadInput for what was not
  /// acknowledged; kIo when a file cannot be deleted, and it is tried again next time.
  virtual Status Release(uint64_t covered) = 0;
  /// Makes everything durable and gives up the lock. A failed log writes nothing more, and says so.
  virtual Status Close() = 0;
};

}  // namespace tarn
