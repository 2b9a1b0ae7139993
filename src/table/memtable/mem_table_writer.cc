// SPDX-License-Identifier: Apache-2.0
#include "tarn/mem_table_writer.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "arrow/api.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "iceberg/table_metadata.h"
#include "table/indexing/index_pool.h"
#include "table/maintenance/auto_expiry.h"
#include "table/memtable/buffer_flush.h"
#include "table/memtable/fresh_buffer.h"
#include "table/memtable/insert_target.h"
#include "table/memtable/log_recovery.h"
#include "table/memtable/mem_buffer.h"
#include "table/writer/table_opening.h"

namespace tarn {
namespace {

CrashPoint kInsertEnqueued("memtable/insert/enqueued");
CrashPoint kInsertAcknowledged("memtable/insert/acknowledged");
CrashPoint kOpenReplayed("memtable/open/replayed");

using Lock = std::unique_lock<std::mutex>;
using Steady = std::chrono::steady_clock;

int64_t MicrosSince(Steady::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(Steady::now() - start).count();
}

Status ValidateConfig(const MemTableConfig& config) {
  if (config.flush_size_bytes < 1 || config.flush_max_rows < 1 || config.max_memory_bytes < 1 ||
      config.flush_interval.count() < 0) {
    return Error(ErrorKind::kBadInput, "limits of a memtable must be above 0");
  }
  return Status::OK();
}

LogOptions LogOptionsOf(const MemTableConfig& config) {
  LogOptions options;
  options.sync = config.log.sync == LogSync::kEveryInsert ? SyncPolicy::kEveryInsert
                 : config.log.sync == LogSync::kInterval  ? SyncPolicy::kInterval
                                                          : SyncPolicy::kNone;
  options.sync_interval = config.log.sync_interval;
  options.segment_bytes = config.log.segment_bytes;
  options.clock = config.clock;
  return options;
}

class MemTableWriterImpl : public MemTableWriter {
 public:
  MemTableWriterImpl(std::shared_ptr<CatalogProvider> catalog, const TableIdent& table,
                     const MemTableConfig& config)
      : config_(config),
        catalog_(std::move(catalog)),
        table_(table),
        files_(catalog_, table_,
               TableWriterOptions{.index = config.index, .threads = config.threads}),
        expiry_(catalog_, table_) {}
  ~MemTableWriterImpl() override { StopThread(); }

  Status Start(std::shared_ptr<Store> store, const TableState& state);

  Result<InsertResult> Insert(const arrow::RecordBatch& batch, const EmbeddingsView& embeddings,
                              std::string_view batch_id) override {
    const auto target = Target();
    if (target->policies.empty()) {
      return Error(ErrorKind::kBadInput, "table ", table_.ToString(), " has no vector column");
    }
    const VectorColumn column{target->policies[0], embeddings};
    return InsertMulti(batch, std::span(&column, 1), batch_id);
  }
  Result<InsertResult> Insert(const arrow::RecordBatch& batch, std::string_view batch_id) override {
    return InsertMulti(batch, {}, batch_id);
  }
  Result<InsertResult> InsertMulti(const arrow::RecordBatch& batch,
                                   std::span<const VectorColumn> columns,
                                   std::string_view batch_id) override {
    ARROW_ASSIGN_OR_RAISE(const auto result, Accept(batch, columns, batch_id, /*wait=*/true));
    return *result;
  }
  Result<std::optional<InsertResult>> TryInsert(const arrow::RecordBatch& batch,
                                                std::span<const VectorColumn> columns,
                                                std::string_view batch_id) override {
    return Accept(batch, columns, batch_id, /*wait=*/false);
  }

  Result<std::optional<SnapshotId>> FlushIfDue() override;
  Result<SnapshotId> Flush() override;
  Status Close() override;

  std::shared_ptr<const FreshRows> fresh_rows() const override { return fresh_; }

  int64_t buffered_rows() const override {
    const std::lock_guard lock(mutex_);
    return active_.rows() + flushing_.rows();
  }
  int64_t buffered_bytes() const override {
    const std::lock_guard lock(mutex_);
    return active_.vector_bytes() + flushing_.vector_bytes();
  }
  bool is_full() const override {
    const std::lock_guard lock(mutex_);
    return IsFull();
  }
  Status last_flush_error() const override {
    const std::lock_guard lock(mutex_);
    return last_flush_error_;
  }
  MemTableMetrics metrics() const override;

