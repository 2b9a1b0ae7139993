// SPDX-License-Identifier: Apache-2.0
//
// Named locks among the threads of one process, served in the order of asking.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "tarn/store.h"

namespace tarn {

/// Thread-safe. Locks that were handed out may outlive it.
class ThreadLocks {
 public:
  /// nullptr when the lock cannot be had in time.
  std::unique_ptr<StoreLock> Acquire(std::string_view name, std::chrono::milliseconds timeout);

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable released;
    uint64_t next_ticket = 0;
    /// The tickets that wait for each name or, in front, hold it.
    std::map<std::string, std::deque<uint64_t>, std::less<>> queues;
  };
  class Held;
  static void Leave(State& state, const std::string& name, uint64_t ticket);

  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace tarn
