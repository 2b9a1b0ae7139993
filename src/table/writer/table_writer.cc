// SPDX-License-Identifier: Apache-2.0
#include "tarn/table_writer.h"

#include <algorithm>
#include <functional>

#include "arrow/api.h"
#include "base/clock.h"
#include "base/crash_point.h"
#include "base/random_id.h"
#include "catalog/append.h"
#include "format/storable_schema.h"
#include "iceberg/location.h"
#include "table/codebook/codebook_shelf.h"
#include "table/current_properties.h"
#include "table/file/reindex.h"
#include "table/file_metrics.h"
#include "table/indexing/index_pool.h"
#include "table/ledger/batch_ledger.h"
#include "table/maintenance/auto_expiry.h"
#include "table/schema_arrow.h"
#include "table/writer/batch_plan.h"
#include "table/writer/staged_commit.h"

namespace tarn {
namespace {

CrashPoint kWriterStaged("writer/staged");
CrashPoint kWriterCommitCoded("writer/commit/coded");
CrashPoint kWriterCommitCodedAgain("writer/commit/coded-again");
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
        shelf_(*catalog_, state_.ident) {}

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
    Indexing indexing = Usual();
    indexing.deferred = true;
    return StagePrimary(batch, embeddings, indexing);
  }

  Status WriteBatchDeferred(const arrow::RecordBatch& batch) override {
    Indexing indexing = Usual();
    indexing.deferred = true;
    return Stage(batch, {}, indexing);
  }

  Status WriteBatchIvfPqDeferred(const arrow::RecordBatch& batch, const EmbeddingsView& embeddings,
                                 const std::optional<IvfPqConfig>& config) override {
    Indexing indexing = IvfPq(config);
    indexing.deferred = true;
    return StagePrimary(batch, embeddings, indexing);
  }

  Result<bool> WriteBatchIdempotent(const arrow::RecordBatch& batch,
                                    const EmbeddingsView& embeddings,
                                    std::string_view batch_id) override {
    return StageOnce(batch_id,
                     [&](Indexing indexing) { return StagePrimary(batch, embeddings, indexing); });
  }

  Result<bool> WriteBatchIdempotent(const arrow::RecordBatch& batch,
                                    std::string_view batch_id) override {
    return StageOnce(batch_id, [&](Indexing indexing) { return Stage(batch, {}, indexing); });
  }

  Result<SnapshotId> Commit() override;
  Status WaitForIndexes(std::optional<std::chrono::milliseconds> timeout) override;

  int64_t staged_rows() const override {
    int64_t rows = 0;
    for (const auto& staged : staged_) rows += staged.file.record_count;
    if (commit_) {
      for (const auto& staged : commit_->files()) rows += staged.file.record_count;
    }
    return rows;
  }

 private:
  /// What indexes the files of one call get.
  struct Indexing {
    std::optional<IndexType> type;
    IvfPqConfig ivf_pq;
    bool deferred = false;
    std::string batch_id = {};
  };
  Indexing Usual() const { return {options_.index, properties_.ivf_pq, options_.deferred}; }
  Indexing IvfPq(const std::optional<IvfPqConfig>& config) const {
    return {IndexType::kIvfPq, config.value_or(properties_.ivf_pq), options_.deferred};
  }

  Status StagePrimary(const arrow::RecordBatch& batch, const EmbeddingsView& embeddings,
                      const Indexing& indexing);
  Status Stage(const arrow::RecordBatch& batch, std::span<const VectorColumn> given,
               const Indexing& indexing);
  Status AdoptNewest();
  Result<bool> StageOnce(std::string_view batch_id,
                         const std::function<Status(const Indexing&)>& stage);
  bool IsStaged(std::string_view batch_id) const;
  Result<StagedFile> WriteFile(const BatchPlan& plan, const Indexing& indexing);
  IndexType TypeFor(const VectorColumn& column, IndexType asked) const;
  Result<StagedFile> Describe(const WrittenFile& written, const std::string& uri,
                              const iceberg::Schema& schema);
  Status CodeAgain(StagedFile* staged);
  Result<SnapshotId> CommitStaged();
  Result<SnapshotId> TryStaged();
  Result<SnapshotId> RunAttempt();

