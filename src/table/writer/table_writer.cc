// SPDX-License-Identifier: Apache-2.0
#include "tarn/table_writer.h"

#include <algorithm>

#include "arrow/api.h"
#include "base/random_id.h"
#include "catalog/append.h"
#include "format/storable_schema.h"
#include "iceberg/location.h"
#include "table/file_metrics.h"
#include "table/schema_arrow.h"
#include "table/writer/batch_plan.h"

namespace tarn {
namespace {

struct StagedFile {
  std::string path;  ///< in the store
  iceberg::DataFile file;
  /// No table can name it: it was never part of a commit, or only of one that lost for certain.
  bool surely_unused = true;
};

class TableWriterImpl : public TableWriter {
 public:
  TableWriterImpl(std::shared_ptr<CatalogProvider> catalog, TableState state,
                  TableProperties properties, TableWriterOptions options)
      : catalog_(std::move(catalog)),
        state_(std::move(state)),
        properties_(std::move(properties)),
        schema_(state_.metadata->CurrentSchema()),
        options_(options) {}

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
    if (properties_.vectors.empty()) {
      return Error(ErrorKind::kBadInput, "table ", state_.ident.ToString(),
                   " has no vector column");
    }
    const VectorColumn column{properties_.vectors[0], embeddings};
    return Stage(batch, std::span(&column, 1));
  }

  Status WriteBatch(const arrow::RecordBatch& batch) override { return Stage(batch, {}); }

  Status WriteBatchMulti(const arrow::RecordBatch& batch,
                         std::span<const VectorColumn> columns) override {
    return Stage(batch, columns);
  }

  Result<SnapshotId> Commit() override;

  int64_t staged_rows() const override {
    int64_t rows = 0;
    for (const auto& staged : staged_) rows += staged.file.record_count;
    for (const auto& staged : in_doubt_) rows += staged.file.record_count;
    return rows;
  }

 private:
  Status Stage(const arrow::RecordBatch& batch, std::span<const VectorColumn> given);
  Result<StagedFile> WriteFile(const BatchPlan& plan);
  Result<SnapshotId> CommitStaged();
  Result<SnapshotId> RunAttempt();

  std::shared_ptr<CatalogProvider> catalog_;
  TableState state_;
  TableProperties properties_;
  iceberg::Schema schema_;  ///< without fields until the table, or the first batch, gives them
  TableWriterOptions options_;
  std::optional<SnapshotId> parent_;
  std::vector<StagedFile> staged_;
  /// A commit in flight or of unknown outcome, and its files.
  std::unique_ptr<AppendAttempt> attempt_;
  std::vector<StagedFile> in_doubt_;
};

Status TableWriterImpl::Stage(const arrow::RecordBatch& batch,
                              std::span<const VectorColumn> given) {
  ARROW_ASSIGN_OR_RAISE(
      auto plan, PlanBatch(batch, given, properties_.vectors, schema_, options_.on_bad_vectors));
  if (plan.columns->num_rows() == 0) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto staged, WriteFile(plan));
  schema_ = std::move(plan.schema);
  staged_.push_back(std::move(staged));
  return Status::OK();
}

Result<StagedFile> TableWriterImpl::WriteFile(const BatchPlan& plan) {
  const std::string uri = iceberg::DataFileLocation(*state_.metadata, NewUuid7() + ".parquet");
  ARROW_ASSIGN_OR_RAISE(std::string path, catalog_->store().PathOf(uri));
  AilakeFileWriter writer(catalog_->shared_store());
  writer.WithHnswConfig(properties_.hnsw).WithThreads(options_.threads);
  if (options_.index) writer.WithIndexType(*options_.index);
  for (const auto& column : plan.vectors) {
    const auto* field = plan.schema.FindColumn(column.policy.column_name);
    writer.WithVectorFieldId(field->name, field->id, field->type.fields[0].id);
  }
  ARROW_ASSIGN_OR_RAISE(auto written, writer.WriteMulti(path, *plan.columns, plan.vectors,
                                                        options_.index.has_value()));
  auto file =
      DataFileFromFooter(*written.metadata, static_cast<int64_t>(written.size), plan.schema);
  if (!file.ok()) {
    (void)catalog_->store().Delete(path);
    return file.status();
  }
  file->file_path = uri;
  file->spec_id = state_.metadata->default_spec_id;
  return StagedFile{std::move(path), *std::move(file)};
}

Result<SnapshotId> TableWriterImpl::Commit() {
  SnapshotId committed;
  if (attempt_) {
    ARROW_ASSIGN_OR_RAISE(committed, RunAttempt());
    if (staged_.empty()) return committed;
  }
  if (staged_.empty()) {
    ARROW_ASSIGN_OR_RAISE(state_, catalog_->LoadTable(state_.ident));
    return state_.metadata->current_snapshot_id;
  }
  return CommitStaged();
}

Result<SnapshotId> TableWriterImpl::CommitStaged() {
  AppendCommit commit;
  for (const auto& staged : staged_) commit.files.push_back(staged.file);
  commit.parent = parent_;
  if (state_.metadata->CurrentSchema().fields.empty()) commit.schema = schema_;
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
  state_ = done->state;
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
