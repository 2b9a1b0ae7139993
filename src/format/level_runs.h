// SPDX-License-Identifier: Apache-2.0
//
// LevelRuns: repetition or definition levels as Parquet stores them, given as runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tarn::format {

/// The hybrid of run lengths and packed bits (Parquet format, Encodings.md, "RLE = 3"), for levels
/// of at most 8 bits. Either all runs or all bits, whichever is shorter.
class LevelRuns {
 public:
  explicit LevelRuns(int bit_width) : bit_width_(bit_width) {}

  /// `level` must fit the width.
  void Add(uint8_t level, uint64_t count);
  uint64_t count() const { return count_; }

  /// The 4-byte length and the levels, as a data page of version 1 has them.
  void AppendTo(std::vector<std::byte>* out) const;

 private:
  uint64_t PackedBytes() const { return (count_ + 7) / 8 * static_cast<uint64_t>(bit_width_); }
  void AppendRuns(std::vector<std::byte>* out) const;
  void AppendPacked(std::vector<std::byte>* out) const;

  int bit_width_;
  uint64_t count_ = 0;
  std::vector<std::pair<uint8_t, uint64_t>> runs_;
};

}  // namespace tarn::format