  std::shared_ptr<CatalogProvider> catalog_;
  TableState state_;
  TableProperties properties_;
  iceberg::Schema schema_;  ///< without fields until the table, or the first batch, gives them
  std::shared_ptr<const iceberg::TableMetadata> adopted_;  ///< what these two were taken from
  TableWriterOptions options_;
  CodebookShelf shelf_;
  std::optional<SnapshotId> parent_;
  std::vector<StagedFile> staged_;
  /// A commit in flight or of unknown outcome, with its files.
  std::unique_ptr<StagedCommit> commit_;
  std::unique_ptr<CommitAttempt> attempt_;
  AutoExpiry expiry_{catalog_, state_.ident};
};

Status CheckWritable(const TableState& state);

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
                                     const EmbeddingsView& embeddings, const Indexing& indexing) {
  ARROW_RETURN_NOT_OK(AdoptNewest());
  if (properties_.vectors.empty()) {
    return Error(ErrorKind::kBadInput, "table ", state_.ident.ToString(), " has no vector column");
  }
  const VectorColumn column{properties_.vectors[0], embeddings};
  return Stage(batch, std::span(&column, 1), indexing);
}

Status TableWriterImpl::Stage(const arrow::RecordBatch& batch, std::span<const VectorColumn> given,
                              const Indexing& indexing) {
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
  ARROW_ASSIGN_OR_RAISE(auto staged, WriteFile(plan, indexing));
  kWriterStaged.Reach();
  staged.batch_id = indexing.batch_id;
  staged.awaits_index = indexing.deferred && indexing.type && !plan.vectors.empty();
  schema_ = std::move(plan.schema);
  staged_.push_back(std::move(staged));
  return Status::OK();
}

bool TableWriterImpl::IsStaged(std::string_view batch_id) const {
  const auto is = [&](const StagedFile& staged) { return staged.batch_id == batch_id; };
  return std::any_of(staged_.begin(), staged_.end(), is) ||
         (commit_ && std::any_of(commit_->files().begin(), commit_->files().end(), is));
}

Result<bool> TableWriterImpl::StageOnce(std::string_view batch_id,
                                        const std::function<Status(const Indexing&)>& stage) {
  ARROW_RETURN_NOT_OK(BatchLedger::CheckId(batch_id));
  if (IsStaged(batch_id)) return false;
  ARROW_ASSIGN_OR_RAISE(const auto state, catalog_->LoadTable(state_.ident));
  ARROW_ASSIGN_OR_RAISE(const auto ledger, BatchLedger::Of(state.metadata->properties));
  if (ledger.Contains(batch_id)) return false;
  Indexing indexing = Usual();
  indexing.batch_id = batch_id;
  ARROW_RETURN_NOT_OK(stage(indexing));
  return true;
}

IndexType TableWriterImpl::TypeFor(const VectorColumn& column, IndexType asked) const {
  const int64_t vectors = column.embeddings.rows() - column.embeddings.null_count();
  return ChooseIndexType(asked, vectors,
                         options_.hardware ? *options_.hardware : Hardware::Detect());
}

Result<StagedFile> TableWriterImpl::WriteFile(const BatchPlan& plan, const Indexing& indexing) {
  const std::string uri = iceberg::DataFileLocation(*state_.metadata, NewUuid7() + ".parquet");
  ARROW_ASSIGN_OR_RAISE(std::string path, catalog_->store().PathOf(uri));
  AilakeFileWriter writer(catalog_->shared_store());
  writer.WithHnswConfig(properties_.hnsw)
      .WithIvfPq(indexing.ivf_pq)
      .WithIndexType(indexing.type.value_or(IndexType::kHnsw))
      .WithThreads(options_.threads);
  if (options_.hardware && indexing.type == IndexType::kAuto) {
    writer.WithAutoIndex(*options_.hardware);
  }
  const bool index_now = indexing.type.has_value() && !indexing.deferred;
  writer.WithFooterKey(WantedIndex::kFooterKey,
                       WantedIndex{indexing.type, indexing.ivf_pq}.ToFooter());
  for (const auto& column : plan.vectors) {
    const auto& name = column.policy.column_name;
    const auto* field = plan.schema.FindColumn(name);
    writer.WithVectorFieldId(field->name, field->id, field->type.fields[0].id);
    if (!index_now || TypeFor(column, *indexing.type) != IndexType::kIvfPq) continue;
    const int64_t vectors = column.embeddings.rows() - column.embeddings.null_count();
    ARROW_ASSIGN_OR_RAISE(auto codebook, shelf_.For(column.policy, field->id, vectors));
    if (codebook != nullptr) writer.WithCodebook(name, std::move(codebook));
  }
  ARROW_ASSIGN_OR_RAISE(auto written,
                        writer.WriteMulti(path, *plan.columns, plan.vectors, index_now));
  ARROW_ASSIGN_OR_RAISE(auto staged, Describe(written, uri, plan.schema));
  for (const auto& [name, codebook] : written.codebooks) {
    const auto* field = plan.schema.FindColumn(name);
    const auto& policy = std::find_if(plan.vectors.begin(), plan.vectors.end(), [&](const auto& v) {
                           return v.policy.column_name == name;
                         })->policy;
    shelf_.Trained(policy, field->id, codebook, uri);
  }
  return staged;
}

