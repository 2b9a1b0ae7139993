// SPDX-License-Identifier: Apache-2.0
#include "tarn/table_writer.h"

#include <algorithm>
#include <functional>
#include <set>

#include "arrow/api.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "catalog/append.h"
#include "iceberg/table_metadata.h"
#include "table/current_properties.h"
#include "table/indexing/index_pool.h"
#include "table/ledger/batch_ledger.h"
#include "table/maintenance/auto_expiry.h"
#include "table/writer/batch_plan.h"
#include "table/writer/staged_commit.h"
#include "table/writer/stream_cutter.h"
#include "table/writer/table_opening.h"

namespace tarn {
namespace {

CrashPoint kWriterStaged("writer/staged");
CrashPoint kWriterCommitCoded("writer/commit/coded");
CrashPoint kWriterCommitBefore("writer/commit/before");
CrashPoint kWriterCommitAfter("writer/commit/after");
CrashPoint kWriterLeftOutDeleted("writer/left-out/deleted");

class TableWriterImpl : public TableWriter {
 public:
  TableWriterImpl(std::shared_ptr<CatalogProvider> catalog, TableState state,
                  TableProperties properties, TableWriterOptions options)
      : catalog_(std::move(catalog)),
        state_(std::move(state)),
        properties_(std::move(properties)),
        schema_(state_.metadata->CurrentSchema()),
        adopted_(state_.metadata),
        options_(options),
        files_(catalog_, state_.ident, options) {}

  ~TableWriterImpl() override {
    // A file too many costs space, a file too few costs rows: whatever a failing store may have put
    // into the table after all stays.
    for (const auto& staged : staged_) {
      if (staged.surely_unused) (void)catalog_->store().Delete(staged.path);
    }
  }

  TableWriter& WithParentSnapshot(SnapshotId parent) override {
    parent_ = parent;
    return *this;
  }

  Status WriteBatch(const arrow::RecordBatch& batch, const EmbeddingsView& embeddings) override {
    return StagePrimary(batch, embeddings, Usual());
  }

  Status WriteBatch(const arrow::RecordBatch& batch) override { return Stage(batch, {}, Usual()); }

  Status WriteBatchMulti(const arrow::RecordBatch& batch,
                         std::span<const VectorColumn> columns) override {
    return Stage(batch, columns, Usual());
  }

  Status WriteBatchIvfPq(const arrow::RecordBatch& batch, const EmbeddingsView& embeddings,
                         const std::optional<IvfPqConfig>& config) override {
    return StagePrimary(batch, embeddings, IvfPq(config));
  }

  Status WriteBatchAuto(const arrow::RecordBatch& batch,
                        const EmbeddingsView& embeddings) override {
    return StagePrimary(batch, embeddings,
                        {IndexType::kAuto, properties_.ivf_pq, options_.deferred});
  }

  Status WriteBatchDeferred(const arrow::RecordBatch& batch,
                            const EmbeddingsView& embeddings) override {
    FileIndexing indexing = Usual();
    indexing.deferred = true;
    return StagePrimary(batch, embeddings, indexing);
  }

  Status WriteBatchDeferred(const arrow::RecordBatch& batch) override {
    FileIndexing indexing = Usual();
    indexing.deferred = true;
    return Stage(batch, {}, indexing);
  }

  Status WriteBatchIvfPqDeferred(const arrow::RecordBatch& batch, const EmbeddingsView& embeddings,
                                 const std::optional<IvfPqConfig>& config) override {
    FileIndexing indexing = IvfPq(config);
    indexing.deferred = true;
    return StagePrimary(batch, embeddings, indexing);
  }

  Result<bool> WriteBatchIdempotent(const arrow::RecordBatch& batch,
                                    const EmbeddingsView& embeddings,
                                    std::string_view batch_id) override {
    return StageOnce(
        batch_id, [&](FileIndexing indexing) { return StagePrimary(batch, embeddings, indexing); });
  }

  Result<bool> WriteBatchIdempotent(const arrow::RecordBatch& batch,
                                    std::string_view batch_id) override {
    return StageOnce(batch_id, [&](FileIndexing indexing) { return Stage(batch, {}, indexing); });
  }

