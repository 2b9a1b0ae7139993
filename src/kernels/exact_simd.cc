// SPDX-License-Identifier: Apache-2.0
//
// Exact comparisons, compiled once for each Highway target. Rows are read as bytes: they lie
// wherever a Parquet page put them.
#include <cstring>

#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/exact_simd.cc"
#include "hwy/foreach_target.h"
//
#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/parts.h"

#if TARN_COMPILES_TARGET(HWY_TARGET)
HWY_BEFORE_NAMESPACE();
namespace tarn::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

#include "kernels/elements-inl.h"

struct Dot {
  static constexpr size_t kOutputs = 1;
  V sum0, sum1, sum2, sum3;
  // Written out: a constructor that the compiler makes would not be compiled for the target.
  HWY_INLINE Dot() : sum0(hn::Zero(D())), sum1(sum0), sum2(sum0), sum3(sum0) {}
  static HWY_INLINE void Add(V& sum, V q, V x) { sum = hn::MulAdd(q, x, sum); }
  HWY_INLINE void Step(V& sum, V q, V x) { Add(sum, q, x); }
  HWY_INLINE void Store(float* out) {
    *out = hn::GetLane(hn::SumOfLanes(D(), hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3))));
  }
};
struct L2 : Dot {
  HWY_INLINE L2() : Dot() {}
  static HWY_INLINE void Add(V& sum, V q, V x) {
    const V difference = hn::Sub(q, x);
    sum = hn::MulAdd(difference, difference, sum);
  }
  HWY_INLINE void Step(V& sum, V q, V x) { Add(sum, q, x); }
};
struct DotNorm : Dot {
  static constexpr size_t kOutputs = 2;
  V norm0, norm1, norm2, norm3;
  HWY_INLINE DotNorm() : Dot(), norm0(hn::Zero(D())), norm1(norm0), norm2(norm0), norm3(norm0) {}
  HWY_INLINE void Step(V& sum, V q, V x) {
    V& norm = &sum == &sum0 ? norm0 : &sum == &sum1 ? norm1 : &sum == &sum2 ? norm2 : norm3;
    sum = hn::MulAdd(q, x, sum);
    norm = hn::MulAdd(x, x, norm);
  }
  HWY_INLINE void Store(float* out) {
    Dot::Store(out);
    out[1] =
        hn::GetLane(hn::SumOfLanes(D(), hn::Add(hn::Add(norm0, norm1), hn::Add(norm2, norm3))));
  }
};

// The values past the last whole vector, filled up with zeros.
template <class Element>
HWY_INLINE V LoadTail(const std::byte* p, size_t count) {
  HWY_ALIGN std::byte buffer[HWY_MAX_BYTES] = {};
  std::memcpy(buffer, p, count * Element::kBytes);
  return Element::Load(buffer);
}

template <class Element, class Op>
HWY_INLINE void OneRow(const float* HWY_RESTRICT query, size_t dim, const std::byte* row,
                       V query_tail, float* out) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  const size_t step = lanes * Element::kBytes;
  Op op;
  size_t i = 0;
  for (; i + 4 * lanes <= dim; i += 4 * lanes, row += 4 * step) {
    op.Step(op.sum0, hn::LoadU(d, query + i), Element::Load(row));
    op.Step(op.sum1, hn::LoadU(d, query + i + lanes), Element::Load(row + step));
    op.Step(op.sum2, hn::LoadU(d, query + i + 2 * lanes), Element::Load(row + 2 * step));
    op.Step(op.sum3, hn::LoadU(d, query + i + 3 * lanes), Element::Load(row + 3 * step));
  }
  for (; i + lanes <= dim; i += lanes, row += step) {
    op.Step(op.sum0, hn::LoadU(d, query + i), Element::Load(row));
  }
  if (i < dim) op.Step(op.sum1, query_tail, LoadTail<Element>(row, dim - i));
  op.Store(out);
}

HWY_INLINE V QueryTail(const float* query, size_t dim) {
  const size_t tail = dim % hn::Lanes(D());
  return LoadTail<F32>(reinterpret_cast<const std::byte*>(query + dim - tail), tail);
}

HWY_INLINE void PrefetchRow(const std::byte* row, size_t bytes) {
  // The hardware follows a row after its first lines.
  const size_t end = bytes < 2048 ? bytes : 2048;
  for (size_t at = 0; at < end; at += 64) hwy::Prefetch(row + at);
}

