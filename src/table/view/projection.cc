// SPDX-License-Identifier: Apache-2.0
#include "table/view/projection.h"

#include <algorithm>

#include "arrow/api.h"
#include "format/storable_schema.h"

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

Result<std::shared_ptr<arrow::Field>> FindColumnById(const arrow::Schema& file, int32_t field_id) {
  for (const auto& field : file.fields()) {
    ARROW_ASSIGN_OR_RAISE(const int32_t id, format::FieldIdOf(*field));
    if (id == field_id && id >= 0) return field;
  }
  return nullptr;
}

Result<Projection> Projection::Make(std::shared_ptr<arrow::Schema> target,
                                    const arrow::Schema& file, FillValues fill) {
  Projection projection;
  projection.target = std::move(target);
  projection.fill = std::move(fill);
  arrow::FieldVector columns;
  for (const auto& field : projection.target->fields()) {
    ARROW_ASSIGN_OR_RAISE(const int32_t wanted, format::FieldIdOf(*field));
    ARROW_ASSIGN_OR_RAISE(auto column, FindColumnById(file, wanted));
    // A column that is asked for twice is read once.
    if (column != nullptr && std::find(columns.begin(), columns.end(), column) == columns.end()) {
      columns.push_back(std::move(column));
    }
  }
  projection.source = arrow::schema(std::move(columns));
  return projection;
}

std::vector<std::string> Projection::file_columns() const { return source->field_names(); }

Result<std::shared_ptr<arrow::RecordBatch>> Projection::Apply(const arrow::Table& read,
                                                              int64_t rows) const {
  arrow::ArrayVector columns;
  if (read.num_columns() > 0) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, read.CombineChunksToBatch());
    columns = batch->columns();
    rows = batch->num_rows();
  }
  return FitBatch(*arrow::RecordBatch::Make(source, rows, std::move(columns)), target,
                  FitBy::kFieldId, &fill);
}

}  // namespace tarn
