// SPDX-License-Identifier: Apache-2.0
//
// LogScan: what a log holds, found by reading it, and where it ends.
//
// A log ends before the first record that cannot be read. That is a *torn tail* (a crash took what
// nobody had been promised) unless something proves that the record was durable once: the
// watermark, a segment, or any later record that says so. Then it is *damage*: records are lost.
//
// Each opening begins an epoch with a segment of its own, which is published only when everything
// before it is durable: at its first sequence the older epochs end, whatever else they hold.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "table/wal/log_marks.h"
#include "table/wal/log_segment.h"

namespace tarn {

struct ScannedSegment {
  SegmentName name;
  uint64_t last = 0;   ///< the last record that counts; first - 1 when there is none
  uint64_t bytes = 0;  ///< of the file
  uint64_t used_bytes = 0;
  uint64_t torn_bytes = 0;  ///< behind the last whole record
  uint64_t covered = 0;     ///< what the table held when it was made, says its header
};

struct LogScan {
  std::vector<ScannedSegment> segments;  ///< in order
  std::vector<SegmentName> superseded;   ///< of older epochs; whatever they hold is held again
  std::optional<Watermark> watermark;
  uint64_t covered = 0;  ///< the records up to this one were not looked at: the table holds them
  uint64_t last = 0;     ///< the last record that can be read
  uint64_t durable = 0;  ///< of those, the last that is known to be on the disk
  Status damage;         ///< kCorrupt: where; the records up to `last` can be read all the same
};

/// Looks at the records beyond `covered`; whatever lies up to there may be damaged or gone.
/// nullopt: the position of the table that the newest segment states. A log that does not exist is
/// empty.
Result<LogScan> ScanLog(LogFolder& folder, const LogId& id, std::optional<uint64_t> covered);

/// The segments that count, in order; the others go to `superseded`.
Result<std::vector<SegmentName>> ListSegments(LogFolder& folder,
                                              std::vector<SegmentName>* superseded = nullptr);

/// The highest epoch that was ever begun; 0: none.
Result<uint64_t> HighestEpoch(LogFolder& folder);

}  // namespace tarn
