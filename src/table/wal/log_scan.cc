// SPDX-License-Identifier: Apache-2.0
#include "table/wal/log_scan.h"

#include <algorithm>
#include <utility>

namespace tarn {
namespace {

constexpr uint64_t kNoLimit = UINT64_MAX;

class Scanner {
 public:
  Scanner(LogFolder& folder, const LogId& id) : folder_(folder), id_(id) {}

  Result<LogScan> Run(std::optional<uint64_t> covered) {
    // First, so that what it promises is there when it is looked for, though a writer goes on.
    ARROW_ASSIGN_OR_RAISE(scan_.watermark, ReadWatermark(folder_));
    ARROW_ASSIGN_OR_RAISE(const auto names, ListSegments(folder_, &scan_.superseded));
    if (scan_.watermark) Prove(scan_.watermark->durable, folder_.PathOf(kWatermarkName));
    covered_ = covered.value_or(names.empty() ? proven_ : names.front().first - 1);
    if (!covered) ARROW_RETURN_NOT_OK(LookForCovered(names));
    scan_.covered = covered_;
    next_ = covered_ + 1;
    for (size_t i = 0; i < names.size(); ++i) {
      const uint64_t limit = i + 1 < names.size() ? names[i + 1].first : kNoLimit;
      const bool begins_epoch = i == 0 ? names[i].first == 1 : names[i].epoch > names[i - 1].epoch;
      ARROW_RETURN_NOT_OK(Take(names[i], limit, begins_epoch));
    }
    if (!ended_) End({}, 0);
    ARROW_RETURN_NOT_OK(Judge());
    scan_.last = next_ - 1;
    scan_.durable = std::min(std::max(proven_, covered_), scan_.last);
    return std::move(scan_);
  }

 private:
  /// What the segments say of the table's position.
  Status LookForCovered(const std::vector<SegmentName>& names) {
    for (const SegmentName& name : names) {
      const auto reader = SegmentReader::Open(folder_, name, id_);
      if (reader.ok()) {
        covered_ = std::max(covered_, (*reader)->header().covered);
      } else if (!IsKind(reader.status(), ErrorKind::kCorrupt)) {
        return reader.status();
      }
    }
    return Status::OK();
  }

  void Prove(uint64_t durable, std::string by) {
    if (durable <= proven_) return;
    proven_ = durable;
    proven_by_ = std::move(by);
  }

  /// The log can be read no further than here.
  void End(std::string path, uint64_t position) {
    ended_ = true;
    end_path_ = std::move(path);
    end_position_ = position;
  }

  /// One segment; its records count up to `limit`.
  Status Take(const SegmentName& name, uint64_t limit, bool begins_epoch) {
    const std::string path = folder_.PathOf(name.ToString());
    ScannedSegment segment{name, name.first - 1};
    auto opened = SegmentReader::Open(folder_, name, id_);
    if (!opened.ok()) {
      if (!IsKind(opened.status(), ErrorKind::kCorrupt)) return opened.status();
      if (limit > next_ && !ended_) {
        End(path, 0);
        if (begins_epoch) Prove(next_, path + ", which was whole before it had this name,");
      }
      scan_.segments.push_back(segment);
      return Status::OK();
    }
    SegmentReader& reader = **opened;
    Prove(reader.header().durable, path);
    segment.covered = reader.header().covered;
    if (limit <= next_ && !ended_) {
      // All of it is covered.
      segment.last = limit - 1;
      segment.used_bytes = reader.size();
    } else {
      if (name.first > next_ && !ended_) {
        End({}, 0);
        // A log begins behind what was released, and that was in the table: it went back.
        if (scan_.segments.empty()) Prove(name.first - 1, path);
      }
      ARROW_RETURN_NOT_OK(Walk(reader, limit, path, &segment));
    }
    segment.bytes = reader.size();
    if (segment.used_bytes == 0) segment.used_bytes = reader.position();
    scan_.segments.push_back(segment);
    return Status::OK();
  }

