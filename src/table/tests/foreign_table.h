// SPDX-License-Identifier: Apache-2.0
//
// Tables as other engines leave them behind, made by hand: plain Parquet files, delete files of
// every kind, any metadata. Nothing of the table writer takes part.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "arrow/api.h"
#include "arrow/io/memory.h"
#include "arrow/json/from_string.h"
#include "arrow/util/key_value_metadata.h"
#include "iceberg/manifest_avro.h"
#include "iceberg/manifest_io.h"
#include "iceberg/name_mapping.h"
#include "iceberg/table_metadata.h"
#include "iceberg/table_metadata_json.h"
#include "iceberg/tests/deletion_vector_writer.h"
#include "parquet/arrow/writer.h"
#include "tarn/read_view.h"

namespace tarn {

/// A catalog of one table that never changes.
class FixedCatalog : public CatalogProvider {
 public:
  FixedCatalog(std::shared_ptr<Store> store, iceberg::TableMetadata metadata)
      : CatalogProvider(std::move(store)) {
    state_.ident = Ident();
    state_.metadata = std::make_shared<iceberg::TableMetadata>(std::move(metadata));
    state_.metadata_path = "db/t/metadata/v1.metadata.json";
    state_.version = 1;
  }
  static TableIdent Ident() { return {{"db"}, "t"}; }

  Result<TableState> LoadTable(const TableIdent&) override { return state_; }
  Result<bool> TableExists(const TableIdent&) override { return true; }
  Result<std::vector<TableIdent>> ListTables() override { return std::vector{Ident()}; }
  Result<TableState> CreateTable(const TableIdent&, const TableProperties&) override {
    return ReadOnly();
  }
  Result<TableState> CreateTable(const TableIdent&, const TableProperties&,
                                 const iceberg::Schema&) override {
    return ReadOnly();
  }
  Status DropTable(const TableIdent&) override { return ReadOnly(); }
  Result<TableState> CommitTable(const TableState&, const std::vector<iceberg::TableRequirement>&,
                                 const std::vector<iceberg::TableUpdate>&) override {
    return ReadOnly();
  }

 private:
  static Status ReadOnly() { return Error(ErrorKind::kIo, "this catalog is read only"); }
  TableState state_;
};

/// An Arrow field with a field id, or without one for ids below 0.
inline std::shared_ptr<arrow::Field> Column(const std::string& name,
                                            std::shared_ptr<arrow::DataType> type, int id,
                                            bool nullable = true) {
  auto metadata =
      id < 0 ? nullptr : arrow::key_value_metadata({"PARQUET:field_id"}, {std::to_string(id)});
  return arrow::field(name, std::move(type), nullable, metadata);
}

/// Rows from JSON, one text a column.
inline std::shared_ptr<arrow::RecordBatch> RowsOf(const arrow::FieldVector& fields,
                                                  const std::vector<std::string>& columns) {
  arrow::ArrayVector arrays;
  for (size_t i = 0; i < fields.size(); ++i) {
    arrays.push_back(arrow::json::ArrayFromJSONString(fields[i]->type(), columns[i]).ValueOrDie());
  }
  return arrow::RecordBatch::Make(arrow::schema(fields), arrays[0]->length(), arrays);
}

class ForeignTable {
 public:
  explicit ForeignTable(iceberg::Schema schema, int32_t format_version = 2) {
    metadata =
        iceberg::NewTableMetadata("memory:///db/t", std::move(schema), {}, 1000, format_version)
            .ValueOrDie();
  }

