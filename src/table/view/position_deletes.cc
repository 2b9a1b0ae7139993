// SPDX-License-Identifier: Apache-2.0
#include "table/view/position_deletes.h"

#include "arrow/api.h"
#include "parquet/arrow/reader.h"
#include "parquet/exception.h"
#include "parquet/metadata.h"
#include "parquet/schema.h"
#include "table/file/file_reader.h"
#include "table/view/projection.h"

namespace tarn {
namespace {

constexpr int32_t kFilePathId = 2147483546;
constexpr int32_t kPositionId = 2147483545;

/// One of the two columns: found by its id, or, where the file has no ids, by its name.
Result<std::string> NameOf(const AilakeFileReader& file, int32_t id, const char* name,
                           arrow::Type::type type) {
  ARROW_ASSIGN_OR_RAISE(auto field, FindColumnById(*file.schema(), id));
  if (field == nullptr) field = file.schema()->GetFieldByName(name);
  if (field != nullptr && field->type()->id() == type) return field->name();
  return Error(ErrorKind::kCorrupt, file.path(), ": the position delete file has no column '", name,
               "' of the type it must have");
}

/// One row group at a time: a large file has more paths than one Arrow column takes.
Status VisitGroup(const AilakeFileReader& file, parquet::arrow::FileReader& reader, int group,
                  const std::string& path_name, const std::string& position_name,
                  const std::function<void(std::string_view, int64_t)>& visit) {
  const auto& schema = *file.parquet_metadata()->schema();
  const std::vector<int> leaves = {schema.ColumnIndex(path_name),
                                   schema.ColumnIndex(position_name)};
  std::shared_ptr<arrow::Table> table;
  const auto read = [&]() -> Status {
    BEGIN_PARQUET_CATCH_EXCEPTIONS
    return reader.ReadRowGroup(group, leaves).Value(&table);
    END_PARQUET_CATCH_EXCEPTIONS
  };
  if (const Status status = read(); !status.ok()) {
    return Error(ErrorKind::kCorrupt, file.path(), ": ", status.message());
  }
  const auto paths = table->GetColumnByName(path_name);
  const auto positions = table->GetColumnByName(position_name);
  if (paths->null_count() > 0 || positions->null_count() > 0) {
    return Error(ErrorKind::kCorrupt, file.path(),
                 ": a record of the position delete file is null");
  }
  arrow::TableBatchReader batches(
      arrow::Table::Make(arrow::schema({arrow::field("file_path", arrow::utf8()),
                                        arrow::field("pos", arrow::int64())}),
                         {paths, positions}));
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, batches.Next());
    if (batch == nullptr) return Status::OK();
    const auto& path = static_cast<const arrow::StringArray&>(*batch->column(0));
    const auto& position = static_cast<const arrow::Int64Array&>(*batch->column(1));
    for (int64_t i = 0; i < batch->num_rows(); ++i) visit(path.GetView(i), position.Value(i));
  }
}

}  // namespace

Status ForEachPositionDelete(
    const AilakeFileReader& file,
    const std::function<void(std::string_view location, int64_t position)>& visit) {
  ARROW_ASSIGN_OR_RAISE(const std::string path,
                        NameOf(file, kFilePathId, "file_path", arrow::Type::STRING));
  ARROW_ASSIGN_OR_RAISE(const std::string position,
                        NameOf(file, kPositionId, "pos", arrow::Type::INT64));
  ARROW_ASSIGN_OR_RAISE(const auto reader, FileReader::Of(file).file().NewParquetReader());
  for (int group = 0; group < reader->num_row_groups(); ++group) {
    ARROW_RETURN_NOT_OK(VisitGroup(file, *reader, group, path, position, visit));
  }
  return Status::OK();
}

}  // namespace tarn
