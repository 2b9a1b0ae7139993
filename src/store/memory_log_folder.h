// SPDX-License-Identifier: Apache-2.0
//
// The log folders of a MemoryStore: they live as long as the store and what was opened from it.
#pragma once

#include <memory>
#include <string>

#include "store/log_folder.h"

namespace tarn {

/// All log folders of one store. Thread-safe.
class MemoryLogs {
 public:
  MemoryLogs();
  ~MemoryLogs();
  /// `path` is a path in the store.
  std::shared_ptr<LogFolder> Open(const std::string& path);

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace tarn
