// SPDX-License-Identifier: Apache-2.0
//
// MemTableWriter: small batches in, few good files out. A batch is accepted once it is in a local
// log; it waits in memory until a flush makes one file and one snapshot of all that wait.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "arrow/type_fwd.h"
#include "tarn/ailake_file.h"
#include "tarn/catalog.h"
#include "tarn/embeddings.h"
#include "tarn/fresh_rows.h"
#include "tarn/table_writer.h"
#include "tarn/types.h"

namespace tarn {

class Clock;

/// When an accepted batch is safe from a loss of power. A process that dies, however it dies, loses
/// nothing in any case.
enum class LogSync {
  kEveryInsert,  ///< when Insert returns; threads that insert at the same time share one wait
  kInterval,     ///< that long after it at most
  kNone,         ///< when the system writes it by itself: for those who can send again
};

/// The log of a writer (docs/formats/wal.md): local files that survive the process and a power
/// loss, but not the loss of the machine's disk.
struct MemTableLogConfig {
  LogSync sync = LogSync::kEveryInsert;
  std::chrono::milliseconds sync_interval{200};
  uint64_t segment_bytes = 64 << 20;
  /// Where logs lie when the store has none of its own (object stores): a folder of a local disk.
  /// Empty: `<warehouse>/.tarn/wal` in the store.
  std::string folder;
};

struct MemTableConfig {
  /// A flush is due when this many bytes of vectors wait: rows x dim x bytes of an element in the
  /// column's precision, over all vector columns;
  int64_t flush_size_bytes = 64 << 20;
  int64_t flush_max_rows = 100'000;  ///< or this many rows;
  /// or, for FlushIfDue and the background thread, when the oldest row has waited so long.
  std::chrono::milliseconds flush_interval{30'000};
  /// All that waits in memory, in real bytes, rows that are being flushed included. At half of it a
  /// flush is due too; past it inserts wait.
  int64_t max_memory_bytes = 256 << 20;
  /// A thread of its own flushes what is due, so that rows become visible to other engines when
  /// nobody inserts. Without it only calls of this writer flush.
  bool flush_in_background = false;

  OnBadVectors on_bad_vectors = OnBadVectors::kError;
  std::optional<IndexType> index = IndexType::kHnsw;  ///< that files get after their flush
  bool index_in_background = true;                    ///< as TableWriterOptions
  int threads = 0;                                    ///< of index builds
  MemTableLogConfig log;
  const Clock* clock = nullptr;  ///< must outlive the writer; nullptr: the machine's
};

/// What became of a batch that was accepted.
struct InsertResult {
  std::optional<SnapshotId> snapshot;  ///< set when this call flushed: the batch is in it
  bool duplicate = false;              ///< the table, or the buffer, has a batch of this id already
  uint64_t sequence = 0;               ///< of the batch in the log, from 1 on; 0 for a duplicate
};

/// Figures of one writer since it was opened; times in microseconds.
struct MemTableMetrics {
  uint64_t inserted_batches = 0;
  uint64_t inserted_rows = 0;
  uint64_t duplicates = 0;
  uint64_t replayed_batches = 0;  ///< found in logs when it was opened
  uint64_t replayed_rows = 0;
  uint64_t log_bytes = 0;
  int64_t buffered_rows = 0;
  int64_t buffered_bytes = 0;
  int64_t memory_bytes = 0;
  uint64_t flushes = 0;
  uint64_t flushed_rows = 0;
  uint64_t failed_flushes = 0;
  int64_t last_flush_us = 0;
  int64_t longest_flush_us = 0;
  int64_t longest_insert_us = 0;  ///< of inserts that did not flush
  /// Age of the oldest accepted row that is in no snapshot yet; 0 when there is none.
  int64_t freshness_us = 0;
  SnapshotId last_snapshot;
};

/// Thread-safe: any number of threads may insert, flush and ask at the same time. Any number of
/// writers, in any number of processes, may write one table, each with its own log.
///
/// Rows are committed in the order of their sequences, each batch exactly once, whatever dies in
/// between: the log says what was accepted, and the table itself, in a property that is swapped
/// together with the snapshot, how far the log is in it (`tarn.wal.<log>.main`).
class MemTableWriter {
 public:
  /// Opens the table, creating it with this policy if it is missing, takes over a log that a writer
  /// of this table left behind on this machine, or begins one, and reads back into memory what is
  /// not in the table yet. Logs of further writers that are gone are flushed. `store`: where the
  /// log lies, usually the catalog's. kBadInput if the table has no such vector column;
  /// kCorrupt, naming file and place, for a log that lost what it had acknowledged.
  static Result<std::unique_ptr<MemTableWriter>> Open(std::shared_ptr<CatalogProvider> catalog,
                                                      std::shared_ptr<Store> store,
                                                      const VectorStoragePolicy& policy,
                                                      const TableIdent& table,
                                                      const MemTableConfig& config = {});
  /// The same for a table that exists, with no vector column, one or several.
  static Result<std::unique_ptr<MemTableWriter>> Open(std::shared_ptr<CatalogProvider> catalog,
                                                      std::shared_ptr<Store> store,
                                                      const TableIdent& table,
                                                      const MemTableConfig& config = {});
  /// Does not flush: what waits stays in the log.
  virtual ~MemTableWriter() = default;