  Result<int64_t> WriteStream(arrow::RecordBatchReader& batches) override;

  Result<SnapshotId> Commit() override;
  Result<SnapshotId> CommitOverwrite(const arrow::compute::Expression& predicate) override;
  Status WaitForIndexes(std::optional<std::chrono::milliseconds> timeout) override;

  std::chrono::nanoseconds waited_for_indexes() const override { return waited_; }

  int64_t staged_rows() const override {
    int64_t rows = 0;
    for (const auto& staged : staged_) rows += staged.file.record_count;
    if (commit_) {
      for (const auto& staged : commit_->files()) rows += staged.file.record_count;
    }
    return rows;
  }

 private:
  FileIndexing Usual() const { return {options_.index, properties_.ivf_pq, options_.deferred}; }
  FileIndexing IvfPq(const std::optional<IvfPqConfig>& config) const {
    return {IndexType::kIvfPq, config.value_or(properties_.ivf_pq), options_.deferred};
  }

  Status StagePrimary(const arrow::RecordBatch& batch, const EmbeddingsView& embeddings,
                      const FileIndexing& indexing);
  Status Stage(const arrow::RecordBatch& batch, std::span<const VectorColumn> given,
               const FileIndexing& indexing);
  Status AdoptNewest();
  void WaitForRoom(const FileIndexing& indexing, std::span<const VectorColumn> vectors);
  Result<bool> StageOnce(std::string_view batch_id,
                         const std::function<Status(const FileIndexing&)>& stage);
  bool IsStaged(std::string_view batch_id) const;
  Status StageStream(arrow::RecordBatchReader& batches);
  using Predicate = arrow::compute::Expression;
  Result<SnapshotId> CommitStaged(const Predicate* replaced);
  Result<SnapshotId> TryStaged(const Predicate* replaced);
  Result<SnapshotId> RunAttempt();

