// SPDX-License-Identifier: Apache-2.0
#include "table/memtable/buffer_flush.h"

#include <algorithm>
#include <map>

#include "arrow/api.h"
#include "base/crash_point.h"
#include "catalog/append.h"
#include "iceberg/table_metadata.h"
#include "table/current_properties.h"
#include "table/fit.h"
#include "table/schema_arrow.h"
#include "table/writer/table_opening.h"

namespace tarn {
namespace {

CrashPoint kFlushStaged("memtable/flush/staged");
CrashPoint kFlushCommitted("memtable/flush/committed");

/// What one file holds at most, in memory: Arrow's lists count their values with 32 bits.
constexpr int64_t kMostFileBytes = int64_t{1} << 30;

/// The rows of a batch as the schema has them; an error where they cannot be.
Result<std::shared_ptr<arrow::RecordBatch>> Project(const MemBatch& batch,
                                                    const iceberg::Schema& schema,
                                                    const std::shared_ptr<arrow::Schema>& target) {
  if (batch.schema_id == schema.schema_id) return batch.rows;
  const FitBy by = batch.schema_id == MemBatch::kNoSchema ? FitBy::kName : FitBy::kFieldId;
  return FitBatch(*batch.rows, target, by);
}

}  // namespace

BufferFlush::BufferFlush(const FlushTarget& target, StagedFileWriter* files, Batches batches,
                         iceberg::Schema first_schema)
    : target_(target),
      files_(files),
      batches_(std::move(batches)),
      first_schema_(std::move(first_schema)) {}

BufferFlush::~BufferFlush() { Discard(); }

void BufferFlush::Discard() {
  for (const StagedFile& staged : staged_) files_->Discard(staged);
  staged_.clear();
  new_schema_.reset();
  ids_.clear();
  is_staged_ = false;
}

int64_t BufferFlush::rows() const {
  int64_t rows = 0;
  for (const StagedFile& staged : staged_) rows += staged.file.record_count;
  return rows;
}

std::vector<OwnBacklog::File> BufferFlush::waiting_files() const {
  std::vector<OwnBacklog::File> waiting;
  for (const StagedFile& staged : staged_) {
    if (staged.waiting_bytes > 0) waiting.push_back({staged.file.file_path, staged.waiting_bytes});
  }
  return waiting;
}

Result<LogPosition> BufferFlush::PositionIn(const TableState& state) {
  if (state.metadata->table_uuid != target_.table_uuid) {
    return Error(ErrorKind::kNotFound, "table ", state.ident.ToString(),
                 " was dropped and made anew: the rows were for the one that is gone");
  }
  ARROW_ASSIGN_OR_RAISE(const auto position,
                        LogPosition::Of(state.metadata->properties, target_.wal_uuid));
  if (position.epoch > target_.epoch) {
    fenced_ = true;
    return Error(ErrorKind::kValidationFailed, "table ", state.ident.ToString(),
                 ": another process took over the log ", target_.wal_uuid, " (epoch ",
                 position.epoch, ", this writer has ", target_.epoch,
                 ") and has the rows; open a new writer");
  }
  return position;
}

Result<Committed> BufferFlush::Run() {
  // Each further round means that another writer committed a batch of ours meanwhile.
  constexpr int kMostRounds = 20;
  for (int round = 1;; ++round) {
    if (!attempt_) {
      ARROW_ASSIGN_OR_RAISE(const auto state, target_.catalog->LoadTable(target_.table));
      ARROW_ASSIGN_OR_RAISE(const auto position, PositionIn(state));
      if (position.sequence >= last_sequence()) return Committed{state, SnapshotId()};
      if (!is_staged_) ARROW_RETURN_NOT_OK(Stage(state, position));
      kFlushStaged.Reach();
      late_ = false;
      attempt_ = std::make_unique<CommitAttempt>(
          *target_.catalog, target_.table, [this](const TableState& base) { return Plan(base); },
          CommitOptions{.clock = target_.clock});
    }
    auto done = Settle();
    if (done.ok() || !late_ || attempt_ || round == kMostRounds) return done;
    Discard();
  }
}

/// Runs the attempt; forgets it where its end is known.
Result<Committed> BufferFlush::Settle() {
  auto done = attempt_->Commit();
  if (done.ok()) {
    kFlushCommitted.Reach();
    // A plan that found the position moved already names none of the files; an earlier one of the
    // same attempt may.
    const bool named = done->snapshot != 0 || attempt_->was_in_doubt();
    for (StagedFile& staged : staged_) staged.surely_unused = !named;
    attempt_.reset();
    return done;
  }
  const bool in_doubt = attempt_->was_in_doubt() || IsKind(done.status(), ErrorKind::kIo);
  const bool lost = IsKind(done.status(), ErrorKind::kCommitConflict) ||
                    IsKind(done.status(), ErrorKind::kValidationFailed) || !in_doubt;
  for (StagedFile& staged : staged_) staged.surely_unused &= lost;
  if (lost) attempt_.reset();
  return done;
}

Status BufferFlush::Stage(const TableState& state, const LogPosition& position) {
  ARROW_RETURN_NOT_OK(CheckWritable(state));
  ARROW_ASSIGN_OR_RAISE(const auto properties, CurrentProperties(*state.metadata));
  ARROW_ASSIGN_OR_RAISE(const auto ledger, BatchLedger::Of(state.metadata->properties));
  iceberg::Schema schema = state.metadata->CurrentSchema();
  if (schema.fields.empty()) new_schema_ = schema = first_schema_;
  ARROW_ASSIGN_OR_RAISE(const auto arrow_schema, ToArrowSchema(schema));

  Batches fitting;
  std::map<int32_t, Batches> old;  // by schema id: what the newest schema cannot hold
  staged_at_ = position;
  for (const auto& batch : batches_) {
    // The table has it: whoever committed it, it is not stored again.
    if (batch->sequence <= position.sequence) continue;
    if (!batch->batch_id.empty() && ledger.Contains(batch->batch_id)) continue;
    if (!batch->batch_id.empty()) ids_.insert(batch->batch_id);
    const bool fits = new_schema_ || Project(*batch, schema, arrow_schema).ok();
    (fits ? fitting : old[batch->schema_id]).push_back(batch);
  }
  const auto stage = [&]() -> Status {
    ARROW_RETURN_NOT_OK(StageRows(state, properties, schema, fitting));
    for (const auto& [id, some] : old) {
      const iceberg::Schema* own = state.metadata->FindSchema(id);
      // Rows that came before the table had columns, which another writer gave it meanwhile.
      if (own == nullptr) return Project(*some[0], schema, arrow_schema).status();
      ARROW_RETURN_NOT_OK(StageRows(state, properties, *own, some));
    }
    return Status::OK();
  };
  const Status staged = stage();
  if (!staged.ok()) {
    Discard();
    return staged;
  }
  is_staged_ = true;
  return Status::OK();
}

/// One file, unless the rows are too many for one.
Status BufferFlush::StageRows(const TableState& state, const TableProperties& properties,
                              const iceberg::Schema& schema, const Batches& batches) {
  ARROW_ASSIGN_OR_RAISE(const auto target, ToArrowSchema(schema));
  for (size_t first = 0; first < batches.size();) {
    std::vector<std::shared_ptr<arrow::RecordBatch>> parts;
    int64_t bytes = 0;
    size_t end = first;
    for (; end < batches.size(); ++end) {
      bytes += batches[end]->memory_bytes;
      if (end > first && bytes > kMostFileBytes) break;
      ARROW_ASSIGN_OR_RAISE(
          auto rows, new_schema_ ? batches[end]->rows : Project(*batches[end], schema, target));
      // The same columns, under a schema that is one object.
      parts.push_back(arrow::RecordBatch::Make(target, rows->num_rows(), rows->columns()));
    }
    ARROW_ASSIGN_OR_RAISE(const auto all, arrow::ConcatenateRecordBatches(parts));
    Status written = WriteFile(state, properties, schema, *all);
    if (IsKind(written, ErrorKind::kBadInput) && parts.size() > 1) {
      // Each batch could be stored when it came. Rounding to whole steps depends on the other rows
      // of the file, so what cannot stand together stands alone.
      written = Status::OK();
      for (const auto& part : parts) {
        if (written.ok()) written = WriteFile(state, properties, schema, *part);
      }
    }
    ARROW_RETURN_NOT_OK(written);
    first = end;
  }
  return Status::OK();
}

Status BufferFlush::WriteFile(const TableState& state, const TableProperties& properties,
                              const iceberg::Schema& schema, const arrow::RecordBatch& rows) {
  BatchPlan plan;
  plan.schema = schema;
  plan.columns = rows.Slice(0);
  for (const auto& policy : properties.vectors) {
    // An older schema may call the column otherwise, or lack it; then it is a column like others.
    const auto* field = schema.FindColumn(policy.column_name);
    const auto* current = state.metadata->CurrentSchema().FindColumn(policy.column_name);
    if (field == nullptr || (current != nullptr && current->id != field->id)) continue;
    const int index = plan.columns->schema()->GetFieldIndex(policy.column_name);
    ARROW_ASSIGN_OR_RAISE(auto view,
                          EmbeddingsView::FromArrow(plan.columns->column(index), policy.dim));
    plan.vectors.push_back({policy, std::move(view)});
    ARROW_ASSIGN_OR_RAISE(plan.columns, plan.columns->RemoveColumn(index));
  }
  FileIndexing indexing{target_.index, properties.ivf_pq, /*deferred=*/true};
  ARROW_ASSIGN_OR_RAISE(auto staged,
                        files_->Write(*state.metadata, properties.hnsw, plan, indexing));
  staged_.push_back(std::move(staged));
  return Status::OK();
}

Result<CommitPlan> BufferFlush::Plan(const TableState& base) {
  ARROW_ASSIGN_OR_RAISE(const auto position, PositionIn(base));
  if (position.sequence >= last_sequence()) return CommitPlan();
  if (position.sequence != staged_at_.sequence) {
    late_ = true;
    return Error(ErrorKind::kValidationFailed, "another writer committed a part of the log ",
                 target_.wal_uuid);
  }
  const auto& properties = base.metadata->properties;
  AppendCommit commit;
  commit.schema = new_schema_;
  commit.properties[LogPosition::PropertyOf(target_.wal_uuid)] =
      LogPosition{target_.epoch, last_sequence()}.ToProperty();
  if (!ids_.empty()) {
    ARROW_ASSIGN_OR_RAISE(BatchLedger ledger, BatchLedger::Of(properties));
    const int64_t now_ms = target_.clock->NowMillis();
    for (const std::string& id : ids_) {
      if (ledger.Contains(id)) {
        late_ = true;
        return Error(ErrorKind::kValidationFailed, "the batch '", id,
                     "' was committed by another writer");
      }
    }
    for (const std::string& id : ids_) ledger.Add(id, now_ms);
    ledger.Trim(now_ms, LedgerLimits::Of(properties));
    commit.properties[BatchLedger::kProperty] = ledger.ToProperty();
  }
  if (staged_.empty()) {
    // Nothing but batches that the table has: only the log moves on.
    CommitPlan plan;
    plan.updates.push_back({iceberg::update::SetProperties{commit.properties}});
    return plan;
  }
  for (const StagedFile& staged : staged_) commit.files.push_back(staged.file);
  auto plan = PlanAppend(commit, base);
  // Another writer's first rows gave the table its columns: these have to be made to fit them.
  if (new_schema_ && IsKind(plan.status(), ErrorKind::kValidationFailed)) late_ = true;
  return plan;
}

}  // namespace tarn
