// SPDX-License-Identifier: Apache-2.0
#include "tests/model/table_model.h"

#include <random>

#include "arrow/api.h"

namespace tarn {

int32_t TableModel::ValueOf(int64_t id, int column) {
  return static_cast<int32_t>((id * 2'654'435'761 + column * 40'503) % 1'000'003);
}

std::vector<float> TableModel::VectorOf(int64_t id) {
  std::mt19937 random(static_cast<uint32_t>(id));
  std::vector<float> vector;
  for (int d = 0; d < kDim; ++d) vector.push_back(static_cast<float>(random() % 2000) - 999.5f);
  return vector;
}

TableModel::Batch TableModel::NewBatch(int64_t count) {
  Batch out;
  arrow::Int64Builder ids;
  auto floats = std::make_shared<arrow::FloatBuilder>();
  arrow::ListBuilder vectors(arrow::default_memory_pool(), floats);
  Row row;
  for (const ModelColumn& column : columns) row.columns.insert(column.number);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t id = next_id++;
    (void)ids.Append(id);
    (void)vectors.Append();
    (void)floats->AppendValues(VectorOf(id));
    out.rows[id] = row;
  }
  arrow::FieldVector fields = {arrow::field("id", arrow::int64())};
  arrow::ArrayVector arrays = {ids.Finish().ValueOrDie()};
  for (const ModelColumn& column : columns) {
    arrow::Int64Builder values;
    for (const auto& [id, unused] : out.rows) (void)values.Append(ValueOf(id, column.number));
    auto array = values.Finish().ValueOrDie();
    const auto type = column.wide ? arrow::int64() : arrow::int32();
    if (!column.wide) {
      arrow::Int32Builder narrow;
      for (const auto& [id, unused] : out.rows) (void)narrow.Append(ValueOf(id, column.number));
      array = narrow.Finish().ValueOrDie();
    }
    fields.push_back(arrow::field(column.name, type));
    arrays.push_back(std::move(array));
  }
  out.batch = arrow::RecordBatch::Make(arrow::schema(std::move(fields)), count, std::move(arrays));
  const auto lists = vectors.Finish().ValueOrDie();
  out.whole = out.batch->AddColumn(out.batch->num_columns(), "embedding", lists).ValueOrDie();
  out.vectors = EmbeddingsView::FromArrow(lists, kDim).ValueOrDie();
  return out;
}

std::string TableModel::ToText(const Rows& of) const {
  std::string text;
  for (const auto& [id, row] : of) {
    text += std::to_string(id) + ":";
    for (const ModelColumn& column : columns) {
      text += " " + column.name + "=";
      text += row.columns.count(column.number) != 0 ? std::to_string(ValueOf(id, column.number))
                                                    : "null";
    }
    text += "\n";
  }
  return text;
}

std::string TableModel::ToText(const arrow::Table& read) const {
  std::map<int64_t, std::string> lines;
  const auto whole = read.CombineChunksToBatch().ValueOrDie();
  const auto ids = std::static_pointer_cast<arrow::Int64Array>(whole->GetColumnByName("id"));
  for (int64_t i = 0; i < whole->num_rows(); ++i) {
    std::string line = std::to_string(ids->Value(i)) + ":";
    for (const ModelColumn& column : columns) {
      const auto array = whole->GetColumnByName(column.name);
      line += " " + column.name + "=";
      if (array == nullptr) {
        line += "missing";
      } else {
        line += array->GetScalar(i).ValueOrDie()->ToString();
      }
    }
    lines[ids->Value(i)] += line + "\n";
  }
  std::string text;
  for (const auto& [id, line] : lines) text += line;
  return text;
}

}  // namespace tarn