 private:
  std::shared_ptr<const InsertTarget> Target() const {
    const std::lock_guard lock(mutex_);
    return insert_target_;
  }
  int64_t Memory() const { return active_.memory_bytes() + flushing_.memory_bytes(); }
  bool IsFull() const {
    return active_.rows() >= config_.flush_max_rows ||
           active_.vector_bytes() >= config_.flush_size_bytes ||
           active_.memory_bytes() >= (config_.max_memory_bytes + 1) / 2;
  }
  bool IsDue() const;
  Status CheckOpen() const;

  uint64_t LastSequence() const {
    return active_.is_empty() ? flushing_.last_sequence() : active_.last_sequence();
  }

  Status Replay(AdoptedLog adopted);
  void GiveSchema(const iceberg::Schema& schema);

  Result<std::optional<InsertResult>> Accept(const arrow::RecordBatch& batch,
                                             std::span<const VectorColumn> columns,
                                             std::string_view batch_id, bool wait);
  Result<BatchPlan> Plan(const arrow::RecordBatch& batch, std::span<const VectorColumn> columns,
                         std::shared_ptr<const InsertTarget>* target);
  Result<bool> MakeRoom(int64_t bytes, bool wait, Lock& lock);
  std::optional<uint64_t> FindDuplicate(std::string_view batch_id) const;
  Result<std::optional<InsertResult>> AnswerDuplicate(uint64_t until, Lock& lock);
  Result<std::optional<InsertResult>> Acknowledge(const MemBatch& batch, bool full,
                                                  Steady::time_point start);
  void Lose(const Status& why);

  Result<SnapshotId> FlushUpTo(uint64_t sequence, Lock& lock);
  void FlushOnce(Lock& lock);
  Status CommitFlushing(Lock& lock);
  void AfterCommit(const TableState& state);

  void RunThread();
  void StopThread();

  const MemTableConfig config_;
  const std::shared_ptr<CatalogProvider> catalog_;
  const TableIdent table_;
  std::unique_ptr<WriteAheadLog> log_;
  FlushTarget flush_target_;

  // Of whoever has flush_running_.
  StagedFileWriter files_;
  AutoExpiry expiry_;
  std::unique_ptr<BufferFlush> flush_;  ///< of flushing_, begun and not finished

  mutable std::mutex mutex_;
  std::condition_variable changed_;  ///< a flush ended, or the writer did
  std::shared_ptr<const InsertTarget> insert_target_;
  std::shared_ptr<FreshBuffer> fresh_;
  MemBuffer active_;
  MemBuffer flushing_;  ///< sealed: only a flush changes it
  bool flush_running_ = false;
  bool closed_ = false;
  Status dead_;           ///< why nothing is accepted any more
  uint64_t covered_ = 0;  ///< the table has every batch up to this sequence
  SnapshotId last_snapshot_;
  Status last_flush_error_;
  MemTableMetrics metrics_;

