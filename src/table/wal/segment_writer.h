// SPDX-License-Identifier: Apache-2.0
//
// SegmentWriter: where the records of a log go. It decides their places, makes the next segment
// when one is full, writes groups of records and syncs what was written.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "table/wal/log_opening.h"

namespace tarn {

/// A segment that is written to. `end`, of what has a place in it, belongs to whoever gives places.
struct OpenSegment {
  SegmentHeader header;
  std::unique_ptr<LogFile> file;
  uint64_t end = kSegmentHeaderBytes;
  bool named_durably = false;  ///< its name survives a power loss
};

/// A record that has its place and is not written yet.
struct PlacedRecord {
  std::shared_ptr<OpenSegment> segment;
  uint64_t offset = 0;
  RecordHeader header;
  LogRecord record;
};

/// Place, Write and Sync may run beside each other, each in one thread at a time.
class SegmentWriter {
 public:
  SegmentWriter(LogFolder& folder, LogId id, uint64_t segment_bytes, OpenedLog& opened);

  /// Gives a record its place; header.sequence and .durable are set. When that takes a new segment
  /// and there is no room for it (kIo), nothing has changed, unless the writer is broken by it.
  Status Place(PlacedRecord* placed, uint64_t covered);
  /// Nobody knows which file is the segment: nothing more may be written.
  bool broken() const { return broken_; }
  /// Writes the records, which are in the order of their places. `durable`: what they state.
  Status Write(std::vector<PlacedRecord>& group, uint64_t durable);
  /// Makes durable what was written before the call.
  Status Sync();

 private:
  Status Roll(const PlacedRecord& placed, uint64_t covered);

  LogFolder& folder_;
  const LogId id_;
  const uint64_t segment_bytes_;
  std::shared_ptr<OpenSegment> current_;
  bool broken_ = false;
  std::mutex mutex_;
  std::vector<std::shared_ptr<OpenSegment>> unsynced_;  // guarded by mutex_; in order
};

}  // namespace tarn
