// SPDX-License-Identifier: Apache-2.0
//
// Opening a log to write: the lock, the end of what is there, and the first segment of a new epoch.
#pragma once

#include <memory>
#include <vector>

#include "table/wal/log_marks.h"
#include "table/wal/log_segment.h"

namespace tarn {

struct OpenedLog {
  std::unique_ptr<StoreLock> lock;
  LogOwner owner;
  std::unique_ptr<MarkFile> owner_file;
  std::unique_ptr<MarkFile> watermark_file;
  std::vector<SegmentName> segments;  ///< in order; the last one is written to
  SegmentHeader current;
  std::unique_ptr<LogFile> file;
  uint64_t position = 0;  ///< in it, behind the last record
  uint64_t last = 0;      ///< the last record there is, all of them durable
};

/// Steps, in this order: take the lock; become the owner; find the end; write a segment with the
/// records that are not known to be durable; sync it, then give it its name, which ends the older
/// epochs; delete what it supersedes, and what the
/// table had already when the writer before this one began. A crash between any two leaves a log
/// with the same records.
Result<OpenedLog> OpenLog(LogFolder& folder, const LogId& id, uint64_t covered,
                          uint64_t segment_bytes);

}  // namespace tarn