  std::thread thread_;
  bool stop_ = false;
};

// Opening

Status MemTableWriterImpl::Start(std::shared_ptr<Store> store, const TableState& state) {
  const TableLogs logs(std::move(store), *catalog_, state, config_.log.folder);
  ARROW_ASSIGN_OR_RAISE(auto adopted, AdoptLogs(*catalog_, logs, state, LogOptionsOf(config_)));
  ARROW_RETURN_NOT_OK(Replay(std::move(adopted[0])));
  // What other writers left is not waited with: nobody else may come for it.
  for (size_t i = 1; i < adopted.size(); ++i) {
    MemTableWriterImpl other(catalog_, table_, config_);
    ARROW_RETURN_NOT_OK(other.Replay(std::move(adopted[i])));
    ARROW_RETURN_NOT_OK(other.Close());
    metrics_.replayed_batches += other.metrics_.replayed_batches;
    metrics_.replayed_rows += other.metrics_.replayed_rows;
    metrics_.flushes += other.metrics_.flushes;
    metrics_.flushed_rows += other.metrics_.flushed_rows;
    if (other.last_snapshot_ != 0) last_snapshot_ = other.last_snapshot_;
  }
  kOpenReplayed.Reach();
  if (config_.flush_in_background) thread_ = std::thread([this] { RunThread(); });
  return Status::OK();
}

Status MemTableWriterImpl::Replay(AdoptedLog adopted) {
  ARROW_ASSIGN_OR_RAISE(insert_target_, InsertTarget::Of(adopted.table));
  log_ = std::move(adopted.log);
  covered_ = adopted.position.sequence;
  flush_target_ = {catalog_,         table_,        adopted.table.metadata->table_uuid,
                   adopted.wal_uuid, log_->epoch(), config_.index,
                   config_.clock};
  fresh_ = std::make_shared<FreshBuffer>(adopted.wal_uuid, covered_);
  Lock lock(mutex_);
  for (uint64_t last = covered_;;) {
    iceberg::Schema schema = insert_target_->schema;
    const ReplayTarget target{adopted.wal_uuid, insert_target_->policies, &schema, config_.clock};
    const auto take = [&](std::shared_ptr<const MemBatch> batch) -> Status {
      if (Memory() > 0 && Memory() + batch->memory_bytes > config_.max_memory_bytes)
        return Error(ErrorKind::kCancelled, "memory is full");
      last = batch->sequence;
      ++metrics_.replayed_batches;
      metrics_.replayed_rows += static_cast<uint64_t>(batch->rows->num_rows());
      fresh_->Add(batch);
      active_.Add(std::move(batch));
      return Status::OK();
    };
    const Status replayed = ReplayLog(*log_, last, target, take);
    GiveSchema(schema);
    fresh_->Show(last);
    if (!IsKind(replayed, ErrorKind::kCancelled)) return replayed;
    ARROW_RETURN_NOT_OK(FlushUpTo(last, lock).status());
  }
}

/// What the first batch makes of a table without columns.
void MemTableWriterImpl::GiveSchema(const iceberg::Schema& schema) {
  if (!insert_target_->schema.fields.empty() || schema.fields.empty()) return;
  auto target = std::make_shared<InsertTarget>(*insert_target_);
  target->schema = schema;
  insert_target_ = std::move(target);
}

// Inserting

Status MemTableWriterImpl::CheckOpen() const {
  if (closed_) return Error(ErrorKind::kBadInput, "the writer was closed");
  return dead_;
}

Result<BatchPlan> MemTableWriterImpl::Plan(const arrow::RecordBatch& batch,
                                           std::span<const VectorColumn> columns,
                                           std::shared_ptr<const InsertTarget>* target) {
  const auto plan = [&] {
    return PlanBatch(batch, columns, (*target)->policies, (*target)->schema,
                     config_.on_bad_vectors);
  };
  auto planned = plan();
  if (IsKind(planned.status(), ErrorKind::kBadInput)) {
    // The table may have changed since its last flush.
    ARROW_ASSIGN_OR_RAISE(const auto state, catalog_->LoadTable(table_));
    if (state.metadata->CurrentSchema().SameAs((*target)->schema)) return planned;
    ARROW_ASSIGN_OR_RAISE(auto fresh, InsertTarget::Of(state));
    const std::lock_guard lock(mutex_);
    if (!fresh->of_table) return planned;
    *target = insert_target_ = std::move(fresh);
    planned = plan();
  }
  ARROW_RETURN_NOT_OK(planned.status());
  for (const VectorColumn& column : planned->vectors)
    ARROW_RETURN_NOT_OK(CheckEmbeddings(column.embeddings, column.policy));
  return planned;
}

/// Whether the bytes may be buffered now; false only where that would have to be waited for.
Result<bool> MemTableWriterImpl::MakeRoom(int64_t bytes, bool wait, Lock& lock) {
  while (Memory() > 0 && Memory() + bytes > config_.max_memory_bytes) {
    ARROW_RETURN_NOT_OK(CheckOpen());
    if (!wait) return false;
    const uint64_t oldest =
        flushing_.is_empty() ? active_.last_sequence() : flushing_.last_sequence();
    const auto flushed = FlushUpTo(oldest, lock);
    if (!flushed.ok()) {
      return WithContext(flushed.status(),
                         "the batch was not accepted: memory is full, and the "
                         "rows in it cannot be committed");
    }
  }
  return true;
}

Result<std::optional<InsertResult>> MemTableWriterImpl::Accept(
    const arrow::RecordBatch& batch, std::span<const VectorColumn> columns,
    std::string_view batch_id, bool wait) {
  const auto start = Steady::now();
  if (!batch_id.empty()) ARROW_RETURN_NOT_OK(BatchLedger::CheckId(batch_id));
  auto target = Target();
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const BatchPlan plan, Plan(batch, columns, &target));
    if (plan.columns->num_rows() == 0) return InsertResult();
    ARROW_ASSIGN_OR_RAISE(const auto rows, RowsOf(plan));
    ARROW_ASSIGN_OR_RAISE(auto payload, EncodeRows(*rows));
    auto accepted = std::make_shared<MemBatch>();
    accepted->batch_id = batch_id;
    if (target->of_table) accepted->schema_id = target->schema.schema_id;
    ARROW_ASSIGN_OR_RAISE(accepted->rows, DecodeRows(payload));
    accepted->vector_bytes = VectorBytes(rows->num_rows(), target->policies);
    accepted->log_bytes = payload->size();
    accepted->memory_bytes = MemoryOf(*payload, *rows);