  /// Accepts rows and their embeddings, the primary vector column. An error means that the batch
  /// was not accepted: kBadInput names the row or column that does not fit the table; kIo when the
  /// log cannot be written (after a failed sync until the writer is opened anew: in that one case
  /// the batch may be found in the log after all). The call that makes a flush due waits for it and
  /// returns its snapshot; if the flush fails, the batch is accepted all the same, and
  /// last_flush_error says why. `batch_id`: as TableWriter::WriteBatchIdempotent; also a batch that
  /// only waits here counts as one that the table has.
  virtual Result<InsertResult> Insert(const arrow::RecordBatch& batch,
                                      const EmbeddingsView& embeddings,
                                      std::string_view batch_id = {}) = 0;
  /// For tables without vectors, or batches that hold the vector columns as Arrow lists.
  virtual Result<InsertResult> Insert(const arrow::RecordBatch& batch,
                                      std::string_view batch_id = {}) = 0;
  virtual Result<InsertResult> InsertMulti(const arrow::RecordBatch& batch,
                                           std::span<const VectorColumn> columns,
                                           std::string_view batch_id = {}) = 0;
  /// InsertMulti, or nullopt where that would wait for memory.
  virtual Result<std::optional<InsertResult>> TryInsert(const arrow::RecordBatch& batch,
                                                        std::span<const VectorColumn> columns,
                                                        std::string_view batch_id = {}) = 0;

  /// Flushes if it is due. Nothing buffered: starts the interval anew.
  virtual Result<std::optional<SnapshotId>> FlushIfDue() = 0;
  /// Commits what waits as one file and one snapshot, and returns the snapshot; what fails stays
  /// and is tried again by the next flush. Nothing buffered: starts the interval anew, returns 0.
  virtual Result<SnapshotId> Flush() = 0;
  /// Flushes and ends the writer; every later call fails. When the flush fails it is open still.
  virtual Status Close() = 0;

  /// What waits here, for searches in this process (SearchSession::Options::fresh): a batch is seen
  /// from the time that Insert returns.
  virtual std::shared_ptr<const FreshRows> fresh_rows() const = 0;

  virtual int64_t buffered_rows() const = 0;
  /// As flush_size_bytes counts them. Rows that are being flushed count until they are committed.
  virtual int64_t buffered_bytes() const = 0;
  virtual bool is_full() const = 0;             ///< a limit of size, rows or memory is reached
  virtual Status last_flush_error() const = 0;  ///< OK after a flush that went well
  virtual MemTableMetrics metrics() const = 0;
};

}  // namespace tarn
