// SPDX-License-Identifier: Apache-2.0
#include "tarn/read_view.h"

#include "arrow/api.h"
#include "iceberg/manifest_io.h"
#include "iceberg/table_metadata.h"
#include "table/schema_arrow.h"
#include "table/view/projection.h"

namespace tarn {
namespace {

class ReadViewImpl : public ReadView, public std::enable_shared_from_this<ReadViewImpl> {
 public:
  Status Init(std::shared_ptr<CatalogProvider> catalog, const TableIdent& table,
              std::shared_ptr<FileCache> cache, std::optional<SnapshotId> snapshot);

  const TableState& state() const override { return state_; }
  SnapshotId snapshot() const override { return snapshot_; }
  const std::vector<ViewFile>& files() const override { return files_; }
  int64_t rows() const override { return rows_; }
  const std::vector<VectorStoragePolicy>& vector_policies() const override { return policies_; }
  const HnswConfig& hnsw() const override { return hnsw_; }
  const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }

  Result<std::shared_ptr<AilakeFileReader>> OpenFile(size_t file) const override {
    return cache_->Open(catalog_->shared_store(), files_[file].path);
  }
  Result<std::shared_ptr<arrow::Table>> ReadRows(
      size_t file, std::span<const uint32_t> rows,
      const std::vector<std::string>& columns) const override;
  Result<std::shared_ptr<arrow::RecordBatchReader>> Scan(
      const std::vector<std::string>& columns) const override;

 private:
  Status TakeFiles(const iceberg::Snapshot& snapshot);

