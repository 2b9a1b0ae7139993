// SPDX-License-Identifier: Apache-2.0
//
// FreshBuffer: what a memtable shows to searches: batches that are acknowledged and, as far as the
// writer knows, not in the table yet.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "table/memtable/mem_batch.h"
#include "tarn/fresh_rows.h"

namespace tarn {

/// One moment of a buffer. The table may have some of the batches by now: how far it has them says
/// its own property (log_position.h). It certainly has all up to `covered`.
struct FreshBatches {
  std::string wal_uuid;
  uint64_t covered = 0;
  std::vector<std::shared_ptr<const MemBatch>> batches;  ///< acknowledged, by sequence
};

/// Thread-safe.
class FreshBuffer : public FreshRows {
 public:
  FreshBuffer(std::string wal_uuid, uint64_t covered)
      : wal_uuid_(std::move(wal_uuid)), covered_(covered) {}
  /// There is no other kind of FreshRows.
  static const FreshBuffer& Of(const FreshRows& rows) {
    return static_cast<const FreshBuffer&>(rows);
  }

  /// In the order of sequences; not shown yet.
  void Add(std::shared_ptr<const MemBatch> batch);
  /// Everything up to the sequence is acknowledged.
  void Show(uint64_t acknowledged);
  /// What came after the sequence never will be.
  void DropAfter(uint64_t sequence);
  /// The table has everything up to the sequence.
  void Cover(uint64_t sequence);

  FreshBatches Take() const;
  /// Changes whenever Take would answer otherwise.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  const std::string wal_uuid_;
  std::atomic<uint64_t> version_{0};
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<const MemBatch>> batches_;
  uint64_t covered_;
  uint64_t shown_ = 0;
};

}  // namespace tarn
