// SPDX-License-Identifier: Apache-2.0
#include "store/thread_locks.h"

#include <algorithm>

namespace tarn {

class ThreadLocks::Held : public StoreLock {
 public:
  Held(std::shared_ptr<State> state, std::string name, uint64_t ticket)
      : state_(std::move(state)), name_(std::move(name)), ticket_(ticket) {}
  ~Held() override {
    std::lock_guard guard(state_->mutex);
    Leave(*state_, name_, ticket_);
  }

 private:
  std::shared_ptr<State> state_;
  std::string name_;
  uint64_t ticket_;
};

void ThreadLocks::Leave(State& state, const std::string& name, uint64_t ticket) {
  const auto queue = state.queues.find(name);
  std::erase(queue->second, ticket);
  if (queue->second.empty()) state.queues.erase(queue);
  state.released.notify_all();
}

std::unique_ptr<StoreLock> ThreadLocks::Acquire(std::string_view name,
                                                std::chrono::milliseconds timeout) {
  std::unique_lock guard(state_->mutex);
  const std::string key(name);
  const uint64_t ticket = state_->next_ticket++;
  state_->queues[key].push_back(ticket);
  const bool first = state_->released.wait_for(
      guard, timeout, [&] { return state_->queues[key].front() == ticket; });
  if (!first) {
    Leave(*state_, key, ticket);
    return nullptr;
  }
  return std::make_unique<Held>(state_, key, ticket);
}

}  // namespace tarn
