// SPDX-License-Identifier: Apache-2.0
#include "table/file/file_reader.h"

#include <algorithm>

#include "arrow/api.h"
#include "format/storable_schema.h"
#include "parquet/arrow/reader.h"
#include "parquet/arrow/schema.h"
#include "parquet/exception.h"
#include "parquet/metadata.h"
#include "table/file/file_verify.h"
#include "table/file/row_reader.h"

namespace tarn {
namespace {

/// The leaves under the fields, in file order.
std::vector<int> LeavesOf(const parquet::SchemaDescriptor& schema, const std::vector<int>& fields) {
  std::vector<int> leaves;
  for (int leaf = 0; leaf < schema.num_columns(); ++leaf) {
    const int field = schema.group_node()->FieldIndex(*schema.GetColumnRoot(leaf));
    if (std::find(fields.begin(), fields.end(), field) != fields.end()) leaves.push_back(leaf);
  }
  return leaves;
}

IndexType TypeOf(const format::Section& index) {
  if (index.info().flags & format::kFlagFlat) return IndexType::kFlat;
  return index.info().flags & format::kFlagIvfPq ? IndexType::kIvfPq : IndexType::kHnsw;
}

}  // namespace

Result<std::shared_ptr<AilakeFileReader>> AilakeFileReader::Open(std::shared_ptr<Store> store,
                                                                 const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(auto file, OpenFile(*store, path));
  return std::make_shared<FileReader>(std::move(file));
}

bool FileReader::IsAilakeFile() const { return IsAilakeFile(file_->primary_column); }

bool FileReader::IsAilakeFile(const std::string& column) const {
  const ColumnSections* sections = file_->Find(column);
  return sections != nullptr && sections->index.has_value();
}

Result<std::shared_ptr<const StoredVectorColumn>> FileReader::OpenVectorColumn(
    const VectorStoragePolicy& policy) const {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const StoredVectorColumn>& column = columns_[policy.column_name];
  if (column == nullptr || !(column->policy() == policy)) {
    ARROW_ASSIGN_OR_RAISE(column, StoredVectorColumn::Open(file_, policy));
  }
  return column;
}

Result<std::shared_ptr<const StoredVectorColumn>> FileReader::OpenVectorColumn(
    const VectorStoragePolicy& policy, int32_t field_id) const {
  VectorStoragePolicy in_file = policy;
  bool has_ids = false;
  for (const auto& field : file_->schema->fields()) {
    ARROW_ASSIGN_OR_RAISE(const int32_t id, format::FieldIdOf(*field));
    has_ids = has_ids || id >= 0;
    if (id != field_id) continue;
    in_file.column_name = field->name();
    return OpenVectorColumn(in_file);
  }
  if (!has_ids) return OpenVectorColumn(in_file);
  return Error(ErrorKind::kNotFound, "file '", path(), "' has no column with the field id ",
               field_id, " of '", policy.column_name, "'");
}

std::vector<VectorColumnInfo> FileReader::vector_columns() const {
  std::vector<VectorColumnInfo> infos;
  for (const ColumnSections& sections : file_->columns) {
    VectorColumnInfo info;
    info.policy = sections.policy;
    info.has_page_map = true;
    info.foreign_pages = (sections.map_section.info().flags & format::kFlagForeign) != 0;
    info.rows_without_vector = sections.page_map.rows() - sections.page_map.vectors();
    info.section_bytes = sections.map_section.size();
    if (sections.index) {
      info.has_index = true;
      info.index_type = TypeOf(*sections.index);
      info.indexed_rows = sections.index->info().record_count;
      info.section_bytes += sections.index->size();
      const auto column = OpenVectorColumn(sections.policy);
      const auto index = column.ok() ? (*column)->index() : column.status();
      if (index.ok()) {
        info.distinct_vectors = (*index)->distinct_count();
        if (const auto use = (*index)->codebook_use()) {
          info.codebook = use->fingerprint;
          info.codebook_drift = use->drift;
        }
      }
    }
    infos.push_back(std::move(info));
  }
  return infos;
}

Result<std::vector<int>> FileReader::FieldsOf(const std::vector<std::string>& columns) const {
  std::vector<int> fields;
  for (int i = 0; columns.empty() && i < file_->schema->num_fields(); ++i) fields.push_back(i);
  for (const std::string& column : columns) {
    const int field = file_->schema->GetFieldIndex(column);
    if (field < 0)
      return Error(ErrorKind::kNotFound, "file '", file_->path, "' has no column '", column, "'");
    fields.push_back(field);
  }
  return fields;
}

Result<std::shared_ptr<arrow::Table>> FileReader::ReadAll(
    const std::vector<std::string>& columns) const {
  ARROW_ASSIGN_OR_RAISE(const std::vector<int> fields, FieldsOf(columns));
  const auto read = [&]() -> Result<std::shared_ptr<arrow::Table>> {
    BEGIN_PARQUET_CATCH_EXCEPTIONS
    ARROW_ASSIGN_OR_RAISE(const auto reader, file_->NewParquetReader());
    return reader->ReadTable(LeavesOf(*file_->metadata->schema(), fields));
    END_PARQUET_CATCH_EXCEPTIONS
  };
  const auto table = read();
  if (!table.ok())
    return Error(ErrorKind::kCorrupt, "file '", file_->path, "': ", table.status().message());
  arrow::FieldVector result_fields;
  std::vector<std::shared_ptr<arrow::ChunkedArray>> result_columns;
  for (const int field : fields) {
    result_fields.push_back(file_->schema->field(field));
    result_columns.push_back((*table)->GetColumnByName(file_->schema->field(field)->name()));
  }
  return arrow::Table::Make(arrow::schema(std::move(result_fields)), std::move(result_columns),
                            file_->rows());
}

Result<std::shared_ptr<arrow::Table>> FileReader::ReadRows(
    std::span<const uint32_t> rows, const std::vector<std::string>& columns) const {
  ARROW_ASSIGN_OR_RAISE(const std::vector<int> fields, FieldsOf(columns));
  return ReadFileRows(*file_, rows, fields);
}

Status FileReader::Verify() const {
  Status status = VerifyFile(*file_);
  for (size_t i = 0; status.ok() && i < file_->columns.size(); ++i) {
    const auto column = OpenVectorColumn(file_->columns[i].policy);
    const auto index = column.ok() ? (*column)->index() : column.status();
    status = index.status();
    if (status.ok() && *index != nullptr) status = (*index)->Verify();
  }
  return status.ok() ? status : WithContext(status, "file '" + file_->path + "'");
}

}  // namespace tarn
