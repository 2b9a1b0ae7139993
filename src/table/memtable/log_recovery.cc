// SPDX-License-Identifier: Apache-2.0
#include "table/memtable/log_recovery.h"

#include "arrow/api.h"
#include "base/random_id.h"
#include "iceberg/table_metadata.h"

namespace tarn {
namespace {

constexpr int kMostTries = 100;

/// The newest state of the table that the logs are of.
Result<TableState> LoadSame(CatalogProvider& catalog, const TableState& table) {
  ARROW_ASSIGN_OR_RAISE(auto newest, catalog.LoadTable(table.ident));
  if (newest.metadata->table_uuid == table.metadata->table_uuid) return newest;
  return Error(ErrorKind::kNotFound, "table ", table.ident.ToString(),
               " was dropped and made anew meanwhile");
}

Result<AdoptedLog> OpenOne(CatalogProvider& catalog, const TableLogs& logs, const TableState& table,
                           const std::string& wal_uuid, const LogOptions& options) {
  AdoptedLog adopted;
  adopted.wal_uuid = wal_uuid;
  for (int tries = 1;; ++tries) {
    ARROW_ASSIGN_OR_RAISE(adopted.table, LoadSame(catalog, table));
    ARROW_ASSIGN_OR_RAISE(adopted.position,
                          LogPosition::Of(adopted.table.metadata->properties, wal_uuid));
    ARROW_ASSIGN_OR_RAISE(auto folder, logs.FolderOf(wal_uuid));
    auto log = WriteAheadLog::Open(std::move(folder), {table.metadata->table_uuid, wal_uuid},
                                   adopted.position.sequence, options);
    if (IsKind(log.status(), ErrorKind::kCommitConflict)) return log.status();
    // Somebody else may have had the log until just now, and committed what this one believes to be
    // only in the log. From here on nobody else has it.
    ARROW_ASSIGN_OR_RAISE(const auto now, LoadSame(catalog, table));
    ARROW_ASSIGN_OR_RAISE(const auto position, LogPosition::Of(now.metadata->properties, wal_uuid));
    if (position != adopted.position && tries < kMostTries) continue;
    ARROW_RETURN_NOT_OK(log.status());
    adopted.log = *std::move(log);
    break;
  }
  if (adopted.log->epoch() > adopted.position.epoch) return adopted;
  return Error(ErrorKind::kCorrupt, "table ", table.ident.ToString(), " has rows of epoch ",
               adopted.position.epoch, " of the log ", wal_uuid, ", which is only at epoch ",
               adopted.log->epoch(), ": an older copy of the log's folder lies in its place");
}

}  // namespace

Result<std::vector<AdoptedLog>> AdoptLogs(CatalogProvider& catalog, const TableLogs& logs,
                                          const TableState& table, const LogOptions& options) {
  std::vector<AdoptedLog> adopted;
  ARROW_ASSIGN_OR_RAISE(const auto uuids, logs.List());
  for (const std::string& uuid : uuids) {
    auto opened = OpenOne(catalog, logs, table, uuid, options);
    // Its writer is at work.
    if (IsKind(opened.status(), ErrorKind::kCommitConflict)) continue;
    ARROW_RETURN_NOT_OK(opened.status());
    adopted.push_back(*std::move(opened));
  }
  for (int tries = 1; adopted.empty(); ++tries) {
    auto opened = OpenOne(catalog, logs, table, NewUuid7(), options);
    // Another writer, which looks for logs to adopt, was quicker with this one too.
    if (IsKind(opened.status(), ErrorKind::kCommitConflict) && tries < kMostTries) continue;
    ARROW_RETURN_NOT_OK(opened.status());
    adopted.push_back(*std::move(opened));
  }
  return adopted;
}

Status ReplayLog(WriteAheadLog& log, uint64_t after, const ReplayTarget& target,
                 const std::function<Status(std::shared_ptr<const MemBatch>)>& visit) {
  return log.Replay(after, [&](const LogRecord& record) -> Status {
    if (record.kind != LogRecordKind::kInsert) {
      return Error(ErrorKind::kNotSupported, "log ", target.wal_uuid, ", record ", record.sequence,
                   ": a newer version of Tarn wrote it");
    }
    auto batch = std::make_shared<MemBatch>();
    batch->sequence = record.sequence;
    batch->batch_id = record.batch_id;
    batch->schema_id = record.schema_id;
    auto rows = DecodeRows(record.payload);
    if (!rows.ok()) {
      return WithContext(rows.status(),
                         "log " + target.wal_uuid + ", record " + std::to_string(record.sequence));
    }
    batch->rows = *rows;
    if (target.schema->fields.empty()) {
      ARROW_ASSIGN_OR_RAISE(const auto plan, PlanBatch(*batch->rows, {}, target.policies,
                                                       *target.schema, OnBadVectors::kError));
      ARROW_ASSIGN_OR_RAISE(batch->rows, RowsOf(plan));
      *target.schema = plan.schema;
    }
    batch->vector_bytes = VectorBytes(batch->rows->num_rows(), target.policies);
    batch->log_bytes = record.payload->size();
    batch->memory_bytes = MemoryOf(*record.payload, *batch->rows);
    batch->accepted_us = NowMicros(*target.clock);
    return visit(std::move(batch));
  });
}

int64_t NowMicros(const Clock& clock) {
  return std::chrono::duration_cast<std::chrono::microseconds>(clock.Now().time_since_epoch())
      .count();
}

}  // namespace tarn
