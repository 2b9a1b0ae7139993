// SPDX-License-Identifier: Apache-2.0
#include "tarn/read_view.h"

#include <bit>

#include "arrow/api.h"
#include "arrow/compute/api_vector.h"
#include "format/storable_schema.h"
#include "iceberg/manifest_io.h"
#include "iceberg/name_mapping.h"
#include "iceberg/table_metadata.h"
#include "iceberg/time_travel.h"
#include "table/current_properties.h"
#include "table/schema_arrow.h"
#include "table/value_arrow.h"
#include "table/view/file_schema.h"
#include "table/view/projection.h"
#include "table/view/state_view.h"
#include "table/view/view_deletes.h"

namespace tarn {
namespace {

Result<iceberg::ReadPoint> FindPoint(const iceberg::TableMetadata& metadata,
                                     const std::optional<AsOf>& as_of) {
  if (!as_of) return iceberg::CurrentPoint(metadata);
  if (const auto* snapshot = std::get_if<SnapshotId>(&as_of->at)) {
    return iceberg::PointOfSnapshot(metadata, *snapshot);
  }
  if (const auto* ref = std::get_if<std::string>(&as_of->at)) {
    return iceberg::PointOfRef(metadata, *ref);
  }
  const auto time = std::get<AsOf::Time>(as_of->at);
  return iceberg::PointAtTime(metadata, time.time_since_epoch().count());
}

/// The policies name columns of the table's schema; an older schema may have other names for them,
/// or not have them.
std::vector<VectorStoragePolicy> PoliciesOf(const std::vector<VectorStoragePolicy>& policies,
                                            const iceberg::Schema& current,
                                            const iceberg::Schema& schema) {
  if (&current == &schema) return policies;
  std::vector<VectorStoragePolicy> found;
  for (const auto& policy : policies) {
    const auto* column = current.FindColumn(policy.column_name);
    for (const auto& field : schema.fields) {
      if (column == nullptr || field.id != column->id) continue;
      found.push_back(policy);
      found.back().column_name = field.name;
    }
  }
  return found;
}

/// The rows of a batch whose bits are set.
Result<std::shared_ptr<arrow::RecordBatch>> KeepRows(
    const std::shared_ptr<arrow::RecordBatch>& batch, const RowBitmap& live) {
  if (batch->num_columns() == 0) {
    return arrow::RecordBatch::Make(batch->schema(), static_cast<int64_t>(live.count),
                                    arrow::ArrayVector{});
  }
  // Arrow's bitmaps have the same order of bits.
  const arrow::BooleanArray kept(batch->num_rows(),
                                 arrow::Buffer::Wrap(live.words.data(), live.words.size()));
  ARROW_ASSIGN_OR_RAISE(auto filtered, arrow::compute::Filter(batch, kept));
  return filtered.record_batch();
}

class ReadViewImpl : public ReadView, public std::enable_shared_from_this<ReadViewImpl> {
 public:
  Status Init(std::shared_ptr<CatalogProvider> catalog, TableState state,
              std::shared_ptr<FileCache> cache, const std::optional<AsOf>& as_of,
              std::optional<iceberg::LiveFiles> live);

  const TableState& state() const override { return state_; }
  SnapshotId snapshot() const override { return snapshot_; }
  const std::vector<ViewFile>& files() const override { return files_; }
  const std::vector<ViewDeleteFile>& delete_files() const override { return deletes_->applied(); }
  int64_t rows() const override { return rows_; }
  const std::vector<VectorStoragePolicy>& vector_policies() const override { return policies_; }
  const HnswConfig& hnsw() const override { return hnsw_; }
  const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }

