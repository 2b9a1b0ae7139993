// SPDX-License-Identifier: Apache-2.0
#include "table/indexing/position_delete_file.h"

#include "arrow/api.h"
#include "format/storable_schema.h"
#include "iceberg/value.h"
#include "table/file_metrics.h"
#include "table/schema_arrow.h"
#include "tarn/ailake_file.h"

namespace tarn {
namespace {

// Ids that the specification reserves for the two columns.
constexpr int32_t kPathId = 2147483546;
constexpr int32_t kPositionId = 2147483545;

iceberg::Schema DeleteSchema() {
  iceberg::Schema schema;
  schema.fields.push_back(
      {kPathId, "file_path", true, iceberg::Type::Of(iceberg::TypeId::kString), {}, {}});
  schema.fields.push_back(
      {kPositionId, "pos", true, iceberg::Type::Of(iceberg::TypeId::kLong), {}, {}});
  return schema;
}

}  // namespace

Result<iceberg::DataFile> WritePositionDeletes(const std::shared_ptr<Store>& store,
                                               const std::string& path, const std::string& location,
                                               const std::string& data_file,
                                               const std::vector<int64_t>& positions) {
  const iceberg::Schema schema = DeleteSchema();
  ARROW_ASSIGN_OR_RAISE(const auto arrow_schema, ToArrowSchema(schema));
  arrow::StringBuilder paths;
  arrow::Int64Builder rows;
  for (const int64_t position : positions) {
    ARROW_RETURN_NOT_OK(paths.Append(data_file));
    ARROW_RETURN_NOT_OK(rows.Append(position));
  }
  ARROW_ASSIGN_OR_RAISE(auto path_array, paths.Finish());
  ARROW_ASSIGN_OR_RAISE(auto row_array, rows.Finish());
  const auto batch =
      arrow::RecordBatch::Make(arrow_schema, static_cast<int64_t>(positions.size()),
                               arrow::ArrayVector{std::move(path_array), std::move(row_array)});
  AilakeFileWriter writer(store);
  ARROW_ASSIGN_OR_RAISE(const auto written, writer.WriteMulti(path, *batch, {}, false));
  ARROW_ASSIGN_OR_RAISE(
      auto file, DataFileFromFooter(*written.metadata, static_cast<int64_t>(written.size), schema));
  file.content = iceberg::FileContent::kPositionDeletes;
  file.file_path = location;
  file.referenced_data_file = data_file;
  // Whole, not cut: by equal bounds readers know that the file is of one data file.
  file.lower_bounds[kPathId] = file.upper_bounds[kPathId] = data_file;
  return file;
}

}  // namespace tarn
