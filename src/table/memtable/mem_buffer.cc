// SPDX-License-Identifier: Apache-2.0
#include "table/memtable/mem_buffer.h"

#include "arrow/api.h"

namespace tarn {

void MemBuffer::Add(std::shared_ptr<const MemBatch> batch) {
  rows_ += batch->rows->num_rows();
  vector_bytes_ += batch->vector_bytes;
  memory_bytes_ += batch->memory_bytes;
  if (!batch->batch_id.empty()) ids_.insert(batch->batch_id);
  batches_.push_back(std::move(batch));
}

size_t MemBuffer::DropAfter(uint64_t sequence) {
  size_t dropped = 0;
  for (; last_sequence() > sequence; ++dropped) {
    const MemBatch& last = *batches_.back();
    rows_ -= last.rows->num_rows();
    vector_bytes_ -= last.vector_bytes;
    memory_bytes_ -= last.memory_bytes;
    ids_.erase(last.batch_id);
    batches_.pop_back();
  }
  return dropped;
}

}  // namespace tarn
