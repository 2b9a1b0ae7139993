// SPDX-License-Identifier: Apache-2.0
//
// Taking up logs that earlier writers left behind.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "table/memtable/log_position.h"
#include "table/memtable/mem_batch.h"
#include "table/memtable/table_logs.h"
#include "table/wal/write_ahead_log.h"

namespace tarn {

/// An open log, and how far the table had it when it was opened.
struct AdoptedLog {
  std::string wal_uuid;
  TableState table;  ///< at that time
  LogPosition position;
  std::unique_ptr<WriteAheadLog> log;
};

/// Opens every log of the table that no other writer has open, oldest first; a new one where there
/// is none. Errors as WriteAheadLog::Open: a damaged log is not passed over.
Result<std::vector<AdoptedLog>> AdoptLogs(CatalogProvider& catalog, const TableLogs& logs,
                                          const TableState& table, const LogOptions& options);

/// What the batches of a log are made to fit.
struct ReplayTarget {
  std::string wal_uuid;
  const std::vector<VectorStoragePolicy>& policies;
  /// The table's schema; without fields when it has none, then the first batch gives it.
  iceberg::Schema* schema;
  const Clock* clock;
};

/// Hands over the batches with sequences above `after`, in order. An error of the visitor ends it.
Status ReplayLog(WriteAheadLog& log, uint64_t after, const ReplayTarget& target,
                 const std::function<Status(std::shared_ptr<const MemBatch>)>& visit);

/// Microseconds of a clock.
int64_t NowMicros(const Clock& clock);

}  // namespace tarn
