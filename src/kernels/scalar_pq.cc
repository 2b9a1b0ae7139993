// SPDX-License-Identifier: Apache-2.0
//
// The product quantiser's kernels in plain C++: the oracle of the other levels.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/parts.h"

namespace tarn::kernels {
namespace {

float LoadFloat(const std::byte* p) {
  float value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}

uint64_t Sum4(const uint8_t* codes, size_t code_bytes, size_t row, const uint8_t* tables) {
  uint64_t sum = 0;
  for (size_t at = 0; at < code_bytes; at += kPqBlockRows) {
    const uint8_t code = codes[at + row];
    sum += tables[at + (code & 15)] + tables[code_bytes + at + (code >> 4)];
  }
  return sum;
}

uint64_t Sum8(const uint8_t* codes, size_t code_bytes, size_t row, const uint16_t* tables) {
  uint64_t sum = 0;
  for (size_t at = 0; at < code_bytes; at += kPqBlockRows) {
    sum += tables[at / kPqBlockRows * 256 + codes[at + row]];
  }
  return sum;
}

template <class Table, auto kSum>
size_t Scan(const PqBlocks& in, const PqQuery& query, float limit, float* keys, uint32_t* rows) {
  size_t found = 0;
  for (size_t i = 0; i < in.rows; ++i) {
    const size_t b = i / kPqBlockRows, r = i % kPqBlockRows;
    if (in.live != nullptr && (in.live[b] >> r & 1) == 0) continue;
    const std::byte* block = in.blocks + b * (in.code_bytes + kPqFactorBytes);
    const std::byte* factors = block + in.code_bytes;
    const auto sum =
        static_cast<float>(kSum(reinterpret_cast<const uint8_t*>(block), in.code_bytes, r,
                                static_cast<const Table*>(query.tables)));
    const float key = (query.base + query.bias_factor * LoadFloat(factors + 64 + 4 * r)) +
                      LoadFloat(factors + 4 * r) * (query.offset + query.factor * sum);
    if (!(key < limit)) continue;
    keys[found] = key;
    std::memcpy(rows + found, factors + 128 + 4 * r, 4);
    ++found;
  }
  return found;
}

float DotTables(const float* query, const float* columns, const uint32_t* starts, size_t m,
                size_t count, float* out) {
  float largest = 0;
  for (size_t s = 0; s < m; ++s) {
    for (size_t j = 0; j < count; ++j) {
      float sum = 0;
      for (size_t d = starts[s]; d < starts[s + 1]; ++d) sum += query[d] * columns[d * count + j];
      out[s * count + j] = sum;
      largest = std::max(largest, std::abs(sum));
    }
  }
  return largest;
}

void Pack4(const float* tables, size_t m, float per_step, size_t code_bytes, uint8_t* out) {
  std::memset(out, 0, 2 * code_bytes);
  for (size_t s = 0; s < m; ++s) {
    uint8_t* table = out + (s % 2 == 0 ? 0 : code_bytes) + s / 2 * 16;
    for (size_t j = 0; j < 16; ++j) {
      const long value = std::lrintf(tables[s * 16 + j] * per_step) + kPq4Middle;
      table[j] = static_cast<uint8_t>(std::clamp(value, 0L, 63L));
    }
  }
}

void Nearest(const float* columns, size_t stride, size_t n, const float* centroids,
             const float* half_norms, size_t count, size_t dim, uint8_t* out) {
  for (size_t i = 0; i < n; ++i) {
    float best = 0;
    for (size_t j = 0; j < count; ++j) {
      float value = half_norms[j];
      for (size_t d = 0; d < dim; ++d) value -= centroids[j * dim + d] * columns[d * stride + i];
      if (j > 0 && !(value < best)) continue;
      best = value;
      out[i] = static_cast<uint8_t>(j);
    }
  }
}

}  // namespace

PqKernels ScalarPq() {
  return {Scan<uint8_t, Sum4>, Scan<uint16_t, Sum8>, DotTables, Pack4, Nearest};
}

}  // namespace tarn::kernels