  std::shared_ptr<CatalogProvider> catalog_;
  TableState state_;
  TableProperties properties_;
  iceberg::Schema schema_;  ///< without fields until the table, or the first batch, gives them
  std::shared_ptr<const iceberg::TableMetadata> adopted_;  ///< what these two were taken from
  TableWriterOptions options_;
  StagedFileWriter files_;
  std::optional<SnapshotId> parent_;
  std::vector<StagedFile> staged_;
  /// Ids that the table held already when their batches came, since the last commit.
  std::set<std::string, std::less<>> repeated_;
  /// A commit in flight or of unknown outcome, with its files.
  std::unique_ptr<StagedCommit> commit_;
  std::unique_ptr<CommitAttempt> attempt_;
  AutoExpiry expiry_{catalog_, state_.ident};
  std::chrono::nanoseconds waited_{0};
};

/// Takes over schema and policies as the last commit found them. Files that wait for theirs keep
/// what they were written under: field ids tell readers what is what.
Status TableWriterImpl::AdoptNewest() {
  if (adopted_ == state_.metadata || !staged_.empty() || attempt_) return Status::OK();
  ARROW_RETURN_NOT_OK(CheckWritable(state_));
  ARROW_ASSIGN_OR_RAISE(properties_, CurrentProperties(*state_.metadata));
  if (!state_.metadata->CurrentSchema().fields.empty()) {
    schema_ = state_.metadata->CurrentSchema();
  }
  adopted_ = state_.metadata;
  return Status::OK();
}

Status TableWriterImpl::StagePrimary(const arrow::RecordBatch& batch,
                                     const EmbeddingsView& embeddings,
                                     const FileIndexing& indexing) {
  ARROW_RETURN_NOT_OK(AdoptNewest());
  if (properties_.vectors.empty()) {
    return Error(ErrorKind::kBadInput, "table ", state_.ident.ToString(), " has no vector column");
  }
  const VectorColumn column{properties_.vectors[0], embeddings};
  return Stage(batch, std::span(&column, 1), indexing);
}

Status TableWriterImpl::Stage(const arrow::RecordBatch& batch, std::span<const VectorColumn> given,
                              const FileIndexing& indexing) {
  ARROW_RETURN_NOT_OK(AdoptNewest());
  auto planned = PlanBatch(batch, given, properties_.vectors, schema_, options_.on_bad_vectors);
  if (IsKind(planned.status(), ErrorKind::kBadInput) && staged_.empty() && !attempt_) {
    // The table may have changed since this writer last looked.
    ARROW_ASSIGN_OR_RAISE(state_, catalog_->LoadTable(state_.ident));
    if (state_.metadata->current_schema_id != adopted_->current_schema_id) {
      ARROW_RETURN_NOT_OK(AdoptNewest());
      planned = PlanBatch(batch, given, properties_.vectors, schema_, options_.on_bad_vectors);
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto plan, std::move(planned));
  if (plan.columns->num_rows() == 0) return Status::OK();
  WaitForRoom(indexing, plan.vectors);
  ARROW_ASSIGN_OR_RAISE(auto staged,
                        files_.Write(*state_.metadata, properties_.hnsw, plan, indexing));
  kWriterStaged.Reach();
  schema_ = std::move(plan.schema);
  staged_.push_back(std::move(staged));
  return Status::OK();
}

void TableWriterImpl::WaitForRoom(const FileIndexing& indexing,
                                  std::span<const VectorColumn> vectors) {
  if (!options_.index_in_background || options_.max_pending_bytes <= 0) return;
  if (!indexing.AwaitsIndex(vectors)) return;
  waited_ +=
      IndexPool::Shared().WaitForRoom(state_.metadata->table_uuid, options_.max_pending_bytes);
}

bool TableWriterImpl::IsStaged(std::string_view batch_id) const {
  const auto is = [&](const StagedFile& staged) { return staged.batch_id == batch_id; };
  return std::any_of(staged_.begin(), staged_.end(), is) ||
         (commit_ && std::any_of(commit_->files().begin(), commit_->files().end(), is));
}

Result<bool> TableWriterImpl::StageOnce(std::string_view batch_id,
                                        const std::function<Status(const FileIndexing&)>& stage) {
  ARROW_RETURN_NOT_OK(BatchLedger::CheckId(batch_id));
  if (IsStaged(batch_id)) return false;
  ARROW_ASSIGN_OR_RAISE(const auto state, catalog_->LoadTable(state_.ident));
  ARROW_ASSIGN_OR_RAISE(const auto ledger, BatchLedger::Of(state.metadata->properties));
  if (ledger.Contains(batch_id)) {
    repeated_.emplace(batch_id);
    return false;
  }
  FileIndexing indexing = Usual();
  indexing.batch_id = batch_id;
  ARROW_RETURN_NOT_OK(stage(indexing));
  return true;
}

Result<int64_t> TableWriterImpl::WriteStream(arrow::RecordBatchReader& batches) {
  const size_t before = staged_.size();
  const bool had_columns = !schema_.fields.empty();
  const Status status = StageStream(batches);
  if (!status.ok()) {
    for (size_t i = before; i < staged_.size(); ++i) files_.Discard(staged_[i]);
    staged_.erase(staged_.begin() + static_cast<ptrdiff_t>(before), staged_.end());
    // Columns that only these files would have given the table.
    if (!had_columns && state_.metadata->CurrentSchema().fields.empty()) schema_ = {};
    return status;
  }
  int64_t rows = 0;
  for (size_t i = before; i < staged_.size(); ++i) rows += staged_[i].file.record_count;
  return rows;
}

Status TableWriterImpl::StageStream(arrow::RecordBatchReader& batches) {
  ARROW_RETURN_NOT_OK(AdoptNewest());
  StreamCutter cutter(batches, properties_.vectors, StreamCutter::TargetOf(*state_.metadata));
  for (int64_t first = 0;;) {
    ARROW_ASSIGN_OR_RAISE(const auto rows, cutter.Next());
    if (rows == nullptr) return Status::OK();
    const Status staged = Stage(*rows, {}, Usual());
    if (!staged.ok()) {
      return WithContext(staged, "in the stream, counted from its row " + std::to_string(first));
    }
    first += rows->num_rows();
  }
}

Result<SnapshotId> TableWriterImpl::Commit() {
  if (attempt_) {
    const bool overwrites = commit_->deletes() != nullptr;
    auto settled = RunAttempt();
    // An attempt that lost for certain leaves its files staged again, to be coded anew if need be.
    // What was to replace rows is not appended beside them.
    if (!settled.ok() && (overwrites || !IsKind(settled.status(), ErrorKind::kValidationFailed))) {
      return settled.status();
    }
    if (staged_.empty()) return settled;
  }
  if (staged_.empty()) {
    ARROW_ASSIGN_OR_RAISE(state_, catalog_->LoadTable(state_.ident));
    repeated_.clear();
    return state_.metadata->current_snapshot_id;
  }
  return CommitStaged(nullptr);
}

Result<SnapshotId> TableWriterImpl::CommitOverwrite(const Predicate& predicate) {
  if (attempt_) {
    const RowDeletes* pending = commit_->deletes();
    const bool same = pending != nullptr && pending->predicate().Equals(predicate);
    auto settled = RunAttempt();
    if (settled.ok()) {
      if (same && staged_.empty()) return settled;
      return Error(ErrorKind::kValidationFailed, "table ", state_.ident.ToString(),
                   ": an earlier commit of this writer, which was in doubt, went through as "
                   "snapshot ",
                   *settled, "; what matches of its rows would be replaced too: call again if so");
    }
    if (!IsKind(settled.status(), ErrorKind::kValidationFailed)) return settled.status();
  }
  return CommitStaged(&predicate);
}

Result<SnapshotId> TableWriterImpl::CommitStaged(const Predicate* replaced) {
  // Each further round means that another writer's codebook came first: there is a first one only
  // once, and replacements are rare.
  constexpr int kMostRounds = 5;
  for (int round = 1;; ++round) {
    for (StagedFile& staged : staged_) {
      ARROW_RETURN_NOT_OK(
          files_.CodeAgain(*state_.metadata, properties_.vectors, schema_, &staged));
    }
    kWriterCommitCoded.Reach();
    auto committed = TryStaged(replaced);
    if (committed.ok() || !IsKind(committed.status(), ErrorKind::kValidationFailed) ||
        round == kMostRounds) {
      return committed;
    }
    ARROW_ASSIGN_OR_RAISE(const bool late, files_.shelf().GiveWay());
    if (!late) return committed;
  }
}

Result<SnapshotId> TableWriterImpl::TryStaged(const Predicate* replaced) {
  std::unique_ptr<RowDeletes> deletes;
  if (replaced != nullptr) {
    deletes = std::make_unique<RowDeletes>(catalog_, *replaced);
    ARROW_ASSIGN_OR_RAISE(const auto now, catalog_->LoadTable(state_.ident));
    // Without columns there are no rows yet.
    if (!now.metadata->CurrentSchema().fields.empty()) {
      ARROW_RETURN_NOT_OK(deletes->LookAhead(now));
    }
  }
  AppendCommit rest;
  rest.parent = parent_;
  if (state_.metadata->CurrentSchema().fields.empty() && !schema_.fields.empty()) {
    rest.schema = schema_;
  }
  files_.shelf().AddTo(&rest);
  commit_ = std::make_unique<StagedCommit>(std::move(staged_), std::move(rest));
  staged_.clear();
  if (deletes != nullptr) {
    commit_->Replace(std::move(deletes), {repeated_.begin(), repeated_.end()});
  }
  attempt_ = std::make_unique<CommitAttempt>(
      *catalog_, state_.ident, [commit = commit_.get()](const TableState& base) {
        return commit->Plan(base, Clock::System().NowMillis());
      });
  return RunAttempt();
}

Result<SnapshotId> TableWriterImpl::RunAttempt() {
  kWriterCommitBefore.Reach();
  auto done = attempt_->Commit();
  if (!done.ok()) {
    const bool sure = !attempt_->was_in_doubt() && !IsKind(done.status(), ErrorKind::kIo);
    const bool lost = IsKind(done.status(), ErrorKind::kCommitConflict) ||
                      IsKind(done.status(), ErrorKind::kValidationFailed) || sure;
    if (commit_->deletes() != nullptr && sure) commit_->deletes()->DeleteUnused(false);
    for (auto& staged : commit_->files()) staged.surely_unused &= lost;
    // Where the storage failed the attempt lives on: under its snapshot id the next Commit
    // finds out whether it happened after all, instead of adding the same files a second time.
    if (!lost) return done.status();
    // Known not to have happened: the files wait for the next Commit, before those staged since.
    auto& files = commit_->files();
    staged_.insert(staged_.begin(), std::make_move_iterator(files.begin()),
                   std::make_move_iterator(files.end()));
    attempt_.reset();
    commit_.reset();
    return done.status();
  }
  kWriterCommitAfter.Reach();
  state_ = done->state;
  std::vector<OwnBacklog::File> waiting;
  for (size_t i = 0; i < commit_->files().size(); ++i) {
    const StagedFile& staged = commit_->files()[i];
    if (!commit_->is_left_out(i)) {
      if (staged.waiting_bytes > 0) {
        waiting.push_back({staged.file.file_path, staged.waiting_bytes});
      }
    } else if (staged.surely_unused && !attempt_->was_in_doubt()) {
      (void)catalog_->store().Delete(staged.path);
    }
  }
  kWriterLeftOutDeleted.Reach();
  if (commit_->deletes() != nullptr && !attempt_->was_in_doubt()) {
    commit_->deletes()->DeleteUnused(true);
  }
  const bool committed = done->snapshot != 0;
  attempt_.reset();
  commit_.reset();
  repeated_.clear();
  if (!committed) return state_.metadata->current_snapshot_id;
  files_.shelf().Committed();
  expiry_.AfterCommit(state_);
  if (parent_) parent_ = done->snapshot;
  if (!waiting.empty() && options_.index_in_background) {
    IndexPool::Shared().Submit(catalog_, state_, std::move(waiting));
  }
  return done->snapshot;
}

Status TableWriterImpl::WaitForIndexes(std::optional<std::chrono::milliseconds> timeout) {
  return IndexPool::Shared().Wait(catalog_, state_.ident, timeout);
}

Result<std::unique_ptr<TableWriter>> OpenWriter(std::shared_ptr<CatalogProvider> catalog,
                                                TableState state, TableWriterOptions options) {
  ARROW_RETURN_NOT_OK(CheckWritable(state));
  ARROW_ASSIGN_OR_RAISE(auto properties, CurrentProperties(*state.metadata));
  return std::make_unique<TableWriterImpl>(std::move(catalog), std::move(state),
                                           std::move(properties), options);
}

}  // namespace

Result<std::unique_ptr<TableWriter>> TableWriter::Make(std::shared_ptr<CatalogProvider> catalog,
                                                       const TableIdent& table,
                                                       TableWriterOptions options) {
  ARROW_ASSIGN_OR_RAISE(auto state, catalog->LoadTable(table));
  return OpenWriter(std::move(catalog), std::move(state), options);
}

Result<std::unique_ptr<TableWriter>> TableWriter::CreateOrOpen(
    std::shared_ptr<CatalogProvider> catalog, const TableIdent& table,
    const TableProperties& properties, TableWriterOptions options) {
  auto state = catalog->LoadTable(table);
  if (!state.ok() && IsKind(state.status(), ErrorKind::kNotFound)) {
    state = catalog->CreateTable(table, properties);
    // Somebody else made it between the two calls.
    if (!state.ok() && IsKind(state.status(), ErrorKind::kAlreadyExists))
      state = catalog->LoadTable(table);
  }
  ARROW_RETURN_NOT_OK(state.status());
  ARROW_RETURN_NOT_OK(CheckPolicies(*state, properties.vectors));
  return OpenWriter(std::move(catalog), *std::move(state), options);
}

}  // namespace tarn
