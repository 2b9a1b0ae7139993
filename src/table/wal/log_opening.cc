// SPDX-License-Identifier: Apache-2.0
#include "table/wal/log_opening.h"

#include <algorithm>
#include <utility>

#include "base/crash_point.h"
#include "base/random_id.h"
#include "table/wal/log_scan.h"

namespace tarn {
namespace {

CrashPoint kOpenOwned("wal/open/owned");
CrashPoint kOpenWritten("wal/open/written");
CrashPoint kOpenSynced("wal/open/synced");
CrashPoint kOpenNamed("wal/open/named");
CrashPoint kOpenPublished("wal/open/published");
CrashPoint kOpenCleaned("wal/open/cleaned");

Status DeleteIfThere(LogFolder& folder, const std::string& name) {
  const Status deleted = folder.Delete(name);
  return IsKind(deleted, ErrorKind::kNotFound) ? Status::OK() : deleted;
}

Status BecomeOwner(LogFolder& folder, uint64_t epoch, OpenedLog* log) {
  if (epoch > kMostEpoch) {
    return Error(ErrorKind::kNotSupported, "the log ", folder.PathOf(""),
                 " was opened too often; use a new one");
  }
  log->owner = {epoch, static_cast<uint64_t>(NewRandomId())};
  ARROW_ASSIGN_OR_RAISE(log->owner_file, MarkFile::OpenOrCreate(folder, kOwnerName));
  ARROW_ASSIGN_OR_RAISE(log->watermark_file, MarkFile::OpenOrCreate(folder, kWatermarkName));
  return log->owner_file->Write(log->owner);
}

/// Writes the records (scan.durable, scan.last] into the draft, in their new segment's words. What
/// the system shows of them may not be on the disk, and a failed sync is told only once.
Status WriteDraft(LogFolder& folder, const LogId& id, const LogScan& scan, uint64_t segment_bytes,
                  OpenedLog* log) {
  std::vector<SegmentName> segments;
  for (const auto& segment : scan.segments) segments.push_back(segment.name);
  uint64_t bytes = kSegmentHeaderBytes;
  const uint64_t after = log->current.name.first - 1;
  const auto visit = [&](const LogVisitor& visitor) {
    return VisitRecords(folder, id, segments, after, std::max(scan.last, after), visitor);
  };
  ARROW_RETURN_NOT_OK(visit([&](const LogRecord& record) -> Status {
    ARROW_ASSIGN_OR_RAISE(const auto header, DescribeRecord(record));
    bytes += header.record_bytes();
    return Status::OK();
  }));
  ARROW_ASSIGN_OR_RAISE(log->file,
                        CreateDraft(folder, std::max(segment_bytes, bytes), log->current, id));
  log->position = kSegmentHeaderBytes;
  return visit([&](const LogRecord& record) -> Status {
    ARROW_ASSIGN_OR_RAISE(auto header, DescribeRecord(record));
    header.sequence = record.sequence;
    header.durable = after;
    const auto encoded = EncodeRecordHeader(header, log->current.crc);
    std::vector<std::span<const std::byte>> pieces;
    AppendRecordPieces(encoded, record, pieces);
    ARROW_RETURN_NOT_OK(log->file->Write(log->position, pieces));
    log->position += header.record_bytes();
    return Status::OK();
  });
}

/// The segments of which every record is in the draft, or beyond the log's end.
std::vector<SegmentName> Superseded(const LogScan& scan, const SegmentName& by) {
  std::vector<SegmentName> gone = scan.superseded;
  for (const auto& segment : scan.segments) {
    if (segment.name.first >= by.first) gone.push_back(segment.name);
  }
  return gone;
}

/// How many of the oldest segments hold nothing but what the table had when the last writer began.
/// A writer that lives no longer than the grace deletes none of those before it; so that they do
/// not pile up, the next but one does. A reader whose view is so old finds them gone and takes a
/// newer.
size_t LongCovered(const LogScan& scan) {
  if (scan.segments.empty()) return 0;
  const uint64_t covered = scan.segments.back().covered;
  size_t count = 0;
  while (count + 1 < scan.segments.size() && scan.segments[count].last <= covered &&
         scan.segments[count + 1].name.first <= covered + 1) {
    ++count;
  }
  return count;
}

}  // namespace

Result<OpenedLog> OpenLog(LogFolder& folder, const LogId& id, uint64_t covered,
                          uint64_t segment_bytes) {
  OpenedLog log;
  ARROW_ASSIGN_OR_RAISE(log.lock, folder.Lock());
  // First of all: an older writer that is still alive then acknowledges nothing that is not seen
  // below.
  ARROW_ASSIGN_OR_RAISE(const uint64_t epoch, HighestEpoch(folder));
  ARROW_RETURN_NOT_OK(BecomeOwner(folder, epoch + 1, &log));
  kOpenOwned.Reach();
  ARROW_ASSIGN_OR_RAISE(const auto scan, ScanLog(folder, id, covered));
  ARROW_RETURN_NOT_OK(scan.damage);

  log.last = std::max(scan.last, covered);
  log.current.name = {std::max(scan.durable, covered) + 1, log.owner.epoch};
  log.current.durable = log.last;
  log.current.covered = covered;
  ARROW_RETURN_NOT_OK(WriteDraft(folder, id, scan, segment_bytes, &log));
  kOpenWritten.Reach();
  ARROW_RETURN_NOT_OK(log.file->Sync());
  kOpenSynced.Reach();
  ARROW_RETURN_NOT_OK(folder.Rename(kDraftName, log.current.name.ToString()));
  kOpenNamed.Reach();
  ARROW_RETURN_NOT_OK(folder.Sync());
  kOpenPublished.Reach();
  for (const SegmentName& name : Superseded(scan, log.current.name)) {
    ARROW_RETURN_NOT_OK(DeleteIfThere(folder, name.ToString()));
  }
  kOpenCleaned.Reach();
  const size_t gone = LongCovered(scan);
  for (size_t i = 0; i < gone; ++i)
    ARROW_RETURN_NOT_OK(DeleteIfThere(folder, scan.segments[i].name.ToString()));
  for (size_t i = gone; i < scan.segments.size(); ++i) {
    const auto& segment = scan.segments[i];
    if (segment.name.first < log.current.name.first) log.segments.push_back(segment.name);
  }
  log.segments.push_back(log.current.name);
  ARROW_RETURN_NOT_OK(log.watermark_file->Write(Watermark{log.owner.epoch, log.last, log.last}));
  ARROW_RETURN_NOT_OK(log.watermark_file->Sync());
  return log;
}

}  // namespace tarn