template <class Element, class Op>
void Gather(const float* query, size_t dim, const std::byte* const* rows, size_t n, float* out) {
  const V tail = QueryTail(query, dim);
  constexpr size_t kAhead = 2;
  for (size_t i = 0; i < n && i < kAhead; ++i) PrefetchRow(rows[i], dim * Element::kBytes);
  for (size_t i = 0; i < n; ++i) {
    if (i + kAhead < n) PrefetchRow(rows[i + kAhead], dim * Element::kBytes);
    OneRow<Element, Op>(query, dim, rows[i], tail, out + i * Op::kOutputs);
  }
}

template <class Element, class Op>
void Block(const float* query, size_t dim, const std::byte* rows, size_t n, float* out) {
  const V tail = QueryTail(query, dim);
  for (size_t i = 0; i < n; ++i) {
    OneRow<Element, Op>(query, dim, rows + i * dim * Element::kBytes, tail, out + i * Op::kOutputs);
  }
}

// Four queries and two rows at a time: eight sums hide the latency of the addition.
template <class Element, class Op>
HWY_INLINE void Tile(const float* HWY_RESTRICT queries, size_t dim, const std::byte* row0,
                     const std::byte* row1, size_t n, float* out) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  V a0 = hn::Zero(d), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  size_t i = 0;
  for (; i + lanes <= dim; i += lanes) {
    const V x = Element::Load(row0 + i * Element::kBytes);
    const V y = Element::Load(row1 + i * Element::kBytes);
    const V q0 = hn::LoadU(d, queries + i), q1 = hn::LoadU(d, queries + dim + i);
    const V q2 = hn::LoadU(d, queries + 2 * dim + i), q3 = hn::LoadU(d, queries + 3 * dim + i);
    Op::Add(a0, q0, x), Op::Add(a1, q1, x), Op::Add(a2, q2, x), Op::Add(a3, q3, x);
    Op::Add(b0, q0, y), Op::Add(b1, q1, y), Op::Add(b2, q2, y), Op::Add(b3, q3, y);
  }
  if (i < dim) {
    const V x = LoadTail<Element>(row0 + i * Element::kBytes, dim - i);
    const V y = LoadTail<Element>(row1 + i * Element::kBytes, dim - i);
    const V q0 = QueryTail(queries, dim), q1 = QueryTail(queries + dim, dim);
    const V q2 = QueryTail(queries + 2 * dim, dim), q3 = QueryTail(queries + 3 * dim, dim);
    Op::Add(a0, q0, x), Op::Add(a1, q1, x), Op::Add(a2, q2, x), Op::Add(a3, q3, x);
    Op::Add(b0, q0, y), Op::Add(b1, q1, y), Op::Add(b2, q2, y), Op::Add(b3, q3, y);
  }
  const auto store = [&](size_t q, V x, V y) HWY_ATTR {
    out[q * n] = hn::GetLane(hn::SumOfLanes(d, x));
    out[q * n + 1] = hn::GetLane(hn::SumOfLanes(d, y));
  };
  store(0, a0, b0);
  store(1, a1, b1);
  store(2, a2, b2);
  store(3, a3, b3);
}

template <class Element, class Op>
void Many(const float* queries, size_t query_count, size_t dim, const std::byte* rows, size_t n,
          float* out) {
  const size_t stride = dim * Element::kBytes;
  size_t q = 0;
  for (; q + 4 <= query_count; q += 4) {
    size_t i = 0;
    for (; i + 2 <= n; i += 2) {
      Tile<Element, Op>(queries + q * dim, dim, rows + i * stride, rows + (i + 1) * stride, n,
                        out + q * n + i);
    }
    for (size_t one = q; i < n && one < q + 4; ++one) {
      Block<Element, Op>(queries + one * dim, dim, rows + i * stride, 1, out + one * n + i);
    }
  }
  for (; q < query_count; ++q) Block<Element, Op>(queries + q * dim, dim, rows, n, out + q * n);
}

template <class Element>
ExactKernels Exact() {
  return {Gather<Element, Dot>,     Block<Element, Dot>,    Many<Element, Dot>,
          Gather<Element, L2>,      Block<Element, L2>,     Many<Element, L2>,
          Gather<Element, DotNorm>, Block<Element, DotNorm>};
}

void FillTable(KernelTable& table) {
  table.f32 = Exact<F32>();
  table.f16 = Exact<F16>();
  table.i8 = Exact<I8>();
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tarn::kernels
HWY_AFTER_NAMESPACE();
#endif

#if HWY_ONCE
namespace tarn::kernels {
#include "kernels/levels-inl.h"
bool FillExact(SimdLevel level, KernelTable& table) { return FillForLevel(level, table); }
}  // namespace tarn::kernels
#endif