  std::shared_ptr<CatalogProvider> catalog_;
  std::shared_ptr<FileCache> cache_;
  TableState state_;
  SnapshotId snapshot_;
  std::vector<ViewFile> files_;
  int64_t rows_ = 0;
  std::vector<VectorStoragePolicy> policies_;
  HnswConfig hnsw_;
  std::shared_ptr<arrow::Schema> schema_;
};

Status ReadViewImpl::Init(std::shared_ptr<CatalogProvider> catalog, const TableIdent& table,
                          std::shared_ptr<FileCache> cache, std::optional<SnapshotId> snapshot) {
  catalog_ = std::move(catalog);
  cache_ = cache ? std::move(cache) : std::make_shared<FileCache>();
  ARROW_ASSIGN_OR_RAISE(state_, catalog_->LoadTable(table));
  const auto& metadata = *state_.metadata;
  ARROW_ASSIGN_OR_RAISE(auto properties, TableProperties::FromIceberg(metadata.properties));
  policies_ = std::move(properties.vectors);
  hnsw_ = properties.hnsw;
  const iceberg::Schema* schema = &metadata.CurrentSchema();
  snapshot_ = snapshot.value_or(metadata.current_snapshot_id);
  if (snapshot_ != 0) {
    const iceberg::Snapshot* found = metadata.FindSnapshot(snapshot_);
    if (found == nullptr) {
      return Error(ErrorKind::kNotFound, "table ", table.ToString(), " has no snapshot ",
                   snapshot_);
    }
    // An older snapshot is read with the schema it was written under.
    if (snapshot && found->schema_id && metadata.FindSchema(*found->schema_id) != nullptr) {
      schema = metadata.FindSchema(*found->schema_id);
    }
    ARROW_RETURN_NOT_OK(TakeFiles(*found));
  }
  ARROW_ASSIGN_OR_RAISE(schema_, ToArrowSchema(*schema));
  return Status::OK();
}

Status ReadViewImpl::TakeFiles(const iceberg::Snapshot& snapshot) {
  ARROW_ASSIGN_OR_RAISE(auto live, iceberg::ReadLiveFiles(catalog_->store(), snapshot));
  if (!live.deletes.empty()) {
    // Reading on would bring deleted rows back.
    return Error(ErrorKind::kNotSupported, "table ", state_.ident.ToString(), " has ",
                 live.deletes.size(),
                 " delete files, which this version cannot apply; rewrite its data files first");
  }
  for (const auto& entry : live.data) {
    const auto& file = entry.data_file;
    if (file.file_format != "PARQUET" && file.file_format != "parquet") {
      return Error(ErrorKind::kNotSupported, file.file_path, ": files of format ", file.file_format,
                   " cannot be read, only Parquet");
    }
    ARROW_ASSIGN_OR_RAISE(std::string path, catalog_->store().PathOf(file.file_path));
    rows_ += file.record_count;
    files_.push_back({std::move(path), static_cast<uint64_t>(file.file_size_in_bytes),
                      file.record_count, entry.sequence_number.value_or(0)});
  }
  return Status::OK();
}

Result<std::shared_ptr<arrow::Table>> ReadViewImpl::ReadRows(
    size_t file, std::span<const uint32_t> rows, const std::vector<std::string>& columns) const {
  ARROW_ASSIGN_OR_RAISE(auto reader, OpenFile(file));
  auto projection = Projection::Make(*schema_, *reader->schema(), columns);
  if (!projection.ok()) return WithContext(projection.status(), files_[file].path);
  std::shared_ptr<arrow::Table> read =
      arrow::Table::Make(arrow::schema(arrow::FieldVector{}), arrow::ArrayVector{}, 0);
  if (!projection->file_columns.empty()) {
    ARROW_ASSIGN_OR_RAISE(read, reader->ReadRows(rows, projection->file_columns));
  }
  ARROW_ASSIGN_OR_RAISE(auto batch, projection->Apply(*read, static_cast<int64_t>(rows.size())));
  return arrow::Table::FromRecordBatches(projection->target, {std::move(batch)});
}

/// One file after the other; holds one file's columns at a time.
class ViewScan : public arrow::RecordBatchReader {
 public:
  ViewScan(std::shared_ptr<const ReadView> view, std::shared_ptr<arrow::Schema> schema,
           std::vector<std::string> columns)
      : view_(std::move(view)), schema_(std::move(schema)), columns_(std::move(columns)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    out->reset();
    if (next_ >= view_->files().size()) return Status::OK();
    const auto& file = view_->files()[next_];
    ARROW_ASSIGN_OR_RAISE(auto reader, view_->OpenFile(next_));
    auto projection = Projection::Make(*view_->schema(), *reader->schema(), columns_);
    if (!projection.ok()) return WithContext(projection.status(), file.path);
    if (reader->rows() != file.rows) {
      return Error(ErrorKind::kCorrupt, file.path, " has ", reader->rows(),
                   " rows, the manifest says ", file.rows);
    }
    std::shared_ptr<arrow::Table> read =
        arrow::Table::Make(arrow::schema(arrow::FieldVector{}), arrow::ArrayVector{}, 0);
    if (!projection->file_columns.empty()) {
      ARROW_ASSIGN_OR_RAISE(read, reader->ReadAll(projection->file_columns));
    }
    ARROW_ASSIGN_OR_RAISE(*out, projection->Apply(*read, file.rows));
    ++next_;
    return Status::OK();
  }

 private:
  std::shared_ptr<const ReadView> view_;
  std::shared_ptr<arrow::Schema> schema_;
  std::vector<std::string> columns_;
  size_t next_ = 0;
};

Result<std::shared_ptr<arrow::RecordBatchReader>> ReadViewImpl::Scan(
    const std::vector<std::string>& columns) const {
  ARROW_ASSIGN_OR_RAISE(auto schema, SelectColumns(*schema_, columns));
  return std::make_shared<ViewScan>(shared_from_this(), std::move(schema), columns);
}

}  // namespace

Result<std::shared_ptr<const ReadView>> ReadView::Open(std::shared_ptr<CatalogProvider> catalog,
                                                       const TableIdent& table,
                                                       std::shared_ptr<FileCache> cache,
                                                       std::optional<SnapshotId> snapshot) {
  auto view = std::make_shared<ReadViewImpl>();
  ARROW_RETURN_NOT_OK(view->Init(std::move(catalog), table, std::move(cache), snapshot));
  return view;
}

}  // namespace tarn
