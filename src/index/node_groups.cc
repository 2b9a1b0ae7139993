// SPDX-License-Identifier: Apache-2.0
#include "index/node_groups.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "base/parallel.h"

namespace tarn::index {
namespace {

uint32_t ScaleKey(const BuildCodes& codes, uint32_t i) {
  return std::bit_cast<uint32_t>(codes.factor(i).scale) >> 8;
}

uint64_t Mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
  return hash ^ (hash >> 32);
}

uint64_t Hash(const BuildCodes& codes, uint32_t i) {
  uint64_t hash = ScaleKey(codes, i);
  for (size_t at = 0; at < codes.stride(); at += 8) {
    uint64_t word;
    std::memcpy(&word, codes.row(i) + at, 8);
    hash = Mix(hash, word);
  }
  return hash;
}

bool SameCode(const BuildCodes& codes, uint32_t a, uint32_t b) {
  return ScaleKey(codes, a) == ScaleKey(codes, b) &&
         std::memcmp(codes.row(a), codes.row(b), codes.stride()) == 0;
}

// An open-addressing table from codes to node numbers.
class CodeTable {
 public:
  CodeTable(const BuildCodes& codes, const std::vector<uint64_t>& hashes)
      : codes_(codes), hashes_(hashes), slots_(std::bit_ceil(hashes.size() * 2 + 1), kEmpty) {}

  /// The node of vector i: an earlier one with the same code, or the next free number.
  uint32_t NodeOf(uint32_t i, std::vector<uint32_t>& first) {
    const size_t mask = slots_.size() - 1;
    for (size_t slot = hashes_[i] & mask;; slot = (slot + 1) & mask) {
      uint32_t& node = slots_[slot];
      if (node == kEmpty) {
        node = static_cast<uint32_t>(first.size());
        first.push_back(i);
        return node;
      }
      const uint32_t other = first[node];
      if (hashes_[other] == hashes_[i] && SameCode(codes_, other, i)) return node;
    }
  }

 private:
  static constexpr uint32_t kEmpty = 0xffffffffu;
  const BuildCodes& codes_;
  const std::vector<uint64_t>& hashes_;
  std::vector<uint32_t> slots_;
};

}  // namespace

NodeGroups GroupVectors(const VectorSet& vectors, const BuildCodes& codes, int threads) {
  const auto n = static_cast<uint32_t>(vectors.count);
  std::vector<uint64_t> hashes(n);
  ParallelFor(n, 4096, threads, [&](size_t begin, size_t end, int) {
    for (size_t i = begin; i < end; ++i) hashes[i] = Hash(codes, static_cast<uint32_t>(i));
  });
  NodeGroups out;
  std::vector<uint32_t> node_of(n);
  CodeTable table(codes, hashes);
  for (uint32_t i = 0; i < n; ++i) node_of[i] = table.NodeOf(i, out.first);

  out.offsets.assign(out.size() + 1, 0);
  for (uint32_t node : node_of) ++out.offsets[node + 1];
  std::partial_sum(out.offsets.begin(), out.offsets.end(), out.offsets.begin());
  out.members.resize(n);
  std::vector<uint32_t> next(out.offsets.begin(), out.offsets.end() - 1);
  out.copies.assign(out.size(), true);
  const size_t row_bytes = size_t{vectors.dim} * sizeof(float);
  for (uint32_t i = 0; i < n; ++i) {
    const uint32_t node = node_of[i];
    out.members[next[node]++] = i;
    const uint32_t first = out.first[node];
    if (out.copies[node] && first != i &&
        std::memcmp(vectors.vector(first), vectors.vector(i), row_bytes) != 0) {
      out.copies[node] = false;
    }
  }
  return out;
}

}  // namespace tarn::index
