// SPDX-License-Identifier: Apache-2.0
#include "table/wal/segment_writer.h"

#include <algorithm>
#include <utility>

#include "base/crash_point.h"

namespace tarn {
namespace {

CrashPoint kRollMade("wal/roll/made");
CrashPoint kWriteBefore("wal/write/before");
CrashPoint kWritePartial("wal/write/partial");
CrashPoint kWriteDone("wal/write/done");
CrashPoint kSyncFile("wal/sync/file");
CrashPoint kSyncDone("wal/sync/done");

}  // namespace

SegmentWriter::SegmentWriter(LogFolder& folder, LogId id, uint64_t segment_bytes, OpenedLog& opened)
    : folder_(folder), id_(std::move(id)), segment_bytes_(segment_bytes) {
  current_ = std::make_shared<OpenSegment>();
  current_->header = opened.current;
  current_->file = std::move(opened.file);
  current_->end = opened.position;
  current_->named_durably = true;
}

Status SegmentWriter::Roll(const PlacedRecord& placed, uint64_t covered) {
  auto next = std::make_shared<OpenSegment>();
  next->header.name = {placed.header.sequence, current_->header.name.epoch};
  next->header.durable = placed.header.durable;
  next->header.covered = covered;
  const uint64_t bytes =
      std::max(segment_bytes_, kSegmentHeaderBytes + placed.header.record_bytes());
  auto made = CreateDraft(folder_, bytes, next->header, id_);
  if (!made.ok()) {
    return WithContext(made.status(),
                       "the log needs another segment; nothing of this batch was written");
  }
  next->file = std::move(made).ValueUnsafe();
  // A segment that has no record yet gives its name to the one that holds the first. The name
  // stands for the epoch, so what bears it is always whole.
  if (next->header.name == current_->header.name) ARROW_RETURN_NOT_OK(next->file->Sync());
  // After a failure the name may be either's.
  const Status named = folder_.Rename(kDraftName, next->header.name.ToString());
  broken_ = !named.ok();
  ARROW_RETURN_NOT_OK(named);
  kRollMade.Reach();
  current_ = std::move(next);
  return Status::OK();
}

Status SegmentWriter::Place(PlacedRecord* placed, uint64_t covered) {
  const uint64_t bytes = placed->header.record_bytes();
  if (bytes > current_->file->size() - current_->end) ARROW_RETURN_NOT_OK(Roll(*placed, covered));
  placed->segment = current_;
  placed->offset = current_->end;
  current_->end += bytes;
  return Status::OK();
}

Status SegmentWriter::Write(std::vector<PlacedRecord>& group, uint64_t durable) {
  kWriteBefore.Reach();
  std::vector<std::array<std::byte, kRecordHeaderBytes>> headers;
  headers.reserve(group.size());
  std::vector<std::span<const std::byte>> pieces;
  for (size_t begin = 0; begin < group.size();) {
    const auto segment = group[begin].segment;
    pieces.clear();
    size_t end = begin;
    for (; end < group.size() && group[end].segment == segment; ++end) {
      group[end].header.durable = durable;
      headers.push_back(EncodeRecordHeader(group[end].header, segment->header.crc));
      AppendRecordPieces(headers.back(), group[end].record, pieces);
    }
    if (begin > 0) kWritePartial.Reach();
    ARROW_RETURN_NOT_OK(segment->file->Write(group[begin].offset, pieces));
    {
      // Not before: a sync that is under way would take the segment and miss the bytes.
      const std::lock_guard guard(mutex_);
      if (unsynced_.empty() || unsynced_.back() != segment) unsynced_.push_back(segment);
    }
    begin = end;
  }
  kWriteDone.Reach();
  return Status::OK();
}

Status SegmentWriter::Sync() {
  std::vector<std::shared_ptr<OpenSegment>> segments;
  {
    // What is written from here on puts its segment there again.
    const std::lock_guard guard(mutex_);
    segments.swap(unsynced_);
  }
  bool names = false;
  for (const auto& segment : segments) {
    ARROW_RETURN_NOT_OK(segment->file->Sync());
    kSyncFile.Reach();
    names = names || !segment->named_durably;
  }
  if (names) ARROW_RETURN_NOT_OK(folder_.Sync());
  for (const auto& segment : segments) segment->named_durably = true;
  kSyncDone.Reach();
  return Status::OK();
}

}  // namespace tarn
