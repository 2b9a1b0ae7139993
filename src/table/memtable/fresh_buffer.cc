// SPDX-License-Identifier: Apache-2.0
#include "table/memtable/fresh_buffer.h"

namespace tarn {

void FreshBuffer::Add(std::shared_ptr<const MemBatch> batch) {
  const std::lock_guard lock(mutex_);
  batches_.push_back(std::move(batch));
}

void FreshBuffer::Show(uint64_t acknowledged) {
  const std::lock_guard lock(mutex_);
  if (acknowledged <= shown_) return;
  shown_ = acknowledged;
  version_.fetch_add(1, std::memory_order_release);
}

void FreshBuffer::DropAfter(uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  while (!batches_.empty() && batches_.back()->sequence > sequence) batches_.pop_back();
  version_.fetch_add(1, std::memory_order_release);
}

void FreshBuffer::Cover(uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  while (!batches_.empty() && batches_.front()->sequence <= sequence) batches_.pop_front();
  covered_ = sequence;
  version_.fetch_add(1, std::memory_order_release);
}

FreshBatches FreshBuffer::Take() const {
  FreshBatches taken;
  taken.wal_uuid = wal_uuid_;
  const std::lock_guard lock(mutex_);
  taken.covered = covered_;
  taken.batches.reserve(batches_.size());
  for (const auto& batch : batches_) {
    if (batch->sequence > shown_) break;
    taken.batches.push_back(batch);
  }
  return taken;
}

}  // namespace tarn
