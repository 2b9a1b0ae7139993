// SPDX-License-Identifier: Apache-2.0
#include "tarn/wal_info.h"

#include <algorithm>

#include "arrow/api.h"
#include "iceberg/table_metadata.h"
#include "table/memtable/log_position.h"
#include "table/memtable/mem_batch.h"
#include "table/memtable/table_logs.h"
#include "table/wal/log_reader.h"

namespace tarn {
namespace {

/// Looks at files that a writer may be taking away.
constexpr int kMostLooks = 20;

Result<bool> IsOpen(LogFolder& folder) {
  const auto lock = folder.Lock();
  if (lock.ok()) return false;
  if (IsKind(lock.status(), ErrorKind::kCommitConflict)) return true;
  return lock.status();
}

Result<uint64_t> RowsIn(const LogRecord& record, const LogId& id) {
  const auto rows = DecodeRows(record.payload);
  if (rows.ok()) return static_cast<uint64_t>((*rows)->num_rows());
  return WithContext(rows.status(),
                     "log " + id.wal_uuid + ", record " + std::to_string(record.sequence));
}

/// Counts what the table lacks.
Status CountWaiting(LogFolder& folder, const LogId& id, const LogScan& scan, WalInfo* info) {
  std::vector<SegmentName> names;
  for (const ScannedSegment& segment : scan.segments) names.push_back(segment.name);
  return VisitRecords(folder, id, names, scan.covered, scan.last,
                      [&](const LogRecord& record) -> Status {
                        ARROW_ASSIGN_OR_RAISE(const uint64_t rows, RowsIn(record, id));
                        ++info->waiting_batches;
                        info->waiting_rows += rows;
                        return Status::OK();
                      });
}

/// Reads the records of a segment up to `last`. kCorrupt where they end before it, unless that may
/// be: a torn tail, at the end of an epoch, of records that were not `durable`.
Status ReadSegment(LogFolder& folder, const LogId& id, const SegmentName& name, uint64_t last,
                   bool may_end, uint64_t durable) {
  ARROW_ASSIGN_OR_RAISE(const auto reader, SegmentReader::Open(folder, name, id));
  LogRecord record;
  while (reader->next_sequence() <= last) {
    ARROW_ASSIGN_OR_RAISE(const auto found, reader->Next(&record));
    if (found == SegmentReader::Found::kRecord) {
      ARROW_RETURN_NOT_OK(RowsIn(record, id).status());
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const auto rest, reader->SearchRest());
    if (may_end && std::max(rest.durable, durable) < reader->next_sequence()) return Status::OK();
    return Error(ErrorKind::kCorrupt, folder.PathOf(name.ToString()), " is damaged at byte ",
                 reader->position(), ": record ", reader->next_sequence(),
                 " cannot be read; the table has it");
  }
  return Status::OK();
}

/// What the table has already: nothing is lost with it, so that ScanLog does not look at it.
Status VerifyCovered(LogFolder& folder, const LogId& id, const LogScan& scan) {
  for (size_t i = 0; i < scan.segments.size(); ++i) {
    const SegmentName& name = scan.segments[i].name;
    if (name.first > scan.covered) break;
    const bool is_last = i + 1 == scan.segments.size();
    const uint64_t limit = is_last ? scan.covered : scan.segments[i + 1].name.first - 1;
    const bool may_end = is_last || scan.segments[i + 1].name.epoch != name.epoch;
    // Of older epochs the watermark says nothing.
    const uint64_t durable = is_last && scan.watermark ? scan.watermark->durable : 0;
    ARROW_RETURN_NOT_OK(
        ReadSegment(folder, id, name, std::min(limit, scan.covered), may_end, durable));
  }
  return Status::OK();
}

/// Where `status` is damage, it is `damage`; any other failure is one of the look.
Status TakeDamage(const Status& status, Status* damage) {
  if (!IsKind(status, ErrorKind::kCorrupt)) return status;
  if (damage->ok()) *damage = status;
  return Status::OK();
}

/// One look. kNotFound where a writer took a segment away meanwhile.
Result<WalInfo> Look(LogFolder& folder, const LogId& id, uint64_t covered, bool verify) {
  WalInfo info;
  info.uuid = id.wal_uuid;
  info.covered = covered;
  ARROW_ASSIGN_OR_RAISE(info.is_open, IsOpen(folder));
  ARROW_ASSIGN_OR_RAISE(const LogSummary log, DescribeLog(folder, id, covered));
  info.epoch = log.epoch;
  info.segments = static_cast<int64_t>(log.scan.segments.size());
  info.bytes = log.bytes;
  info.torn_bytes = log.torn_bytes;
  info.first_sequence = log.first;
  info.last_sequence = log.scan.last;
  info.damage = log.scan.damage;
  ARROW_RETURN_NOT_OK(TakeDamage(CountWaiting(folder, id, log.scan, &info), &info.damage));
  if (verify) {
    ARROW_RETURN_NOT_OK(TakeDamage(VerifyCovered(folder, id, log.scan), &info.covered_damage));
  }
  return info;
}

}  // namespace

Result<std::vector<WalInfo>> DescribeWals(CatalogProvider& catalog, std::shared_ptr<Store> store,
                                          const TableIdent& table,
                                          const DescribeWalsOptions& options) {
  ARROW_ASSIGN_OR_RAISE(auto state, catalog.LoadTable(table));
  const TableLogs logs(std::move(store), catalog, state, options.folder);
  ARROW_ASSIGN_OR_RAISE(const auto uuids, logs.List());
  std::vector<WalInfo> found;
  for (const std::string& uuid : uuids) {
    ARROW_ASSIGN_OR_RAISE(const auto folder, logs.FolderOf(uuid));
    const LogId id{state.metadata->table_uuid, uuid};
    ARROW_ASSIGN_OR_RAISE(auto position, LogPosition::Of(state.metadata->properties, uuid));
    for (int looks = 1;; ++looks) {
      auto info = Look(*folder, id, position.sequence, options.verify);
      const bool gone = IsKind(info.status(), ErrorKind::kNotFound);
      if (!gone) ARROW_RETURN_NOT_OK(info.status());
      if (!gone && info->damage.ok()) {
        found.push_back(*std::move(info));
        break;
      }
      // A writer lets go what the table has by now: that is no damage.
      const uint64_t looked_from = position.sequence;
      ARROW_ASSIGN_OR_RAISE(state, catalog.LoadTable(table));
      ARROW_ASSIGN_OR_RAISE(position, LogPosition::Of(state.metadata->properties, uuid));
      if (looks < kMostLooks && (gone || position.sequence != looked_from)) continue;
      ARROW_RETURN_NOT_OK(info.status());
      found.push_back(*std::move(info));
      break;
    }
  }
  return found;
}

}  // namespace tarn