Result<StagedFile> TableWriterImpl::Describe(const WrittenFile& written, const std::string& uri,
                                             const iceberg::Schema& schema) {
  auto file = DataFileFromFooter(*written.metadata, static_cast<int64_t>(written.size), schema);
  if (!file.ok()) {
    (void)catalog_->store().Delete(written.path);
    return file.status();
  }
  file->file_path = uri;
  file->spec_id = state_.metadata->default_spec_id;
  StagedFile staged{written.path, *std::move(file)};
  for (const auto& [name, codebook] : written.codebooks) {
    staged.codebooks[name] = codebook->fingerprint();
  }
  return staged;
}

Result<SnapshotId> TableWriterImpl::Commit() {
  SnapshotId committed;
  if (attempt_) {
    auto settled = RunAttempt();
    // An attempt that lost for certain leaves its files staged again, to be coded anew if need be.
    if (!settled.ok() && !IsKind(settled.status(), ErrorKind::kValidationFailed)) {
      return settled.status();
    }
    if (settled.ok()) committed = *settled;
    if (staged_.empty()) return settled;
  }
  if (staged_.empty()) {
    ARROW_ASSIGN_OR_RAISE(state_, catalog_->LoadTable(state_.ident));
    return state_.metadata->current_snapshot_id;
  }
  return CommitStaged();
}

Result<SnapshotId> TableWriterImpl::CommitStaged() {
  // Each further round means that another writer's codebook came first: there is a first one only
  // once, and replacements are rare.
  constexpr int kMostRounds = 5;
  for (int round = 1;; ++round) {
    for (StagedFile& staged : staged_) ARROW_RETURN_NOT_OK(CodeAgain(&staged));
    kWriterCommitCoded.Reach();
    auto committed = TryStaged();
    if (committed.ok() || !IsKind(committed.status(), ErrorKind::kValidationFailed) ||
        round == kMostRounds) {
      return committed;
    }
    ARROW_ASSIGN_OR_RAISE(const bool late, shelf_.GiveWay());
    if (!late) return committed;
  }
}

/// Gives a staged file the codebooks that the others of the table will have, where it was coded
/// with one that came too late.
Status TableWriterImpl::CodeAgain(StagedFile* staged) {
  std::map<std::string, IndexRequest> requests;
  for (const auto& [name, fingerprint] : staged->codebooks) {
    const auto policy = std::find_if(properties_.vectors.begin(), properties_.vectors.end(),
                                     [&](const auto& p) { return p.column_name == name; });
    ARROW_ASSIGN_OR_RAISE(auto codebook,
                          shelf_.For(*policy, schema_.FindColumn(name)->id, /*vectors=*/0));
    if (codebook == nullptr || codebook->fingerprint() == fingerprint) continue;
    IndexRequest request;
    request.type = IndexType::kIvfPq;
    request.codebook = std::move(codebook);
    request.threads = options_.threads;
    requests[name] = std::move(request);
  }
  if (requests.empty()) return Status::OK();
  const std::string uri = iceberg::DataFileLocation(*state_.metadata, NewUuid7() + ".parquet");
  ARROW_ASSIGN_OR_RAISE(const std::string path, catalog_->store().PathOf(uri));
  ARROW_ASSIGN_OR_RAISE(const auto written,
                        ReindexFile(catalog_->store(), staged->path, path, requests));
  ARROW_ASSIGN_OR_RAISE(auto coded, Describe(written, uri, schema_));
  for (const auto& [name, fingerprint] : staged->codebooks) {
    coded.codebooks.emplace(name, fingerprint);
  }
  kWriterCommitCodedAgain.Reach();
  shelf_.Moved(staged->file.file_path, uri);
  if (staged->surely_unused) (void)catalog_->store().Delete(staged->path);
  *staged = std::move(coded);
  return Status::OK();
}

