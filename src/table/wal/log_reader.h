// SPDX-License-Identifier: Apache-2.0
//
// Reading a log that another process writes: what it has acknowledged, record by record, and what
// there is of it. Neither takes the lock nor writes anything.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "table/wal/log_marks.h"
#include "table/wal/log_scan.h"
#include "table/wal/log_segment.h"

namespace tarn {

/// Follows a log. One thread at a time.
class LogReader {
 public:
  /// Begins behind the record `after`. The log need not exist yet.
  static Result<std::unique_ptr<LogReader>> Open(std::shared_ptr<LogFolder> folder, const LogId& id,
                                                 uint64_t after);

  /// Visits, in order, the records that were acknowledged since the last call. Where nothing was,
  /// it costs a read of one word. kNotFound when the next record was released: the table holds it,
  /// so take a newer view and begin behind that. kCorrupt when a record cannot be read; and what
  /// the visitor returns: then its record comes again.
  Status Poll(const LogVisitor& visitor);

  /// The last record that was visited, or what the reader began behind.
  uint64_t position() const { return position_; }

 private:
  LogReader(std::shared_ptr<LogFolder> folder, LogId id, uint64_t after);
  Result<std::optional<Watermark>> CurrentWatermark();
  Status Find();
  Status WhyNothing();

  const std::shared_ptr<LogFolder> folder_;
  const LogId id_;
  uint64_t position_;
  uint64_t epoch_ = 0;  ///< of the writer when the segment was looked for
  std::unique_ptr<MarkFile> watermark_file_;
  std::unique_ptr<SegmentReader> segment_;  ///< that holds the next record; nullptr: not known
  uint64_t limit_ = 0;                      ///< the first sequence that another segment holds
};

/// What `tarn wal` tells of a log.
struct LogSummary {
  LogScan scan;
  uint64_t epoch = 0;         ///< the highest that was begun; 0: there is no log
  uint64_t first = 0;         ///< the first record that is there; 0: none is
  uint64_t acknowledged = 0;  ///< what the watermark says; 0: nothing
  uint64_t bytes = 0;         ///< of all segments
  uint64_t torn_bytes = 0;    ///< behind the end of the log
};

/// The log may be written to meanwhile. Damage is in scan.damage; errors are those of the folder,
/// of another log's segments and of newer versions. `covered`: as ScanLog.
Result<LogSummary> DescribeLog(LogFolder& folder, const LogId& id,
                               std::optional<uint64_t> covered = std::nullopt);

}  // namespace tarn
