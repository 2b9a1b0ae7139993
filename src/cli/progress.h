// SPDX-License-Identifier: Apache-2.0
//
// A progress line on standard error: rows, rate, share and time left.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace tarn::cli {

/// Draws only when standard error is a terminal. One thread at a time.
class Progress {
 public:
  /// `total`: rows to come, when they are known.
  Progress(std::string label, std::optional<int64_t> total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Update(int64_t done);
  /// Draws any other line in its place, when it is time for one.
  void Show(const std::function<std::string()>& line);
  /// Removes the line.
  void Clear();

  double seconds() const;

  /// The line for a state, without terminal codes.
  static std::string Format(const std::string& label, int64_t done, std::optional<int64_t> total,
                            double seconds);

 private:
  std::string label_;
  std::optional<int64_t> total_;
  bool visible_ = false;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point last_draw_;
};

/// "1,234,567".
std::string WithThousands(int64_t number);
/// "3.4 MiB".
std::string HumanBytes(uint64_t bytes);

}  // namespace tarn::cli