    Lock lock(mutex_);
    if (const auto known = FindDuplicate(batch_id)) return AnswerDuplicate(*known, lock);
    ARROW_ASSIGN_OR_RAISE(const bool room, MakeRoom(accepted->memory_bytes, wait, lock));
    if (!room) return std::nullopt;
    ARROW_RETURN_NOT_OK(CheckOpen());
    // Another thread's batch may have come first: it gave the table its columns, or has this id.
    if (target->schema.fields.empty() && !insert_target_->schema.fields.empty()) {
      target = insert_target_;
      continue;
    }
    if (const auto known = FindDuplicate(batch_id)) return AnswerDuplicate(*known, lock);
    ARROW_ASSIGN_OR_RAISE(accepted->sequence, log_->Enqueue({.schema_id = accepted->schema_id,
                                                             .batch_id = accepted->batch_id,
                                                             .payload = std::move(payload)}));
    kInsertEnqueued.Reach();
    accepted->accepted_us = NowMicros(*config_.clock);
    GiveSchema(plan.schema);
    fresh_->Add(accepted);
    active_.Add(accepted);
    const bool full = IsFull();
    lock.unlock();
    return Acknowledge(*accepted, full, start);
  }
}

/// The last sequence that has to be acknowledged before a batch of this id is; nullopt for a new
/// id.
std::optional<uint64_t> MemTableWriterImpl::FindDuplicate(std::string_view batch_id) const {
  if (batch_id.empty()) return std::nullopt;
  if (active_.Contains(batch_id)) return active_.last_sequence();
  if (flushing_.Contains(batch_id)) return flushing_.last_sequence();
  if (insert_target_->ledger.Contains(batch_id)) return 0;
  return std::nullopt;
}

Result<std::optional<InsertResult>> MemTableWriterImpl::AnswerDuplicate(uint64_t until,
                                                                        Lock& lock) {
  ARROW_RETURN_NOT_OK(CheckOpen());
  lock.unlock();
  // The first batch of this id may be on its way to the disk still.
  if (until > 0) ARROW_RETURN_NOT_OK(log_->WaitAcknowledged(until));
  lock.lock();
  ++metrics_.duplicates;
  return InsertResult{.duplicate = true};
}

Result<std::optional<InsertResult>> MemTableWriterImpl::Acknowledge(const MemBatch& batch,
                                                                    bool full,
                                                                    Steady::time_point start) {
  const Status acknowledged = log_->WaitAcknowledged(batch.sequence);
  Lock lock(mutex_);
  if (!acknowledged.ok()) {
    Lose(acknowledged);
    return acknowledged;
  }
  kInsertAcknowledged.Reach();
  fresh_->Show(log_->acknowledged());
  InsertResult result{.sequence = batch.sequence};
  ++metrics_.inserted_batches;
  metrics_.inserted_rows += static_cast<uint64_t>(batch.rows->num_rows());
  metrics_.log_bytes += static_cast<uint64_t>(batch.log_bytes);
  if (!full) {
    metrics_.longest_insert_us = std::max(metrics_.longest_insert_us, MicrosSince(start));
    return result;
  }
  // The batch is accepted, whatever becomes of the flush: see last_flush_error.
  const auto flushed = FlushUpTo(batch.sequence, lock);
  if (flushed.ok()) result.snapshot = *flushed;
  return result;
}

