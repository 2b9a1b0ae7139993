// SPDX-License-Identifier: Apache-2.0
//
// BufferFlush: from buffered batches to a snapshot, exactly once. One flush is one commit: the file
// with the rows, the ids of their batches and the log's new position, in a single swap.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "catalog/commit_attempt.h"
#include "iceberg/schema.h"
#include "table/indexing/own_backlog.h"
#include "table/ledger/batch_ledger.h"
#include "table/memtable/log_position.h"
#include "table/memtable/mem_batch.h"
#include "table/writer/staged_file.h"

namespace tarn {

/// What all flushes of a writer share.
struct FlushTarget {
  std::shared_ptr<CatalogProvider> catalog;
  TableIdent table;
  std::string table_uuid;
  std::string wal_uuid;
  uint64_t epoch = 0;  ///< of the open log
  std::optional<IndexType> index;
  const Clock* clock = nullptr;
};

/// One thread at a time. Destroying it deletes the files that no table can name.
class BufferFlush {
 public:
  /// `batches`: all of the log's records up to the last of them that are not in the table.
  /// `first_schema`: what the rows were made to fit if they came before the table had columns.
  BufferFlush(const FlushTarget& target, StagedFileWriter* files,
              std::vector<std::shared_ptr<const MemBatch>> batches, iceberg::Schema first_schema);
  ~BufferFlush();
  BufferFlush(const BufferFlush&) = delete;

  /// Commits, or finds out that an earlier call did. Batches whose ids the table holds already are
  /// left out. After an error it may be called again, and must be before anything else of this log
  /// is flushed. kValidationFailed where another process took the log over: it is that one's now.
  Result<Committed> Run();

  /// Whether the last call failed because another process has the log now.
  bool is_fenced() const { return fenced_; }
  uint64_t last_sequence() const { return batches_.back()->sequence; }
  /// Of the last attempt: rows that it stored, those of known batches not counted.
  int64_t rows() const;
  /// Those of them that are to be indexed now.
  std::vector<OwnBacklog::File> waiting_files() const;

 private:
  using Batches = std::vector<std::shared_ptr<const MemBatch>>;

  Status Stage(const TableState& state, const LogPosition& position);
  Status StageRows(const TableState& state, const TableProperties& properties,
                   const iceberg::Schema& schema, const Batches& batches);
  Status WriteFile(const TableState& state, const TableProperties& properties,
                   const iceberg::Schema& schema, const arrow::RecordBatch& rows);
  Result<CommitPlan> Plan(const TableState& base);
  Result<LogPosition> PositionIn(const TableState& state);
  Result<Committed> Settle();
  void Discard();

  const FlushTarget& target_;
  StagedFileWriter* files_;
  Batches batches_;
  iceberg::Schema first_schema_;
  std::vector<StagedFile> staged_;
  std::optional<iceberg::Schema> new_schema_;  ///< what the staged files give the table
  std::set<std::string> ids_;                  ///< of the batches that are staged
  LogPosition staged_at_;                      ///< what the table had of the log then
  bool is_staged_ = false;
  bool late_ = false;  ///< another writer changed what the staged files rest on
  bool fenced_ = false;
  std::unique_ptr<CommitAttempt> attempt_;
};

}  // namespace tarn
