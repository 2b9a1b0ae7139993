// SPDX-License-Identifier: Apache-2.0
#include "table/memtable/memory_vectors.h"

namespace tarn {

Result<std::shared_ptr<const MemoryVectors>> MemoryVectors::Make(
    std::vector<std::shared_ptr<const MemBatch>> batches, std::span<const uint32_t> first_rows,
    uint64_t rows, const VectorStoragePolicy& policy, int32_t field_id) {
  auto out = std::make_shared<MemoryVectors>();
  out->policy_ = policy;
  out->rows_ = rows;
  for (size_t b = 0; b < batches.size(); ++b) {
    ARROW_ASSIGN_OR_RAISE(const MemVectors* vectors, batches[b]->Vectors(policy, field_id));
    if (vectors == nullptr) continue;
    const EmbeddingsView& stored = vectors->stored;
    index::ExactBlock block;
    block.count = static_cast<uint64_t>(stored.rows() - stored.null_count());
    if (block.count == 0) continue;
    block.first_row = first_rows[b];
    if (stored.null_count() == 0) {
      block.values = reinterpret_cast<const std::byte*>(stored.ContiguousValues());
    } else {
      auto numbers = std::make_unique<std::vector<uint32_t>>(vectors->rows);
      block.values = reinterpret_cast<const std::byte*>(stored.Row(numbers->front()));
      for (uint32_t& number : *numbers) number += first_rows[b];
      block.rows = numbers->data();
      out->row_numbers_.push_back(std::move(numbers));
    }
    out->blocks_.push_back(block);
  }
  if (out->blocks_.empty()) return nullptr;
  out->batches_ = std::move(batches);
  return std::shared_ptr<const MemoryVectors>(std::move(out));
}

Status MemoryVectors::ForEachBlock(
    const std::function<Status(const index::ExactBlock&)>& visit) const {
  for (const index::ExactBlock& block : blocks_) ARROW_RETURN_NOT_OK(visit(block));
  return Status::OK();
}

}  // namespace tarn