/// The log is at its end: what it did not acknowledge is nobody's.
void MemTableWriterImpl::Lose(const Status& why) {
  if (dead_.ok()) dead_ = why;
  fresh_->DropAfter(log_->acknowledged());
  active_.DropAfter(log_->acknowledged());
  flushing_.DropAfter(log_->acknowledged());
  changed_.notify_all();
}

// Flushing

bool MemTableWriterImpl::IsDue() const {
  if (active_.is_empty() && flushing_.is_empty()) return false;
  if (IsFull() || (!flushing_.is_empty() && !flush_running_)) return true;
  // What is being flushed is not due again.
  if (flush_running_ && active_.is_empty()) return false;
  const auto& oldest =
      flushing_.is_empty() || flush_running_ ? active_.batches()[0] : flushing_.batches()[0];
  const auto waited = std::chrono::microseconds(NowMicros(*config_.clock) - oldest->accepted_us);
  return waited >= config_.flush_interval;
}

Result<std::optional<SnapshotId>> MemTableWriterImpl::FlushIfDue() {
  Lock lock(mutex_);
  if (closed_) return Error(ErrorKind::kBadInput, "the writer was closed");
  if (!IsDue()) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(const SnapshotId snapshot, FlushUpTo(LastSequence(), lock));
  return snapshot;
}

Result<SnapshotId> MemTableWriterImpl::Flush() {
  Lock lock(mutex_);
  if (closed_) return Error(ErrorKind::kBadInput, "the writer was closed");
  if (LastSequence() == 0) return SnapshotId();
  return FlushUpTo(LastSequence(), lock);
}

/// Returns when the table has everything up to the sequence; the newest snapshot that has.
Result<SnapshotId> MemTableWriterImpl::FlushUpTo(uint64_t sequence, Lock& lock) {
  const uint64_t failed_before = metrics_.failed_flushes;
  while (covered_ < sequence && LastSequence() > 0) {
    if (flush_running_) {
      changed_.wait(lock, [&] { return !flush_running_; });
    } else {
      FlushOnce(lock);
    }
    if (metrics_.failed_flushes != failed_before) return last_flush_error_;
  }
  return last_snapshot_;
}

/// One flush: of the batches of the last one if it failed, else of those that wait. The lock is
/// free while it works. Says in last_flush_error_ how it went.
void MemTableWriterImpl::FlushOnce(Lock& lock) {
  flush_running_ = true;
  const auto start = Steady::now();
  const Status status = CommitFlushing(lock);
  flush_running_ = false;
  last_flush_error_ = status;
  if (status.ok()) {
    ++metrics_.flushes;
    metrics_.last_flush_us = MicrosSince(start);
    metrics_.longest_flush_us = std::max(metrics_.longest_flush_us, metrics_.last_flush_us);
  } else {
    ++metrics_.failed_flushes;
  }
  changed_.notify_all();
}

Status MemTableWriterImpl::CommitFlushing(Lock& lock) {
  if (flush_ == nullptr) {
    if (flushing_.is_empty()) std::swap(flushing_, active_);
    const uint64_t last = flushing_.last_sequence();
    lock.unlock();
    const Status acknowledged = log_->WaitAcknowledged(last);
    lock.lock();
    if (!acknowledged.ok()) Lose(acknowledged);
    if (flushing_.is_empty()) return acknowledged;
    flush_ = std::make_unique<BufferFlush>(flush_target_, &files_, flushing_.batches(),
                                           insert_target_->schema);
  }
  lock.unlock();
  auto done = flush_->Run();
  lock.lock();
  if (!done.ok()) {
    // Somebody else has the log now, and with it the rows.
    if (flush_->is_fenced() && dead_.ok()) dead_ = done.status();
    return done.status();
  }
  covered_ = flush_->last_sequence();
  last_snapshot_ = done->snapshot != 0 ? done->snapshot : done->state.metadata->current_snapshot_id;
  metrics_.flushed_rows += static_cast<uint64_t>(flush_->rows());
  fresh_->Cover(covered_);
  flushing_ = MemBuffer();
  // A table that cannot be written any more says so at the next flush.
  if (auto target = InsertTarget::Of(done->state); target.ok() && (*target)->of_table)
    insert_target_ = *std::move(target);
  lock.unlock();
  AfterCommit(done->state);
  lock.lock();
  return Status::OK();
}

