// SPDX-License-Identifier: Apache-2.0
#include "tarn/table_writer.h"

#include <algorithm>

#include "arrow/api.h"
#include "base/random_id.h"
#include "catalog/append.h"
#include "format/storable_schema.h"
#include "iceberg/location.h"
#include "table/codebook/codebook_shelf.h"
#include "table/file/reindex.h"
#include "table/file_metrics.h"
#include "table/maintenance/auto_expiry.h"
#include "table/schema_arrow.h"
#include "table/writer/batch_plan.h"

namespace tarn {
namespace {

struct StagedFile {
  std::string path;  ///< in the store
  iceberg::DataFile file;
  /// No table can name it: it was never part of a commit, or only of one that lost for certain.
  bool surely_unused = true;
  /// Columns with an index that is coded with a codebook, and its fingerprint.
  std::map<std::string, std::string> codebooks = {};
};

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
    return StagePrimary(batch, embeddings, {options_.index, properties_.ivf_pq});
  }

  Status WriteBatch(const arrow::RecordBatch& batch) override {
    return Stage(batch, {}, {options_.index, properties_.ivf_pq});
  }

  Status WriteBatchMulti(const arrow::RecordBatch& batch,
                         std::span<const VectorColumn> columns) override {
    return Stage(batch, columns, {options_.index, properties_.ivf_pq});
  }

  Status WriteBatchIvfPq(const arrow::RecordBatch& batch, const EmbeddingsView& embeddings,
                         const std::optional<IvfPqConfig>& config) override {
    return StagePrimary(batch, embeddings,
                        {IndexType::kIvfPq, config.value_or(properties_.ivf_pq)});
  }

  Status WriteBatchAuto(const arrow::RecordBatch& batch,
                        const EmbeddingsView& embeddings) override {
    return StagePrimary(batch, embeddings, {IndexType::kAuto, properties_.ivf_pq});
  }

  Result<SnapshotId> Commit() override;

  int64_t staged_rows() const override {
    int64_t rows = 0;
    for (const auto& staged : staged_) rows += staged.file.record_count;
    for (const auto& staged : in_doubt_) rows += staged.file.record_count;
    return rows;
  }

 private:
  /// What indexes the files of one call get.
  struct Indexing {
    std::optional<IndexType> type;
    IvfPqConfig ivf_pq;
  };

  Status StagePrimary(const arrow::RecordBatch& batch, const EmbeddingsView& embeddings,
                      const Indexing& indexing);
  Status Stage(const arrow::RecordBatch& batch, std::span<const VectorColumn> given,
               const Indexing& indexing);
  Status AdoptNewest();
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
  /// A commit in flight or of unknown outcome, and its files.
  std::unique_ptr<AppendAttempt> attempt_;
  std::vector<StagedFile> in_doubt_;
  AutoExpiry expiry_{catalog_, state_.ident};
};

Status CheckWritable(const TableState& state);

/// Takes over schema and policies as the last commit found them. Files that wait for theirs keep
/// what they were written under: field ids tell readers what is what.
Status TableWriterImpl::AdoptNewest() {
  if (adopted_ == state_.metadata || !staged_.empty() || attempt_) return Status::OK();
  ARROW_RETURN_NOT_OK(CheckWritable(state_));
  ARROW_ASSIGN_OR_RAISE(properties_, TableProperties::FromIceberg(state_.metadata->properties));
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
  schema_ = std::move(plan.schema);
  staged_.push_back(std::move(staged));
  return Status::OK();
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
  for (const auto& column : plan.vectors) {
    const auto& name = column.policy.column_name;
    const auto* field = plan.schema.FindColumn(name);
    writer.WithVectorFieldId(field->name, field->id, field->type.fields[0].id);
    if (!indexing.type || TypeFor(column, *indexing.type) != IndexType::kIvfPq) continue;
    const int64_t vectors = column.embeddings.rows() - column.embeddings.null_count();
    ARROW_ASSIGN_OR_RAISE(auto codebook, shelf_.For(column.policy, field->id, vectors));
    if (codebook != nullptr) writer.WithCodebook(name, std::move(codebook));
  }
  ARROW_ASSIGN_OR_RAISE(auto written, writer.WriteMulti(path, *plan.columns, plan.vectors,
                                                        indexing.type.has_value()));
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
  shelf_.Moved(staged->file.file_path, uri);
  if (staged->surely_unused) (void)catalog_->store().Delete(staged->path);
  *staged = std::move(coded);
  return Status::OK();
}

Result<SnapshotId> TableWriterImpl::TryStaged() {
  AppendCommit commit;
  for (const auto& staged : staged_) commit.files.push_back(staged.file);
  commit.parent = parent_;
  if (state_.metadata->CurrentSchema().fields.empty()) commit.schema = schema_;
  shelf_.AddTo(&commit);
  attempt_ = std::make_unique<AppendAttempt>(*catalog_, state_.ident, std::move(commit));
  in_doubt_ = std::move(staged_);
  staged_.clear();
  return RunAttempt();
}

Result<SnapshotId> TableWriterImpl::RunAttempt() {
  auto done = attempt_->Commit();
  if (!done.ok()) {
    const bool lost = IsKind(done.status(), ErrorKind::kCommitConflict) ||
                      IsKind(done.status(), ErrorKind::kValidationFailed);
    for (auto& staged : in_doubt_) staged.surely_unused &= lost;
    // After anything but a lost race the attempt lives on: under its snapshot id the next Commit
    // finds out whether it happened after all, instead of adding the same files a second time.
    if (!lost) return done.status();
  }
  attempt_.reset();
  if (!done.ok()) {
    // Known not to have happened: the files wait for the next Commit, before those staged since.
    staged_.insert(staged_.begin(), std::make_move_iterator(in_doubt_.begin()),
                   std::make_move_iterator(in_doubt_.end()));
    in_doubt_.clear();
    return done.status();
  }
  in_doubt_.clear();
  shelf_.Committed();
  state_ = done->state;
  expiry_.AfterCommit(state_);
  if (parent_) parent_ = done->snapshot;
  return done->snapshot;
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
  ARROW_ASSIGN_OR_RAISE(auto properties, TableProperties::FromIceberg(state.metadata->properties));
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
  ARROW_ASSIGN_OR_RAISE(auto existing, TableProperties::FromIceberg(state->metadata->properties));
  if (existing.vectors != properties.vectors) {
    return Error(ErrorKind::kBadInput, "table ", table.ToString(),
                 " exists with other vector columns, dimensions, metrics or precisions");
  }
  return OpenWriter(std::move(catalog), *std::move(state), options);
}

}  // namespace tarn
