// SPDX-License-Identifier: Apache-2.0
//
// The kernels in plain C++, written to be obviously right. Sums of floats are taken in double.
#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/float16.h"
#include "kernels/parts.h"

namespace tarn::kernels {
namespace {

struct F32 {
  static constexpr size_t kBytes = 4;
  static float At(const std::byte* row, size_t d) { return LoadLe<float>(row + 4 * d); }
};
struct F16 {
  static constexpr size_t kBytes = 2;
  static float At(const std::byte* row, size_t d) {
    return HalfToFloat(LoadLe<uint16_t>(row + 2 * d));
  }
};

struct I8 {
  static constexpr size_t kBytes = 1;
  static float At(const std::byte* row, size_t d) {
    return static_cast<float>(LoadLe<int8_t>(row + d));
  }
};

struct Dot {
  static constexpr size_t kOutputs = 1;
  template <class Element>
  static void Row(const float* query, size_t dim, const std::byte* row, float* out) {
    double sum = 0;
    for (size_t d = 0; d < dim; ++d) sum += double{query[d]} * Element::At(row, d);
    *out = static_cast<float>(sum);
  }
};
struct L2 {
  static constexpr size_t kOutputs = 1;
  template <class Element>
  static void Row(const float* query, size_t dim, const std::byte* row, float* out) {
    double sum = 0;
    for (size_t d = 0; d < dim; ++d) {
      const double difference = double{query[d]} - Element::At(row, d);
      sum += difference * difference;
    }
    *out = static_cast<float>(sum);
  }
};
struct DotNorm {
  static constexpr size_t kOutputs = 2;
  template <class Element>
  static void Row(const float* query, size_t dim, const std::byte* row, float* out) {
    Dot::Row<Element>(query, dim, row, out);
    double norm = 0;
    for (size_t d = 0; d < dim; ++d) norm += double{Element::At(row, d)} * Element::At(row, d);
    out[1] = static_cast<float>(norm);
  }
};

template <class Element, class Op>
void Gather(const float* query, size_t dim, const std::byte* const* rows, size_t n, float* out) {
  for (size_t i = 0; i < n; ++i) {
    Op::template Row<Element>(query, dim, rows[i], out + i * Op::kOutputs);
  }
}
template <class Element, class Op>
void Block(const float* query, size_t dim, const std::byte* rows, size_t n, float* out) {
  for (size_t i = 0; i < n; ++i) {
    Op::template Row<Element>(query, dim, rows + i * dim * Element::kBytes, out + i * Op::kOutputs);
  }
}
template <class Element, class Op>
void Many(const float* queries, size_t query_count, size_t dim, const std::byte* rows, size_t n,
          float* out) {
  for (size_t q = 0; q < query_count; ++q) {
    Block<Element, Op>(queries + q * dim, dim, rows, n, out + q * n);
  }
}

template <class Element>
ExactKernels Exact() {
  return {Gather<Element, Dot>,     Block<Element, Dot>,    Many<Element, Dot>,
          Gather<Element, L2>,      Block<Element, L2>,     Many<Element, L2>,
          Gather<Element, DotNorm>, Block<Element, DotNorm>};
}

int32_t Dot4Row(const int8_t* query, const uint8_t* row, size_t blocks) {
  int32_t sum = 0;
  for (size_t b = 0; b < blocks; ++b) {
    for (size_t j = 0; j < 64; ++j) {
      const uint8_t byte = row[b * 64 + j];
      sum += (byte & 15) * query[b * 128 + j] + (byte >> 4) * query[b * 128 + 64 + j];
    }
  }
  return sum;
}
int32_t Dot8Row(const int8_t* query, const uint8_t* row, size_t blocks) {
  int32_t sum = 0;
  for (size_t j = 0; j < blocks * 64; ++j) sum += row[j] * query[j];
  return sum;
}

template <auto kRow>
void CodeGather(const int8_t* query, const uint8_t* codes, size_t blocks, const uint32_t* ids,
                size_t n, int32_t* out) {
  for (size_t i = 0; i < n; ++i) out[i] = kRow(query, codes + size_t{ids[i]} * blocks * 64, blocks);
}
template <auto kRow>
void CodeBlock(const int8_t* query, const uint8_t* codes, size_t blocks, size_t n, int32_t* out) {
  for (size_t i = 0; i < n; ++i) out[i] = kRow(query, codes + i * blocks * 64, blocks);
}

void PoolInsert(CandidatePool& pool, const float* distances, const uint32_t* ids, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const float d = distances[i];
    if (pool.size == pool.capacity && !(d < pool.distances[pool.size - 1])) continue;
    const auto at = static_cast<uint32_t>(
        std::upper_bound(pool.distances, pool.distances + pool.size, d) - pool.distances);
    std::memmove(pool.distances + at + 1, pool.distances + at, (pool.size - at) * sizeof(float));
    std::memmove(pool.ids + at + 1, pool.ids + at, (pool.size - at) * sizeof(uint32_t));
    pool.distances[at] = d;
    pool.ids[at] = ids[i];
    pool.size = std::min(pool.size + 1, pool.capacity);
    pool.cursor = std::min(pool.cursor, at);
  }
}

void Keys(const int32_t* sums, size_t n, float offset, float factor, float bias_factor,
          const RowFactor* factors, const uint32_t* ids, float* out) {
  for (size_t i = 0; i < n; ++i) {
    const RowFactor f = factors[ids[i]];
    out[i] = bias_factor * f.bias + f.scale * (factor * (static_cast<float>(sums[i]) - offset));
  }
}

void Hadamard(float* values, size_t n) {
  for (size_t h = 1; h < n; h *= 2) {
    for (size_t i = 0; i < n; i += 2 * h) {
      for (size_t j = i; j < i + h; ++j) {
        const float a = values[j];
        const float b = values[j + h];
        values[j] = a + b;
        values[j + h] = a - b;
      }
    }
  }
}

template <class Element>
void Widen(const std::byte* const* rows, size_t n, size_t dim, const float* scales, float* out) {
  for (size_t r = 0; r < n; ++r) {
    for (size_t d = 0; d < dim; ++d) out[r * dim + d] = scales[r] * Element::At(rows[r], d);
  }
}

size_t Select(const float* values, const float* biases, size_t n, float limit, uint32_t* out) {
  size_t found = 0;
  for (size_t i = 0; i < n; ++i) {
    if (!(values[i] + biases[i] < limit)) out[found++] = static_cast<uint32_t>(i);
  }
  return found;
}

}  // namespace

KernelTable ScalarTable() {
  return {Exact<F32>(),
          Exact<F16>(),
          Exact<I8>(),
          {CodeGather<Dot4Row>, CodeBlock<Dot4Row>, CodeGather<Dot8Row>, CodeBlock<Dot8Row>},
          {PoolInsert, Keys, Hadamard},
          ScalarPq(),
          {Widen<F32>, Widen<F16>, Widen<I8>, Select}};
}

}  // namespace tarn::kernels