void MemTableWriterImpl::AfterCommit(const TableState& state) {
  auto waiting = flush_->waiting_files();
  flush_.reset();
  expiry_.AfterCommit(state);
  if (!waiting.empty() && config_.index_in_background)
    IndexPool::Shared().Submit(catalog_, state, std::move(waiting));
  // What cannot be deleted now is tried again after the next flush.
  (void)log_->Release(covered_);
}

Status MemTableWriterImpl::Close() {
  Lock lock(mutex_);
  if (closed_) return Status::OK();
  closed_ = true;
  if (LastSequence() > 0) {
    const auto flushed = FlushUpTo(LastSequence(), lock);
    if (!flushed.ok()) {
      closed_ = false;
      return flushed.status();
    }
  }
  lock.unlock();
  StopThread();
  return log_->Close();
}

void MemTableWriterImpl::RunThread() {
  using std::chrono::milliseconds;
  const auto pause = std::clamp(config_.flush_interval / 4, milliseconds(1), milliseconds(1000));
  Lock lock(mutex_);
  while (!stop_) {
    changed_.wait_for(lock, pause);
    if (stop_ || !IsDue()) continue;
    // An error stands in last_flush_error, and the rows are tried again.
    (void)FlushUpTo(LastSequence(), lock);
  }
}

void MemTableWriterImpl::StopThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

MemTableMetrics MemTableWriterImpl::metrics() const {
  const std::lock_guard lock(mutex_);
  MemTableMetrics metrics = metrics_;
  metrics.buffered_rows = active_.rows() + flushing_.rows();
  metrics.buffered_bytes = active_.vector_bytes() + flushing_.vector_bytes();
  metrics.memory_bytes = Memory();
  metrics.last_snapshot = last_snapshot_;
  if (!active_.is_empty() || !flushing_.is_empty()) {
    const auto& oldest = flushing_.is_empty() ? active_.batches()[0] : flushing_.batches()[0];
    metrics.freshness_us = NowMicros(*config_.clock) - oldest->accepted_us;
  }
  return metrics;
}

Result<std::unique_ptr<MemTableWriter>> OpenWriter(std::shared_ptr<CatalogProvider> catalog,
                                                   std::shared_ptr<Store> store,
                                                   const TableState& state, MemTableConfig config) {
  ARROW_RETURN_NOT_OK(ValidateConfig(config));
  if (config.clock == nullptr) config.clock = &Clock::System();
  auto writer = std::make_unique<MemTableWriterImpl>(std::move(catalog), state.ident, config);
  ARROW_RETURN_NOT_OK(writer->Start(std::move(store), state));
  return writer;
}

}  // namespace

Result<std::unique_ptr<MemTableWriter>> MemTableWriter::Open(
    std::shared_ptr<CatalogProvider> catalog, std::shared_ptr<Store> store,
    const VectorStoragePolicy& policy, const TableIdent& table, const MemTableConfig& config) {
  auto state = catalog->LoadTable(table);
  if (IsKind(state.status(), ErrorKind::kNotFound)) {
    state = catalog->CreateTable(table, TableProperties(policy));
    // Somebody else made it between the two calls.
    if (IsKind(state.status(), ErrorKind::kAlreadyExists)) state = catalog->LoadTable(table);
  }
  ARROW_RETURN_NOT_OK(state.status());
  ARROW_RETURN_NOT_OK(CheckPolicies(*state, {policy}));
  return OpenWriter(std::move(catalog), std::move(store), *state, config);
}

Result<std::unique_ptr<MemTableWriter>> MemTableWriter::Open(
    std::shared_ptr<CatalogProvider> catalog, std::shared_ptr<Store> store, const TableIdent& table,
    const MemTableConfig& config) {
  ARROW_ASSIGN_OR_RAISE(const auto state, catalog->LoadTable(table));
  return OpenWriter(std::move(catalog), std::move(store), state, config);
}

}  // namespace tarn
