// SPDX-License-Identifier: Apache-2.0
//
// Time as a dependency, so that tests can hold it still.
#pragma once

#include <chrono>
#include <cstdint>

namespace tarn {

/// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::chrono::system_clock::time_point Now() const = 0;
  virtual void SleepFor(std::chrono::milliseconds duration) const = 0;

  int64_t NowMillis() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Now().time_since_epoch()).count();
  }

  /// The machine's clock; lives for ever.
  static const Clock& System();
};

}  // namespace tarn