  /// Writes rows as an ordinary Parquet file, in small row groups, and adds it.
  iceberg::DataFile& AddData(const arrow::RecordBatch& rows, int64_t sequence, int32_t spec = 0,
                             std::vector<iceberg::Value> partition = {}) {
    const std::string path = NewPath(".parquet");
    WriteParquet(path, rows);
    return Add(&data_, iceberg::FileContent::kData, path, rows.num_rows(), sequence, spec,
               std::move(partition));
  }
  /// Adds a file that lies in the store already.
  iceberg::DataFile& AddFile(const std::string& path, int64_t rows, int64_t sequence) {
    return Add(&data_, iceberg::FileContent::kData, path, rows, sequence, 0, {});
  }
  using Positions = std::vector<std::pair<std::string, int64_t>>;  // location, position
  iceberg::DataFile& AddPositionDeletes(const Positions& positions, int64_t sequence,
                                        int32_t spec = 0,
                                        std::vector<iceberg::Value> partition = {}) {
    arrow::StringBuilder paths;
    arrow::Int64Builder rows;
    for (const auto& [path, row] : positions) {
      (void)paths.Append(path);
      (void)rows.Append(row);
    }
    const auto batch = arrow::RecordBatch::Make(
        arrow::schema({Column("file_path", arrow::utf8(), 2147483546, false),
                       Column("pos", arrow::int64(), 2147483545, false)}),
        static_cast<int64_t>(positions.size()),
        {paths.Finish().ValueOrDie(), rows.Finish().ValueOrDie()});
    const std::string path = NewPath("-deletes.parquet");
    WriteParquet(path, *batch);
    return Add(&deletes_, iceberg::FileContent::kPositionDeletes, path, batch->num_rows(), sequence,
               spec, std::move(partition));
  }
  iceberg::DataFile& AddEqualityDeletes(const arrow::RecordBatch& keys, std::vector<int32_t> ids,
                                        int64_t sequence, int32_t spec = 0,
                                        std::vector<iceberg::Value> partition = {}) {
    const std::string path = NewPath("-eq.parquet");
    WriteParquet(path, keys);
    auto& file = Add(&deletes_, iceberg::FileContent::kEqualityDeletes, path, keys.num_rows(),
                     sequence, spec, std::move(partition));
    file.equality_ids = std::move(ids);
    return file;
  }
  iceberg::DataFile& AddVector(const std::string& location, const std::set<uint64_t>& rows,
                               int64_t sequence) {
    using Writer = iceberg::DeletionVectorWriter;
    const std::string path = NewPath(".puffin");
    const std::string blob =
        Writer::Blob(rows, rows.size() % 2 == 0 ? Writer::Style::kPlain : Writer::Style::kRuns);
    (void)store->Put(path, Writer::Puffin({{location, blob}}));
    auto& file = Add(&deletes_, iceberg::FileContent::kPositionDeletes, path,
                     static_cast<int64_t>(rows.size()), sequence, 0, {});
    file.file_format = "PUFFIN";
    file.referenced_data_file = location;
    file.content_offset = 4;
    file.content_size_in_bytes = static_cast<int64_t>(blob.size());
    return file;
  }

  void WriteParquet(const std::string& path, const arrow::RecordBatch& rows) {
    auto out = arrow::io::BufferOutputStream::Create().ValueOrDie();
    const auto table = arrow::Table::FromRecordBatches(rows.schema(), {rows.Slice(0)}).ValueOrDie();
    const auto written =
        parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out, /*chunk_size=*/37);
    if (!written.ok()) written.Abort();
    (void)store->Put(path, out->Finish().ValueOrDie()->ToString());
  }

  /// Commits what was added so far as one more snapshot; its id. It replaces the files of the one
  /// before it by all files added.
  SnapshotId Commit(std::optional<int32_t> schema_id = {}) {
    const SnapshotId id(static_cast<int64_t>(metadata.snapshots.size()) + 1);
    std::vector<iceberg::ManifestFile> lines;
    for (const auto* entries : {&data_, &deletes_}) {
      std::map<int32_t, iceberg::Manifest> by_spec;
      for (const auto& entry : *entries)
        by_spec[entry->data_file.spec_id].entries.push_back(*entry);
      for (auto& [spec, manifest] : by_spec) {
        manifest.format_version = metadata.format_version;
        manifest.content = entries == &data_ ? iceberg::ManifestContent::kData
                                             : iceberg::ManifestContent::kDeletes;
        manifest.schema = metadata.CurrentSchema();
        manifest.spec = *metadata.FindSpec(spec);
        lines.push_back(
            iceberg::WriteManifest(*store, NewPath(".avro"), manifest, id, 100).ValueOrDie());
      }
    }
    iceberg::Snapshot snapshot;
    snapshot.snapshot_id = id;
    snapshot.sequence_number = metadata.last_sequence_number = 100 + id.value();
    snapshot.timestamp_ms = 1000 * id.value();
    snapshot.schema_id = schema_id.value_or(metadata.current_schema_id);
    if (id > 1) snapshot.parent_id = SnapshotId(id.value() - 1);
    const std::string list = NewPath("-list.avro");
    iceberg::ManifestListHeader header;
    header.format_version = metadata.format_version;
    header.snapshot_id = id;
    header.sequence_number = snapshot.sequence_number;
    (void)store->Put(list, iceberg::ManifestListToAvro(header, lines).ValueOrDie());
    snapshot.manifest_list = store->UriOf(list);
    metadata.snapshots.push_back(snapshot);
    metadata.snapshot_log.push_back({snapshot.timestamp_ms, id});
    metadata.current_snapshot_id = id;
    metadata.refs[iceberg::kMainBranch] = {id, true};
    return id;
  }

