// SPDX-License-Identifier: Apache-2.0
//
// CrashPoint: a named place at which a test can kill the process, as a power cut would. Points
// register themselves when the program is loaded, so that a test can go through all of them.
//
//   CrashPoint kBeforeSwap("commit/before-swap");   // at namespace scope
//   ...
//   kBeforeSwap.Reach();
//
// `TARN_CRASH_AT=<name>[:<n>]` in the environment kills the process (SIGKILL) when the point is
// reached for the n-th time. Without it, reaching one costs a load and a branch.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tarn {

/// Thread-safe. Only at namespace scope: a point lives as long as the program.
class CrashPoint {
 public:
  explicit CrashPoint(const char* name);
  CrashPoint(const CrashPoint&) = delete;

  void Reach() {
    if (armed_.load(std::memory_order_relaxed)) Count();
  }

  /// The names of all points that are linked into this program, sorted.
  static std::vector<std::string> Names();

 private:
  void Count();

  const char* name_;
  std::atomic<bool> armed_{false};
  std::atomic<int64_t> left_{0};
};

}  // namespace tarn
