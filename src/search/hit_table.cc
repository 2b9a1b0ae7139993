// SPDX-License-Identifier: Apache-2.0
#include "search/hit_table.h"

#include <algorithm>
#include <map>

#include "arrow/api.h"
#include "arrow/compute/api_vector.h"

namespace tarn {
namespace {

Result<std::shared_ptr<arrow::Table>> AppendPlace(std::shared_ptr<arrow::Table> table,
                                                  const ReadView& view,
                                                  std::span<const SearchHit> hits) {
  arrow::FloatBuilder distances;
  arrow::StringBuilder files;
  arrow::Int64Builder positions;
  for (const auto& hit : hits) {
    ARROW_RETURN_NOT_OK(distances.Append(hit.distance));
    ARROW_RETURN_NOT_OK(files.Append(view.files()[hit.file].path));
    ARROW_RETURN_NOT_OK(positions.Append(hit.row));
  }
  const auto add = [&](const char* name, arrow::ArrayBuilder& builder) -> Status {
    ARROW_ASSIGN_OR_RAISE(auto array, builder.Finish());
    auto field = arrow::field(name, array->type(), /*nullable=*/false);
    ARROW_ASSIGN_OR_RAISE(
        table, table->AddColumn(table->num_columns(), std::move(field),
                                std::make_shared<arrow::ChunkedArray>(std::move(array))));
    return Status::OK();
  };
  ARROW_RETURN_NOT_OK(add("_distance", distances));
  ARROW_RETURN_NOT_OK(add("_file", files));
  ARROW_RETURN_NOT_OK(add("_pos", positions));
  return table;
}

}  // namespace

Result<std::shared_ptr<arrow::Table>> ReadHits(const ReadView& view,
                                               std::span<const SearchHit> hits,
                                               const std::vector<std::string>& columns) {
  if (columns.empty()) {
    // A table whose only columns are vectors: what is asked for is the place alone.
    auto none = arrow::Table::Make(arrow::schema(arrow::FieldVector{}), arrow::ChunkedArrayVector{},
                                   static_cast<int64_t>(hits.size()));
    return AppendPlace(std::move(none), view, hits);
  }
  std::map<uint32_t, std::vector<size_t>> by_file;
  for (size_t i = 0; i < hits.size(); ++i) by_file[hits[i].file].push_back(i);

  std::vector<std::shared_ptr<arrow::Table>> parts;
  std::vector<int64_t> place(hits.size());
  int64_t next = 0;
  for (auto& [file, members] : by_file) {
    std::sort(members.begin(), members.end(),
              [&](size_t a, size_t b) { return hits[a].row < hits[b].row; });
    std::vector<uint32_t> rows;
    for (size_t i : members) {
      rows.push_back(hits[i].row);
      place[i] = next++;
    }
    ARROW_ASSIGN_OR_RAISE(auto part, view.ReadRows(file, rows, columns));
    parts.push_back(std::move(part));
  }
  if (parts.empty()) {
    arrow::FieldVector fields;
    for (const auto& name : columns) fields.push_back(view.schema()->GetFieldByName(name));
    ARROW_ASSIGN_OR_RAISE(auto none, arrow::Table::MakeEmpty(arrow::schema(std::move(fields))));
    return AppendPlace(std::move(none), view, hits);
  }
  ARROW_ASSIGN_OR_RAISE(auto table, arrow::ConcatenateTables(parts));
  arrow::Int64Builder order;
  ARROW_RETURN_NOT_OK(order.AppendValues(place));
  ARROW_ASSIGN_OR_RAISE(auto indices, order.Finish());
  ARROW_ASSIGN_OR_RAISE(auto taken, arrow::compute::Take(table, indices));
  return AppendPlace(taken.table(), view, hits);
}

Result<std::shared_ptr<arrow::Table>> ReadBatchHits(const ReadView& view,
                                                    std::span<const std::vector<SearchHit>> answers,
                                                    const std::vector<std::string>& columns) {
  std::vector<SearchHit> all;
  arrow::Int32Builder queries;
  for (size_t q = 0; q < answers.size(); ++q) {
    for (const SearchHit& hit : answers[q]) {
      all.push_back(hit);
      ARROW_RETURN_NOT_OK(queries.Append(static_cast<int32_t>(q)));
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto numbers, queries.Finish());
  ARROW_ASSIGN_OR_RAISE(auto table, ReadHits(view, all, columns));
  return table->AddColumn(0, arrow::field("_query", arrow::int32(), /*nullable=*/false),
                          std::make_shared<arrow::ChunkedArray>(std::move(numbers)));
}

}  // namespace tarn
