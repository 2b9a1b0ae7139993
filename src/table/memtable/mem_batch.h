// SPDX-License-Identifier: Apache-2.0
//
// MemBatch: what one insert brought, in memory, and its form in the log.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"
#include "iceberg/schema.h"
#include "table/writer/batch_plan.h"
#include "tarn/embeddings.h"
#include "tarn/status.h"

namespace tarn {

/// The vectors of a column as a file will hold them: rounded to the column's precision.
struct MemVectors {
  EmbeddingsView stored;
  std::vector<uint32_t> rows;  ///< those that have a vector; empty when all have
};

/// Immutable once it is buffered, so any thread may read it.
struct MemBatch {
  /// Of rows that came before the table had columns.
  static constexpr int32_t kNoSchema = -1;

  uint64_t sequence = 0;
  std::string batch_id;           ///< empty: none
  int32_t schema_id = kNoSchema;  ///< of the table's schema that the rows were made to fit
  /// All columns of that schema with their field ids, embeddings as lists of floats as they came:
  /// nothing is rounded before a file is written. Views one buffer.
  std::shared_ptr<arrow::RecordBatch> rows;
  int64_t vector_bytes = 0;  ///< as MemTableConfig::flush_size_bytes counts
  int64_t log_bytes = 0;
  int64_t memory_bytes = 0;  ///< with what keeps it
  int64_t accepted_us = 0;   ///< time of the writer's clock

  /// Of the vector column that has this field id in the table; nullptr when the rows lack it. Made
  /// at the first call.
  Result<const MemVectors*> Vectors(const VectorStoragePolicy& policy, int32_t field_id) const;

 private:
  mutable std::mutex mutex_;
  mutable std::map<int32_t, std::unique_ptr<MemVectors>> vectors_;  // by field id
};

/// The rows of a plan as one batch of the plan's schema.
Result<std::shared_ptr<arrow::RecordBatch>> RowsOf(const BatchPlan& plan);

/// An Arrow IPC stream of one batch, the schema with its field ids before it, so that a log can be
/// read without its table.
Result<std::shared_ptr<arrow::Buffer>> EncodeRows(const arrow::RecordBatch& rows);
/// Points into the payload. kCorrupt for anything that EncodeRows does not make; no value is looked
/// at.
Result<std::shared_ptr<arrow::RecordBatch>> DecodeRows(
    const std::shared_ptr<arrow::Buffer>& payload);

/// What a batch takes in memory whose columns point into the payload.
int64_t MemoryOf(const arrow::Buffer& payload, const arrow::RecordBatch& rows);

/// rows x dim x bytes of an element, over the policies' columns.
int64_t VectorBytes(int64_t rows, std::span<const VectorStoragePolicy> policies);

}  // namespace tarn
