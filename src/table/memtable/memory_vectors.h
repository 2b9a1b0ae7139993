// SPDX-License-Identifier: Apache-2.0
//
// MemoryVectors: a vector column of buffered batches, compared where it lies.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "table/file/searchable_vectors.h"
#include "table/memtable/mem_batch.h"

namespace tarn {

/// Immutable and thread-safe. Keeps the batches alive.
class MemoryVectors : public SearchableVectors {
 public:
  /// Row r of batch b is row first_rows[b] + r. nullptr where no batch has the column.
  static Result<std::shared_ptr<const MemoryVectors>> Make(
      std::vector<std::shared_ptr<const MemBatch>> batches, std::span<const uint32_t> first_rows,
      uint64_t rows, const VectorStoragePolicy& policy, int32_t field_id);

  const VectorStoragePolicy& policy() const override { return policy_; }
  uint64_t rows() const override { return rows_; }
  Result<std::unique_ptr<index::RowSource>> NewRowSource() const override { return nullptr; }
  VectorPrecision block_precision() const override { return VectorPrecision::kF32; }
  Status ForEachBlock(const std::function<Status(const index::ExactBlock&)>& visit) const override;

 private:
  VectorStoragePolicy policy_;
  uint64_t rows_ = 0;
  std::vector<std::shared_ptr<const MemBatch>> batches_;
  std::vector<index::ExactBlock> blocks_;
  std::vector<std::unique_ptr<const std::vector<uint32_t>>> row_numbers_;  // of batches with nulls
};

}  // namespace tarn
