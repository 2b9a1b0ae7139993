// SPDX-License-Identifier: Apache-2.0
//
// AsOf: which state of a table to read.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "tarn/types.h"

namespace tarn {

/// A snapshot, a time, or a branch or tag. Plain value.
struct AsOf {
  using Time = std::chrono::sys_time<std::chrono::milliseconds>;

  AsOf(SnapshotId snapshot) : at(snapshot) {}  // NOLINT: a snapshot is what is meant most often
  /// The snapshot that was the table's current one at that time.
  static AsOf At(std::chrono::system_clock::time_point time) {
    return AsOf(std::chrono::floor<std::chrono::milliseconds>(time));
  }
  static AsOf AtMillis(int64_t since_1970_utc) {
    return AsOf(Time(std::chrono::milliseconds(since_1970_utc)));
  }
  /// A branch or tag.
  static AsOf Ref(std::string name) { return AsOf(std::move(name)); }

  std::variant<SnapshotId, Time, std::string> at;

 private:
  explicit AsOf(Time time) : at(time) {}
  explicit AsOf(std::string ref) : at(std::move(ref)) {}
};

}  // namespace tarn
