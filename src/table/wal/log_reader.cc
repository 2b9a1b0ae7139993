// SPDX-License-Identifier: Apache-2.0
#include "table/wal/log_reader.h"

#include <algorithm>
#include <utility>

namespace tarn {
namespace {

/// Looks at files that a writer may be taking away.
constexpr int kMostLooks = 20;

}  // namespace

LogReader::LogReader(std::shared_ptr<LogFolder> folder, LogId id, uint64_t after)
    : folder_(std::move(folder)), id_(std::move(id)), position_(after) {}

Result<std::unique_ptr<LogReader>> LogReader::Open(std::shared_ptr<LogFolder> folder,
                                                   const LogId& id, uint64_t after) {
  ARROW_RETURN_NOT_OK(LogIdBytes(id).status());
  return std::unique_ptr<LogReader>(new LogReader(std::move(folder), id, after));
}

Result<std::optional<Watermark>> LogReader::CurrentWatermark() {
  if (watermark_file_ == nullptr) {
    auto file = MarkFile::OpenToRead(*folder_, kWatermarkName);
    if (IsKind(file.status(), ErrorKind::kNotFound)) return std::nullopt;
    ARROW_ASSIGN_OR_RAISE(watermark_file_, std::move(file));
  }
  return watermark_file_->ReadWatermark();
}

Status LogReader::Find() {
  const uint64_t next = position_ + 1;
  for (int looks = 0;; ++looks) {
    ARROW_ASSIGN_OR_RAISE(const auto names, ListSegments(*folder_));
    const auto after = std::upper_bound(names.begin(), names.end(), SegmentName{next, kMostEpoch});
    if (after == names.begin()) {
      return Error(ErrorKind::kNotFound, "the log ", folder_->PathOf(""), " has no record ", next,
                   " any more: the table holds it; look at its newest state");
    }
    auto segment = SegmentReader::Open(*folder_, *(after - 1), id_);
    // Released, or superseded, since the folder was listed.
    if (IsKind(segment.status(), ErrorKind::kNotFound) && looks < kMostLooks) continue;
    ARROW_ASSIGN_OR_RAISE(segment_, std::move(segment));
    limit_ = after == names.end() ? UINT64_MAX : after->first;
    return Status::OK();
  }
}

Status LogReader::WhyNothing() {
  const uint64_t next = position_ + 1;
  ARROW_ASSIGN_OR_RAISE(const auto names, ListSegments(*folder_));
  for (const SegmentName& name : names) {
    ARROW_ASSIGN_OR_RAISE(const auto reader, SegmentReader::Open(*folder_, name, id_));
    if (reader->header().covered < next) continue;
    return Error(ErrorKind::kNotFound, "the log ", folder_->PathOf(""), " has no record ", next,
                 " any more: the table holds it; look at its newest state");
  }
  return Error(ErrorKind::kCorrupt, folder_->PathOf(segment_->header().name.ToString()),
               " is damaged at byte ", segment_->position(), ": record ", next,
               ", which its writer acknowledged, cannot be read");
}

Status LogReader::Poll(const LogVisitor& visitor) {
  ARROW_ASSIGN_OR_RAISE(const auto watermark, CurrentWatermark());
  if (!watermark || watermark->acknowledged <= position_) return Status::OK();
  if (watermark->epoch != epoch_) segment_.reset();
  epoch_ = watermark->epoch;
  LogRecord record;
  bool found_now = false;
  while (position_ < watermark->acknowledged) {
    const uint64_t next = position_ + 1;
    if (segment_ != nullptr && segment_->next_sequence() >= limit_) segment_.reset();
    if (segment_ == nullptr) {
      ARROW_RETURN_NOT_OK(Find());
      found_now = true;
    }
    ARROW_ASSIGN_OR_RAISE(const auto found, segment_->Next(&record, next));
    if (found == SegmentReader::Found::kNothing) {
      if (found_now) {
        const Status why = WhyNothing();
        segment_.reset();
        return why;
      }
      segment_.reset();  // the writer has begun another one
      continue;
    }
    if (record.sequence < next) continue;
    const Status visited = visitor(record);
    if (!visited.ok()) {
      segment_.reset();
      return visited;
    }
    position_ = record.sequence;
    found_now = false;
  }
  return Status::OK();
}

Result<LogSummary> DescribeLog(LogFolder& folder, const LogId& id,
                               std::optional<uint64_t> covered) {
  LogSummary summary;
  // A writer that goes on can make a look into its files seem damaged, but not at one place twice.
  for (int looks = 0;; ++looks) {
    auto scan = ScanLog(folder, id, covered);
    if (IsKind(scan.status(), ErrorKind::kNotFound) && looks < kMostLooks) continue;
    ARROW_RETURN_NOT_OK(scan.status());
    const bool same = looks > 0 && scan->last == summary.scan.last;
    summary.scan = std::move(scan).ValueUnsafe();
    if (summary.scan.damage.ok() || same || looks == kMostLooks) break;
  }
  ARROW_ASSIGN_OR_RAISE(summary.epoch, HighestEpoch(folder));
  if (summary.scan.watermark) summary.acknowledged = summary.scan.watermark->acknowledged;
  for (const auto& segment : summary.scan.segments) {
    if (summary.first == 0 && segment.last >= segment.name.first) {
      summary.first = segment.name.first;
    }
    summary.bytes += segment.bytes;
    summary.torn_bytes += segment.torn_bytes;
  }
  return summary;
}

}  // namespace tarn
