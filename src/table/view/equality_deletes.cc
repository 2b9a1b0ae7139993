// SPDX-License-Identifier: Apache-2.0
#include "table/view/equality_deletes.h"

#include <algorithm>
#include <mutex>

#include "arrow/api.h"
#include "format/storable_schema.h"
#include "table/schema_arrow.h"
#include "table/value_arrow.h"
#include "table/view/projection.h"
#include "table/view/row_key.h"

namespace tarn {
namespace {

using iceberg::NestedField;
using iceberg::TypeId;

/// The field with only the way to the field of that id below it, everything optional; nullopt when
/// there is none. Lists and maps are not gone into.
std::optional<NestedField> WayTo(const NestedField& field, int32_t id, int* depth) {
  NestedField way = field;
  way.required = false;
  if (field.id == id) return way;
  if (field.type.id != TypeId::kStruct) return std::nullopt;
  for (const auto& child : field.type.fields) {
    auto found = WayTo(child, id, depth);
    if (!found) continue;
    ++*depth;
    way.type.fields = {*std::move(found)};
    return way;
  }
  return std::nullopt;
}

/// The newest schema first: the current one, then the others by id.
std::vector<const iceberg::Schema*> NewestFirst(const iceberg::TableMetadata& metadata) {
  std::vector<const iceberg::Schema*> schemas;
  for (const auto& schema : metadata.schemas) schemas.push_back(&schema);
  std::sort(schemas.begin(), schemas.end(), [&](const auto* a, const auto* b) {
    const bool a_current = a == &metadata.CurrentSchema();
    const bool b_current = b == &metadata.CurrentSchema();
    return a_current != b_current ? a_current : a->schema_id > b->schema_id;
  });
  return schemas;
}

}  // namespace

Result<std::unique_ptr<EqualityDeletes>> EqualityDeletes::Make(
    const iceberg::TableMetadata& metadata, const std::vector<int32_t>& field_ids) {
  std::unique_ptr<EqualityDeletes> deletes(new EqualityDeletes());
  arrow::FieldVector fields;
  for (const int32_t id : field_ids) {
    Column column;
    column.id = id;
    bool known = false;
    for (const auto* schema : NewestFirst(metadata)) {
      known |= schema->FindField(id) != nullptr;
      for (const auto& field : schema->fields) {
        if (column.top != nullptr) break;
        const auto way = WayTo(field, id, &column.depth);
        if (!way) continue;
        ARROW_ASSIGN_OR_RAISE(column.top, ToArrowField(*way));
        ARROW_ASSIGN_OR_RAISE(auto defaults, DefaultsOf({*way}));
        deletes->defaults_.merge(defaults);
      }
    }
    if (column.top == nullptr) {
      return Error(known ? ErrorKind::kNotSupported : ErrorKind::kCorrupt,
                   "the column with field id ", id,
                   known ? " lies in a list or map" : " is in no schema of the table");
    }
    fields.push_back(column.top);
    deletes->columns_.push_back(std::move(column));
  }
  deletes->target_ = arrow::schema(std::move(fields));
  return deletes;
}

Result<arrow::ArrayVector> EqualityDeletes::Values(const AilakeFileReader& file,
                                                   const arrow::Schema& source,
                                                   const FillValues& partition) const {
  FillValues fill = partition;
  fill.insert(defaults_.begin(), defaults_.end());
  ARROW_ASSIGN_OR_RAISE(const auto projection, Projection::Make(target_, source, std::move(fill)));
  std::shared_ptr<arrow::Table> read =
      arrow::Table::Make(arrow::schema(arrow::FieldVector{}), arrow::ArrayVector{}, 0);
  if (projection.source->num_fields() > 0) {
    ARROW_ASSIGN_OR_RAISE(read, file.ReadAll(projection.file_columns()));
  }
  ARROW_ASSIGN_OR_RAISE(const auto batch, projection.Apply(*read, file.rows()));
  arrow::ArrayVector values;
  for (size_t i = 0; i < columns_.size(); ++i) {
    auto value = batch->column(static_cast<int>(i));
    for (int depth = 0; depth < columns_[i].depth; ++depth) {
      // With the nulls of the structs around it.
      ARROW_ASSIGN_OR_RAISE(value,
                            static_cast<const arrow::StructArray&>(*value).GetFlattenedField(0));
    }
    values.push_back(std::move(value));
  }
  return values;
}

bool EqualityDeletes::has(size_t number) const {
  const std::shared_lock lock(mutex_);
  return loaded_.contains(number);
}

Status EqualityDeletes::Load(size_t number, const AilakeFileReader& file) {
  const std::unique_lock lock(mutex_);
  if (loaded_.contains(number)) return Status::OK();
  for (const Column& column : columns_) {
    ARROW_ASSIGN_OR_RAISE(const int32_t top, format::FieldIdOf(*column.top));
    ARROW_ASSIGN_OR_RAISE(const auto found, FindColumnById(*file.schema(), top));
    if (found == nullptr) {
      return Error(ErrorKind::kCorrupt, file.path(),
                   ": the equality delete file lacks the column with field id ", column.id);
    }
  }
  ARROW_ASSIGN_OR_RAISE(const auto values, Values(file, *file.schema(), {}));
  ARROW_RETURN_NOT_OK(ForEachRowKey(values, file.rows(), [&](int64_t, std::string_view key) {
    auto& files = files_by_key_[std::string(key)];
    if (files.empty() || files.back() != number) files.push_back(number);
  }));
  loaded_.insert(number);
  return Status::OK();
}

Status EqualityDeletes::ForEachDeleted(const AilakeFileReader& data, const arrow::Schema& source,
                                       const FillValues& partition,
                                       const std::vector<size_t>& numbers,
                                       const std::function<void(int64_t row)>& visit) const {
  ARROW_ASSIGN_OR_RAISE(const auto values, Values(data, source, partition));
  const std::shared_lock lock(mutex_);
  std::string text;
  return ForEachRowKey(values, data.rows(), [&](int64_t row, std::string_view key) {
    text.assign(key);
    const auto found = files_by_key_.find(text);
    if (found == files_by_key_.end()) return;
    const bool deleted = std::any_of(found->second.begin(), found->second.end(), [&](size_t file) {
      return std::binary_search(numbers.begin(), numbers.end(), file);
    });
    if (deleted) visit(row);
  });
}

}  // namespace tarn