  std::shared_ptr<FixedCatalog> Catalog() const {
    return std::make_shared<FixedCatalog>(store, metadata);
  }
  /// The committed state.
  Result<std::shared_ptr<const ReadView>> Open(std::optional<AsOf> as_of = {}) const {
    return ReadView::Open(Catalog(), FixedCatalog::Ident(), nullptr, std::move(as_of));
  }
  /// What was added so far.
  std::shared_ptr<const ReadView> View() {
    Commit();
    return Open().ValueOrDie();
  }
  /// The committed state in a catalog that tables can be written in.
  std::shared_ptr<CatalogProvider> WritableCatalog() {
    (void)store->Put("db/t/metadata/v1.metadata.json", iceberg::TableMetadataToJson(metadata));
    return HadoopCatalog::Make(store, "").ValueOrDie();
  }
  std::string Uri(const std::string& path) const { return store->UriOf(path); }

  std::shared_ptr<Store> store = MemoryStore::Make();
  iceberg::TableMetadata metadata;

 private:
  using Entries = std::vector<std::unique_ptr<iceberg::ManifestEntry>>;

  std::string NewPath(const std::string& end) {
    return "db/t/data/" + std::to_string(next_path_++) + end;
  }
  iceberg::DataFile& Add(Entries* entries, iceberg::FileContent content, const std::string& path,
                         int64_t rows, int64_t sequence, int32_t spec,
                         std::vector<iceberg::Value> partition) {
    auto entry = std::make_unique<iceberg::ManifestEntry>();
    entry->status = iceberg::EntryStatus::kExisting;
    entry->snapshot_id = SnapshotId(1);
    entry->sequence_number = entry->file_sequence_number = sequence;
    entry->data_file.content = content;
    entry->data_file.file_path = store->UriOf(path);
    entry->data_file.record_count = rows;
    entry->data_file.file_size_in_bytes = static_cast<int64_t>(store->Stat(path).ValueOrDie().size);
    entry->data_file.spec_id = spec;
    entry->data_file.partition = std::move(partition);
    entries->push_back(std::move(entry));
    return entries->back()->data_file;
  }

  Entries data_, deletes_;
  int next_path_ = 100;
};

/// A schema of these columns; nested ids are the caller's.
inline iceberg::Schema SchemaOf(std::vector<iceberg::NestedField> fields) {
  iceberg::Schema schema;
  schema.fields = std::move(fields);
  return schema;
}
inline iceberg::NestedField Field(int32_t id, const std::string& name, iceberg::Type type,
                                  bool required = false) {
  iceberg::NestedField field;
  field.id = id;
  field.name = name;
  field.type = std::move(type);
  field.required = required;
  return field;
}
inline iceberg::NestedField Field(int32_t id, const std::string& name, iceberg::TypeId type) {
  return Field(id, name, iceberg::Type::Of(type));
}

/// The batches of a scan.
inline std::vector<std::shared_ptr<arrow::RecordBatch>> ScanAll(
    const ReadView& view, const std::vector<std::string>& columns = {}) {
  return view.Scan(columns).ValueOrDie()->ToRecordBatches().ValueOrDie();
}
/// An int64 column of a scan, file after file.
inline std::vector<int64_t> ScanIds(const ReadView& view, const std::string& column = "id") {
  std::vector<int64_t> ids;
  for (const auto& batch : ScanAll(view, {column})) {
    const auto& array = static_cast<const arrow::Int64Array&>(*batch->column(0));
    for (int64_t i = 0; i < array.length(); ++i) ids.push_back(array.Value(i));
  }
  return ids;
}

}  // namespace tarn
