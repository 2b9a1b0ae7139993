// SPDX-License-Identifier: Apache-2.0
//
// GroupGathering: how long the thread that is about to sync waits for others to join it.
//
// Without a wait, writers that run in a loop fall into two halves, each waiting out the other's
// sync. Those whom the last sync served are about to come back; if all of them and all that waited
// meanwhile are awaited, one sync serves everybody. The wait is bounded by a part of a sync's time,
// so that whoever does not come back costs little; and one writer alone never waits.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

namespace tarn {

/// Guarded by its user's mutex.
class GroupGathering {
 public:
  using Duration = std::chrono::steady_clock::duration;

  /// A thread waits for a record.
  void Join(uint64_t sequence) { waiting_.push_back(sequence); }
  bool complete() const { return waiting_.size() >= expected_; }
  Duration patience() const { return std::min<Duration>(last_sync_ / 8, kMostPatience); }

  /// A sync that took so long has served everybody up to `acknowledged`.
  void Served(uint64_t acknowledged, Duration sync_time) {
    expected_ = waiting_.size();
    std::erase_if(waiting_, [&](uint64_t sequence) { return sequence <= acknowledged; });
    last_sync_ = sync_time;
  }

 private:
  static constexpr Duration kMostPatience = std::chrono::milliseconds(1);
  std::vector<uint64_t> waiting_;
  size_t expected_ = 0;
  Duration last_sync_{0};
};

}  // namespace tarn
