// SPDX-License-Identifier: Apache-2.0
//
// MemBuffer: batches that wait for a flush, in the order of their sequences.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "table/memtable/mem_batch.h"

namespace tarn {

/// One thread at a time.
class MemBuffer {
 public:
  /// `batch->sequence` must be above last_sequence().
  void Add(std::shared_ptr<const MemBatch> batch);
  /// Takes back what came after the sequence; returns how many batches.
  size_t DropAfter(uint64_t sequence);

  bool is_empty() const { return batches_.empty(); }
  bool Contains(std::string_view batch_id) const { return ids_.find(batch_id) != ids_.end(); }
  const std::vector<std::shared_ptr<const MemBatch>>& batches() const { return batches_; }
  /// 0 when empty.
  uint64_t last_sequence() const { return is_empty() ? 0 : batches_.back()->sequence; }
  int64_t rows() const { return rows_; }
  int64_t vector_bytes() const { return vector_bytes_; }
  int64_t memory_bytes() const { return memory_bytes_; }

 private:
  std::vector<std::shared_ptr<const MemBatch>> batches_;
  std::set<std::string, std::less<>> ids_;
  int64_t rows_ = 0;
  int64_t vector_bytes_ = 0;
  int64_t memory_bytes_ = 0;
};

}  // namespace tarn
