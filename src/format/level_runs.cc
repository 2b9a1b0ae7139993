// SPDX-License-Identifier: Apache-2.0
#include "format/level_runs.h"

#include "base/bytes.h"
#include "format/compact_protocol.h"

namespace tarn::format {

void LevelRuns::Add(uint8_t level, uint64_t count) {
  if (count == 0) return;
  count_ += count;
  if (!runs_.empty() && runs_.back().first == level) {
    runs_.back().second += count;
  } else {
    runs_.emplace_back(level, count);
  }
}

void LevelRuns::AppendTo(std::vector<std::byte>* out) const {
  std::vector<std::byte> levels;
  AppendRuns(&levels);
  if (levels.size() > PackedBytes() + sizeof(uint32_t)) {
    levels.clear();
    AppendPacked(&levels);
  }
  AppendLe(*out, static_cast<uint32_t>(levels.size()));
  out->insert(out->end(), levels.begin(), levels.end());
}

void LevelRuns::AppendRuns(std::vector<std::byte>* out) const {
  for (const auto& [level, count] : runs_) {
    PutVarint(*out, count << 1);
    out->push_back(static_cast<std::byte>(level));
  }
}

void LevelRuns::AppendPacked(std::vector<std::byte>* out) const {
  PutVarint(*out, (count_ + 7) / 8 << 1 | 1);
  const uint64_t end = out->size() + PackedBytes();
  uint64_t bits = 0;
  int used = 0;
  for (const auto& [level, count] : runs_) {
    for (uint64_t i = 0; i < count; ++i) {
      bits |= uint64_t{level} << used;
      for (used += bit_width_; used >= 8; used -= 8, bits >>= 8)
        out->push_back(static_cast<std::byte>(bits));
    }
  }
  if (used > 0) out->push_back(static_cast<std::byte>(bits));
  out->resize(end);  // the last eight levels are whole
}

}  // namespace tarn::format