  Status Walk(SegmentReader& reader, uint64_t limit, const std::string& path,
              ScannedSegment* segment) {
    LogRecord record;
    while (!ended_ && reader.next_sequence() < limit) {
      ARROW_ASSIGN_OR_RAISE(const auto found, reader.Next(&record, next_));
      if (found == SegmentReader::Found::kNothing) break;
      Prove(reader.durable(), path);  // so that the least is written again
      segment->last = record.sequence;
      next_ = std::max(next_, record.sequence + 1);
    }
    if (reader.next_sequence() >= limit) return Status::OK();
    if (!ended_) End(path, reader.position());
    ARROW_ASSIGN_OR_RAISE(const auto rest, reader.SearchRest());
    if (rest.durable > 0) Prove(rest.durable, path + " at " + std::to_string(rest.stated_at));
    segment->torn_bytes = rest.end - reader.position();
    return Status::OK();
  }

  Status Judge() {
    if (proven_ < next_) return Status::OK();
    if (end_path_.empty()) {
      scan_.damage = Error(ErrorKind::kCorrupt, "the log ", folder_.PathOf(""),
                           " lost its records ", next_, " to ", proven_, ", which ", proven_by_,
                           " says were durable: bring back its segments");
    } else {
      scan_.damage = Error(ErrorKind::kCorrupt, end_path_, " is damaged at byte ", end_position_,
                           ": record ", next_, " cannot be read, and ", proven_by_,
                           " says that all up to ", proven_, " were durable");
    }
    return Status::OK();
  }

  LogFolder& folder_;
  const LogId& id_;
  LogScan scan_;
  uint64_t covered_ = 0;
  uint64_t next_ = 1;    // the first that is neither covered nor read
  uint64_t proven_ = 0;  // all up to here were durable once
  std::string proven_by_;
  bool ended_ = false;
  std::string end_path_;
  uint64_t end_position_ = 0;
};

}  // namespace

Result<std::vector<SegmentName>> ListSegments(LogFolder& folder,
                                              std::vector<SegmentName>* superseded) {
  ARROW_ASSIGN_OR_RAISE(const auto files, folder.List());
  std::vector<SegmentName> all, live;
  for (const auto& file : files) {
    if (const auto name = SegmentName::Parse(file)) all.push_back(*name);
  }
  // From the newest epoch on: where one begins, the older ones end.
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::pair(a.epoch, a.first) > std::pair(b.epoch, b.first);
  });
  uint64_t cut = kNoLimit, first_of_epoch = kNoLimit, epoch = 0;
  for (const SegmentName& name : all) {
    if (name.epoch != epoch) cut = std::min(cut, first_of_epoch);
    epoch = name.epoch;
    first_of_epoch = name.first;
    if (name.first < cut) {
      live.push_back(name);
    } else if (superseded != nullptr) {
      superseded->push_back(name);
    }
  }
  std::sort(live.begin(), live.end());
  return live;
}

Result<LogScan> ScanLog(LogFolder& folder, const LogId& id, std::optional<uint64_t> covered) {
  return Scanner(folder, id).Run(covered);
}

Result<uint64_t> HighestEpoch(LogFolder& folder) {
  uint64_t epoch = 0;
  ARROW_ASSIGN_OR_RAISE(const auto files, folder.List());
  for (const auto& file : files) {
    if (const auto name = SegmentName::Parse(file)) epoch = std::max(epoch, name->epoch);
  }
  ARROW_ASSIGN_OR_RAISE(const auto watermark, ReadWatermark(folder));
  ARROW_ASSIGN_OR_RAISE(const auto owner, ReadOwner(folder));
  if (watermark) epoch = std::max(epoch, watermark->epoch);
  if (owner) epoch = std::max(epoch, owner->epoch);
  return epoch;
}

}  // namespace tarn
