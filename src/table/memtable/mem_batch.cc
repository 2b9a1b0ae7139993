// SPDX-License-Identifier: Apache-2.0
#include "table/memtable/mem_batch.h"

#include <algorithm>

#include "arrow/api.h"
#include "arrow/io/memory.h"
#include "arrow/ipc/api.h"
#include "format/embedding_list.h"
#include "format/storable_schema.h"
#include "table/schema_arrow.h"

namespace tarn {

Result<const MemVectors*> MemBatch::Vectors(const VectorStoragePolicy& policy,
                                            int32_t field_id) const {
  const std::lock_guard lock(mutex_);
  auto& known = vectors_[field_id];
  if (known != nullptr) return known.get();
  std::shared_ptr<arrow::Array> column;
  for (int i = 0; i < rows->num_columns(); ++i) {
    // Rows that came before the table had columns have ids that only their names explain.
    const arrow::Field& field = *rows->schema()->field(i);
    ARROW_ASSIGN_OR_RAISE(const int32_t id, format::FieldIdOf(field));
    const bool same = schema_id == kNoSchema ? field.name() == policy.column_name : id == field_id;
    if (same) column = rows->column(i);
  }
  if (column == nullptr) return nullptr;
  auto vectors = std::make_unique<MemVectors>();
  ARROW_ASSIGN_OR_RAISE(vectors->stored, EmbeddingsView::FromArrow(column, policy.dim));
  if (policy.precision == VectorPrecision::kF16) {
    ARROW_ASSIGN_OR_RAISE(auto rounded, format::RoundToHalf(vectors->stored));
    vectors->stored = std::move(rounded.rounded);
  } else if (policy.precision == VectorPrecision::kI8) {
    ARROW_ASSIGN_OR_RAISE(auto rounded, format::RoundToBytes(vectors->stored, policy));
    vectors->stored = std::move(rounded.rounded);
  }
  if (vectors->stored.null_count() > 0) {
    for (int64_t row = 0; row < rows->num_rows(); ++row)
      if (!vectors->stored.IsNull(row)) vectors->rows.push_back(static_cast<uint32_t>(row));
  }
  known = std::move(vectors);
  return known.get();
}

Result<std::shared_ptr<arrow::RecordBatch>> RowsOf(const BatchPlan& plan) {
  ARROW_ASSIGN_OR_RAISE(auto schema, ToArrowSchema(plan.schema));
  arrow::ArrayVector arrays;
  for (const auto& field : schema->fields()) {
    const auto vector = std::find_if(plan.vectors.begin(), plan.vectors.end(), [&](const auto& v) {
      return v.policy.column_name == field->name();
    });
    if (vector == plan.vectors.end()) {
      arrays.push_back(plan.columns->GetColumnByName(field->name()));
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(auto lists, format::EmbeddingList(vector->embeddings));
    arrays.push_back(std::move(lists));
  }
  return arrow::RecordBatch::Make(std::move(schema), plan.columns->num_rows(), std::move(arrays));
}

Result<std::shared_ptr<arrow::Buffer>> EncodeRows(const arrow::RecordBatch& rows) {
  int64_t size = 0;
  ARROW_RETURN_NOT_OK(arrow::ipc::GetRecordBatchSize(rows, &size));
  // The schema comes before it; one that is longer makes the buffer grow once.
  constexpr int64_t kSchemaBytes = 4096;
  ARROW_ASSIGN_OR_RAISE(auto sink, arrow::io::BufferOutputStream::Create(size + kSchemaBytes));
  auto options = arrow::ipc::IpcWriteOptions::Defaults();
  options.alignment = 64;
  options.use_threads = false;
  ARROW_ASSIGN_OR_RAISE(auto writer, arrow::ipc::MakeStreamWriter(sink, rows.schema(), options));
  ARROW_RETURN_NOT_OK(writer->WriteRecordBatch(rows));
  ARROW_RETURN_NOT_OK(writer->Close());
  return sink->Finish();
}

Result<std::shared_ptr<arrow::RecordBatch>> DecodeRows(
    const std::shared_ptr<arrow::Buffer>& payload) {
  auto source = std::make_shared<arrow::io::BufferReader>(payload);
  auto options = arrow::ipc::IpcReadOptions::Defaults();
  options.use_threads = false;
  options.ensure_alignment = arrow::ipc::Alignment::kDataTypeSpecificAlignment;
  auto reader = arrow::ipc::RecordBatchStreamReader::Open(source, options);
  std::shared_ptr<arrow::RecordBatch> rows;
  Status status = reader.status();
  if (status.ok()) status = (*reader)->ReadNext(&rows);
  if (status.ok() && rows != nullptr) status = rows->Validate();
  if (!status.ok() || rows == nullptr) {
    return Error(ErrorKind::kCorrupt, "rows of the log cannot be read: ",
                 status.ok() ? "there are none" : status.message());
  }
  return rows;
}

int64_t MemoryOf(const arrow::Buffer& payload, const arrow::RecordBatch& rows) {
  // Roughly, for flat columns: the array, its data and its buffers.
  constexpr int64_t kBatch = 1024, kColumn = 512;
  return payload.capacity() + kBatch + kColumn * rows.num_columns();
}

int64_t VectorBytes(int64_t rows, std::span<const VectorStoragePolicy> policies) {
  int64_t bytes = 0;
  for (const auto& policy : policies) {
    const int64_t element = policy.precision == VectorPrecision::kF32   ? 4
                            : policy.precision == VectorPrecision::kF16 ? 2
                                                                        : 1;
    bytes += rows * policy.dim * element;
  }
  return bytes;
}

}  // namespace tarn
