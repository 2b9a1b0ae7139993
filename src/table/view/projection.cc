// SPDX-License-Identifier: Apache-2.0
#include "table/view/projection.h"

#include "arrow/api.h"
#include "format/storable_schema.h"
#include "table/fit.h"

namespace tarn {

Result<std::shared_ptr<arrow::Schema>> SelectColumns(const arrow::Schema& schema,
                                                     const std::vector<std::string>& names) {
  if (names.empty()) return arrow::schema(schema.fields());
  arrow::FieldVector fields;
  for (const auto& name : names) {
    auto field = schema.GetFieldByName(name);
    if (!field) {
      std::string known;
      for (const auto& other : schema.fields())
        known += (known.empty() ? "" : ", ") + other->name();
      return Error(ErrorKind::kBadInput, "the table has no column '", name, "'; it has: ", known);
    }
    fields.push_back(std::move(field));
  }
  return arrow::schema(std::move(fields));
}

Result<Projection> Projection::Make(const arrow::Schema& table, const arrow::Schema& file,
                                    const std::vector<std::string>& asked) {
  Projection projection;
  ARROW_ASSIGN_OR_RAISE(projection.target, SelectColumns(table, asked));
  std::vector<int32_t> file_ids;
  for (const auto& field : file.fields()) {
    ARROW_ASSIGN_OR_RAISE(const int32_t id, format::FieldIdOf(*field));
    if (id < 0) {
      return Error(
          ErrorKind::kNotSupported, "column '", field->name(),
          "' of the file has no field id; this version reads only files whose columns have one");
    }
    file_ids.push_back(id);
  }
  for (const auto& field : projection.target->fields()) {
    ARROW_ASSIGN_OR_RAISE(const int32_t wanted, format::FieldIdOf(*field));
    for (size_t i = 0; i < file_ids.size(); ++i) {
      if (file_ids[i] == wanted)
        projection.file_columns.push_back(file.field(static_cast<int>(i))->name());
    }
  }
  return projection;
}

Result<std::shared_ptr<arrow::RecordBatch>> Projection::Apply(const arrow::Table& read,
                                                              int64_t rows) const {
  if (read.num_columns() == 0) {
    return FitBatch(
        *arrow::RecordBatch::Make(arrow::schema(arrow::FieldVector{}), rows, arrow::ArrayVector{}),
        target, FitBy::kFieldId);
  }
  ARROW_ASSIGN_OR_RAISE(auto batch, read.CombineChunksToBatch());
  return FitBatch(*batch, target, FitBy::kFieldId);
}

}  // namespace tarn