  Result<std::shared_ptr<AilakeFileReader>> OpenFile(size_t file) const override {
    return cache_->Open(catalog_->shared_store(), files_[file].path);
  }
  Result<int64_t> CountLiveRows() const override;
  Result<std::shared_ptr<const RowBitmap>> LiveRows(size_t file) const override;
  Result<std::optional<std::string>> ColumnInFile(size_t file,
                                                  const std::string& column) const override;
  Result<std::shared_ptr<arrow::Table>> ReadRows(
      size_t file, std::span<const uint32_t> rows,
      const std::vector<std::string>& columns) const override;
  Result<std::shared_ptr<arrow::RecordBatchReader>> Scan(
      const std::vector<std::string>& columns) const override;
  Result<std::shared_ptr<arrow::RecordBatch>> ReadFile(
      size_t file, const std::vector<std::string>& columns) const override;

 private:
  Status TakeFiles(const iceberg::ReadPoint& point, std::optional<iceberg::LiveFiles> known);
  Result<DeletableFile> OpenForDeletes(size_t file) const;
  /// The file's columns under the table's field ids.
  Result<std::shared_ptr<arrow::Schema>> FileSchema(size_t file,
                                                    const AilakeFileReader& reader) const;
  Result<Projection> Project(size_t file, const AilakeFileReader& reader,
                             const std::vector<std::string>& columns) const;