Result<SnapshotId> TableWriterImpl::TryStaged() {
  AppendCommit rest;
  rest.parent = parent_;
  if (state_.metadata->CurrentSchema().fields.empty()) rest.schema = schema_;
  shelf_.AddTo(&rest);
  commit_ = std::make_unique<StagedCommit>(std::move(staged_), std::move(rest));
  staged_.clear();
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
    const bool lost = IsKind(done.status(), ErrorKind::kCommitConflict) ||
                      IsKind(done.status(), ErrorKind::kValidationFailed);
    for (auto& staged : commit_->files()) staged.surely_unused &= lost;
    // After anything but a lost race the attempt lives on: under its snapshot id the next Commit
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
  bool awaits_index = false;
  for (size_t i = 0; i < commit_->files().size(); ++i) {
    const StagedFile& staged = commit_->files()[i];
    if (!commit_->is_left_out(i)) {
      awaits_index |= staged.awaits_index;
    } else if (staged.surely_unused && !attempt_->was_in_doubt()) {
      (void)catalog_->store().Delete(staged.path);
    }
  }
  kWriterLeftOutDeleted.Reach();
  const bool committed = done->snapshot != 0;
  attempt_.reset();
  commit_.reset();
  if (!committed) return state_.metadata->current_snapshot_id;
  shelf_.Committed();
  expiry_.AfterCommit(state_);
  if (parent_) parent_ = done->snapshot;
  if (awaits_index && options_.index_in_background) IndexPool::Shared().Submit(catalog_, state_);
  return done->snapshot;
}

Status TableWriterImpl::WaitForIndexes(std::optional<std::chrono::milliseconds> timeout) {
  return IndexPool::Shared().Wait(catalog_, state_.ident, timeout);
}

Status CheckWritable(const TableState& state) {
  const auto& metadata = *state.metadata;
  if (metadata.format_version != 2) {
    return Error(ErrorKind::kNotSupported, "table ", state.ident.ToString(), " has format version ",
                 metadata.format_version, "; this version writes version 2 tables");
  }
  if (!metadata.DefaultSpec().is_unpartitioned()) {
    return Error(ErrorKind::kNotSupported, "table ", state.ident.ToString(),
                 " is partitioned; this version writes unpartitioned tables");
  }
  return Status::OK();
}

Result<std::unique_ptr<TableWriter>> OpenWriter(std::shared_ptr<CatalogProvider> catalog,
                                                TableState state, TableWriterOptions options) {
  ARROW_RETURN_NOT_OK(CheckWritable(state));
  ARROW_ASSIGN_OR_RAISE(auto properties, CurrentProperties(*state.metadata));
  return std::make_unique<TableWriterImpl>(std::move(catalog), std::move(state),
                                           std::move(properties), options);
}

}  // namespace

Result<TableState> CreateTableWithSchema(CatalogProvider& catalog, const TableIdent& table,
                                         const TableProperties& properties,
                                         const arrow::Schema& schema) {
  arrow::FieldVector fields;
  for (const auto& field : schema.fields()) {
    const bool vector = std::any_of(properties.vectors.begin(), properties.vectors.end(),
                                    [&](const auto& p) { return p.column_name == field->name(); });
    if (!vector) fields.push_back(field);
  }
  ARROW_ASSIGN_OR_RAISE(auto storable, format::StorableSchema(*arrow::schema(std::move(fields))));
  ARROW_ASSIGN_OR_RAISE(auto columns, NewTableSchema(*storable, properties.vectors));
  return catalog.CreateTable(table, properties, columns);
}

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
  ARROW_ASSIGN_OR_RAISE(auto existing, CurrentProperties(*state->metadata));
  if (existing.vectors != properties.vectors) {
    return Error(ErrorKind::kBadInput, "table ", table.ToString(),
                 " exists with other vector columns, dimensions, metrics or precisions");
  }
  return OpenWriter(std::move(catalog), *std::move(state), options);
}

}  // namespace tarn