  std::shared_ptr<CatalogProvider> catalog_;
  std::shared_ptr<FileCache> cache_;
  TableState state_;
  SnapshotId snapshot_;
  std::vector<ViewFile> files_;
  std::vector<FillValues> partitions_;  // what the partition of each file says of columns
  std::unique_ptr<ViewDeletes> deletes_;
  int64_t rows_ = 0;
  std::vector<VectorStoragePolicy> policies_;
  HnswConfig hnsw_;
  std::shared_ptr<arrow::Schema> schema_;
  FillValues defaults_;
  std::optional<iceberg::NameMapping> name_mapping_;
};

Status ReadViewImpl::Init(std::shared_ptr<CatalogProvider> catalog, TableState state,
                          std::shared_ptr<FileCache> cache, const std::optional<AsOf>& as_of,
                          std::optional<iceberg::LiveFiles> live) {
  catalog_ = std::move(catalog);
  cache_ = cache ? std::move(cache) : std::make_shared<FileCache>();
  state_ = std::move(state);
  const auto& metadata = *state_.metadata;
  auto point = FindPoint(metadata, as_of);
  if (!point.ok()) return WithContext(point.status(), "table " + state_.ident.ToString());
  ARROW_ASSIGN_OR_RAISE(auto properties, CurrentProperties(metadata));
  policies_ = PoliciesOf(properties.vectors, metadata.CurrentSchema(), *point->schema);
  hnsw_ = properties.hnsw;
  if (const auto* json = metadata.FindProperty(iceberg::kNameMappingProperty)) {
    ARROW_ASSIGN_OR_RAISE(name_mapping_, iceberg::NameMapping::FromJson(*json));
  }
  ARROW_ASSIGN_OR_RAISE(schema_, ToArrowSchema(*point->schema));
  ARROW_ASSIGN_OR_RAISE(defaults_, DefaultsOf(point->schema->fields));
  if (point->snapshot != nullptr) snapshot_ = point->snapshot->snapshot_id;
  return TakeFiles(*point, std::move(live));
}

Status ReadViewImpl::TakeFiles(const iceberg::ReadPoint& point,
                               std::optional<iceberg::LiveFiles> known) {
  iceberg::LiveFiles live;
  if (known) {
    live = *std::move(known);
  } else if (point.snapshot != nullptr) {
    ARROW_ASSIGN_OR_RAISE(live, iceberg::ReadLiveFiles(catalog_->store(), *point.snapshot));
  }
  for (const auto& entry : live.data) {
    const auto& file = entry.data_file;
    if (file.file_format != "PARQUET") {
      return Error(ErrorKind::kNotSupported, file.file_path, ": files of format ", file.file_format,
                   " cannot be read, only Parquet");
    }
    ARROW_ASSIGN_OR_RAISE(std::string path, catalog_->store().PathOf(file.file_path));
    rows_ += file.record_count;
    files_.push_back({std::move(path), static_cast<uint64_t>(file.file_size_in_bytes),
                      file.record_count, entry.sequence_number.value_or(0)});
    const auto* spec = state_.metadata->FindSpec(file.spec_id);
    if (spec == nullptr) {
      return Error(ErrorKind::kCorrupt, file.file_path, ": the table has no partition spec ",
                   file.spec_id);
    }
    const Status status =
        AddPartitionValues(*spec, file.partition, *point.schema, &partitions_.emplace_back());
    if (!status.ok()) return WithContext(status, file.file_path);
  }
  return ViewDeletes::Make(catalog_->shared_store(), state_.metadata, live.data,
                           std::move(live.deletes))
      .Value(&deletes_);
}

Result<int64_t> ReadViewImpl::CountLiveRows() const {
  int64_t rows = 0;
  for (size_t file = 0; file < files_.size(); ++file) {
    ARROW_ASSIGN_OR_RAISE(const auto live, LiveRows(file));
    rows += live != nullptr ? static_cast<int64_t>(live->count) : files_[file].rows;
  }
  return rows;
}

Result<std::shared_ptr<const RowBitmap>> ReadViewImpl::LiveRows(size_t file) const {
  return deletes_->LiveRows(file, files_[file].rows,
                            [this](size_t number) { return OpenForDeletes(number); });
}

Result<DeletableFile> ReadViewImpl::OpenForDeletes(size_t file) const {
  DeletableFile opened;
  ARROW_ASSIGN_OR_RAISE(opened.reader, OpenFile(file));
  ARROW_ASSIGN_OR_RAISE(opened.schema, FileSchema(file, *opened.reader));
  opened.partition = partitions_[file];
  return opened;
}

/// Also checks that the file is the one that the manifest means.
Result<std::shared_ptr<arrow::Schema>> ReadViewImpl::FileSchema(
    size_t file, const AilakeFileReader& reader) const {
  if (reader.rows() != files_[file].rows) {
    return Error(ErrorKind::kCorrupt, files_[file].path, " has ", reader.rows(),
                 " rows, the manifest says ", files_[file].rows);
  }
  auto schema = WithFieldIds(reader.schema(), name_mapping_);
  if (!schema.ok()) return WithContext(schema.status(), files_[file].path);
  return schema;
}

Result<std::optional<std::string>> ReadViewImpl::ColumnInFile(size_t file,
                                                              const std::string& column) const {
  ARROW_ASSIGN_OR_RAISE(const auto wanted, SelectColumns(*schema_, {column}));
  ARROW_ASSIGN_OR_RAISE(const int32_t id, format::FieldIdOf(*wanted->field(0)));
  ARROW_ASSIGN_OR_RAISE(const auto reader, OpenFile(file));
  ARROW_ASSIGN_OR_RAISE(const auto schema, FileSchema(file, *reader));
  ARROW_ASSIGN_OR_RAISE(const auto found, FindColumnById(*schema, id));
  return found != nullptr ? std::optional(found->name()) : std::nullopt;
}

Result<Projection> ReadViewImpl::Project(size_t file, const AilakeFileReader& reader,
                                         const std::vector<std::string>& columns) const {
  ARROW_ASSIGN_OR_RAISE(auto target, SelectColumns(*schema_, columns));
  ARROW_ASSIGN_OR_RAISE(const auto schema, FileSchema(file, reader));
  FillValues fill = partitions_[file];
  fill.insert(defaults_.begin(), defaults_.end());
  return Projection::Make(std::move(target), *schema, std::move(fill));
}

Result<std::shared_ptr<arrow::Table>> ReadViewImpl::ReadRows(
    size_t file, std::span<const uint32_t> rows, const std::vector<std::string>& columns) const {
  ARROW_ASSIGN_OR_RAISE(const auto live, LiveRows(file));
  for (const uint32_t row : rows) {
    if (live != nullptr && row < files_[file].rows && !live->contains(row)) {
      return Error(ErrorKind::kNotFound, files_[file].path, ": row ", row, " is deleted");
    }
  }
  ARROW_ASSIGN_OR_RAISE(const auto reader, OpenFile(file));
  ARROW_ASSIGN_OR_RAISE(const auto projection, Project(file, *reader, columns));
  std::shared_ptr<arrow::Table> read =
      arrow::Table::Make(arrow::schema(arrow::FieldVector{}), arrow::ArrayVector{}, 0);
  if (projection.source->num_fields() > 0) {
    ARROW_ASSIGN_OR_RAISE(read, reader->ReadRows(rows, projection.file_columns()));
  }
  auto batch = projection.Apply(*read, static_cast<int64_t>(rows.size()));
  if (!batch.ok()) return WithContext(batch.status(), files_[file].path);
  return arrow::Table::FromRecordBatches(projection.target, {*std::move(batch)});
}

Result<std::shared_ptr<arrow::RecordBatch>> ReadViewImpl::ReadFile(
    size_t file, const std::vector<std::string>& columns) const {
  ARROW_ASSIGN_OR_RAISE(const auto live, LiveRows(file));
  ARROW_ASSIGN_OR_RAISE(const auto reader, OpenFile(file));
  ARROW_ASSIGN_OR_RAISE(const auto projection, Project(file, *reader, columns));
  std::shared_ptr<arrow::Table> read =
      arrow::Table::Make(arrow::schema(arrow::FieldVector{}), arrow::ArrayVector{}, 0);
  if (projection.source->num_fields() > 0) {
    ARROW_ASSIGN_OR_RAISE(read, reader->ReadAll(projection.file_columns()));
  }
  auto batch = projection.Apply(*read, files_[file].rows);
  if (!batch.ok()) return WithContext(batch.status(), files_[file].path);
  if (live == nullptr) return batch;
  return KeepRows(*batch, *live);
}

/// One file after the other; holds one file's columns at a time.
class ViewScan : public arrow::RecordBatchReader {
 public:
  ViewScan(std::shared_ptr<const ReadViewImpl> view, std::shared_ptr<arrow::Schema> schema,
           std::vector<std::string> columns)
      : view_(std::move(view)), schema_(std::move(schema)), columns_(std::move(columns)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  Status ReadNext(std::shared_ptr<arrow::RecordBatch>* out) override {
    out->reset();
    if (next_ >= view_->files().size()) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(*out, view_->ReadFile(next_, columns_));
    ++next_;
    return Status::OK();
  }

 private:
  std::shared_ptr<const ReadViewImpl> view_;
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

uint32_t RowBitmap::Select(uint64_t rank) const {
  for (size_t w = 0; w < words.size(); ++w) {
    const auto here = static_cast<uint64_t>(std::popcount(words[w]));
    if (rank >= here) {
      rank -= here;
      continue;
    }
    uint64_t rest = words[w];
    for (; rank > 0; --rank) rest &= rest - 1;
    return static_cast<uint32_t>(w * 64 + static_cast<size_t>(std::countr_zero(rest)));
  }
  return UINT32_MAX;
}

Result<std::shared_ptr<const ReadView>> ReadView::Open(std::shared_ptr<CatalogProvider> catalog,
                                                       const TableIdent& table,
                                                       std::shared_ptr<FileCache> cache,
                                                       std::optional<AsOf> as_of) {
  ARROW_ASSIGN_OR_RAISE(auto state, catalog->LoadTable(table));
  auto view = std::make_shared<ReadViewImpl>();
  ARROW_RETURN_NOT_OK(
      view->Init(std::move(catalog), std::move(state), std::move(cache), as_of, std::nullopt));
  return view;
}

Result<std::shared_ptr<const ReadView>> OpenViewOf(std::shared_ptr<CatalogProvider> catalog,
                                                   TableState state, iceberg::LiveFiles live,
                                                   std::shared_ptr<FileCache> cache) {
  auto view = std::make_shared<ReadViewImpl>();
  ARROW_RETURN_NOT_OK(view->Init(std::move(catalog), std::move(state), std::move(cache),
                                 std::nullopt, std::move(live)));
  return view;
}

}  // namespace tarn
