// SPDX-License-Identifier: Apache-2.0
//
// Kernels in gigabytes of rows a second, at every level of this machine, beside what the memory can
// give: a kernel over rows in memory can be no faster than BM_MemoryRead at the same size.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <random>
#include <vector>

#include "kernels/kernels.h"

namespace tarn::kernels {
namespace {

constexpr size_t kDim = 384;
constexpr size_t kHot = 1 << 10;   // rows that stay in the caches
constexpr size_t kCold = 200'000;  // rows that do not

struct alignas(64) Line {
  uint8_t bytes[64];
};

struct Input {
  explicit Input(size_t rows) : floats(rows * kDim), lines(rows * kDim / 64), order(rows) {
    std::mt19937 random(1);
    for (auto& v : floats) v = static_cast<float>(random() % 1000) * 1e-3f;
    for (auto& line : lines) {
      for (auto& b : line.bytes) b = static_cast<uint8_t>(random());
    }
    std::iota(order.begin(), order.end(), 0u);
    std::shuffle(order.begin(), order.end(), random);
    for (uint32_t i : order)
      pointers.push_back(reinterpret_cast<const std::byte*>(&floats[i * kDim]));
  }
  const std::byte* rows() const { return reinterpret_cast<const std::byte*>(floats.data()); }
  std::vector<float> floats;
  std::vector<Line> lines;
  std::vector<uint32_t> order;
  std::vector<const std::byte*> pointers;
};

const Input& InputOf(size_t rows) {
  static const Input hot(kHot), cold(kCold);
  return rows == kHot ? hot : cold;
}

void Report(benchmark::State& state, size_t rows, size_t row_bytes) {
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * rows));
  state.counters["GB/s"] =
      benchmark::Counter(static_cast<double>(state.iterations() * rows * row_bytes) / 1e9,
                         benchmark::Counter::kIsRate);
}

void BM_MemoryRead(benchmark::State& state) {
  const Input& in = InputOf(static_cast<size_t>(state.range(0)));
  const auto* words = reinterpret_cast<const uint64_t*>(in.floats.data());
  const size_t n = in.floats.size() / 2;
  for (auto _ : state) {
    uint64_t a = 0, b = 0, c = 0, d = 0;
    for (size_t i = 0; i + 32 <= n; i += 32) {  // one word of each of four lines
      a += words[i], b += words[i + 8], c += words[i + 16], d += words[i + 24];
    }
    benchmark::DoNotOptimize(a + b + c + d);
  }
  Report(state, static_cast<size_t>(state.range(0)), kDim * sizeof(float));
}
BENCHMARK(BM_MemoryRead)->Arg(kHot)->Arg(kCold);

// The answers of a level are checked against the scalar level before its time is taken.
void CheckFloats(benchmark::State& state, const std::vector<float>& got,
                 const std::vector<float>& want) {
  for (size_t i = 0; i < got.size(); ++i) {
    if (!(std::abs(got[i] - want[i]) <= 1e-4f * (1 + std::abs(want[i])))) {
      state.SkipWithError("wrong answer");
      return;
    }
  }
}

template <auto kKernel>
void ExactBlock(benchmark::State& state, SimdLevel level) {
  const auto rows = static_cast<size_t>(state.range(0));
  const Input& in = InputOf(rows);
  std::vector<float> out(rows), want(rows);
  const auto kernel = KernelsFor(level).f32.*kKernel;
  kernel(in.floats.data(), kDim, in.rows(), rows, out.data());
  (KernelsFor(SimdLevel::kScalar).f32.*kKernel)(in.floats.data(), kDim, in.rows(), rows,
                                                want.data());
  CheckFloats(state, out, want);
  for (auto _ : state) kernel(in.floats.data(), kDim, in.rows(), rows, out.data());
  Report(state, rows, kDim * sizeof(float));
}

void ExactGather(benchmark::State& state, SimdLevel level) {
  const auto rows = static_cast<size_t>(state.range(0));
  const Input& in = InputOf(rows);
  std::vector<float> out(rows);
  for (auto _ : state) {
    KernelsFor(level).f32.dot_gather(in.floats.data(), kDim, in.pointers.data(), rows, out.data());
  }
  Report(state, rows, kDim * sizeof(float));
}

template <auto kKernel, size_t kBlocks>
void Codes(benchmark::State& state, SimdLevel level) {
  const auto rows = static_cast<size_t>(state.range(0));
  const Input& in = InputOf(rows);
  std::vector<Line> query(2 * kBlocks);
  for (auto& line : query) std::fill(std::begin(line.bytes), std::end(line.bytes), uint8_t{77});
  const auto* q = reinterpret_cast<const int8_t*>(query.data());
  std::vector<int32_t> out(rows), want(rows);
  const auto kernel = KernelsFor(level).codes.*kKernel;
  kernel(q, in.lines[0].bytes, kBlocks, in.order.data(), rows, out.data());
  (KernelsFor(SimdLevel::kScalar).codes.*kKernel)(q, in.lines[0].bytes, kBlocks, in.order.data(),
                                                  rows, want.data());
  if (out != want) state.SkipWithError("wrong answer");
  for (auto _ : state) kernel(q, in.lines[0].bytes, kBlocks, in.order.data(), rows, out.data());
  Report(state, rows, kBlocks * 64);
}

void Hadamard(benchmark::State& state, SimdLevel level) {
  std::vector<float> values(static_cast<size_t>(state.range(0)), 0.0f);
  for (auto _ : state) {
    KernelsFor(level).search.hadamard(values.data(), values.size());
    benchmark::ClobberMemory();
  }
  Report(state, 1, values.size() * sizeof(float));
}

[[maybe_unused]] const bool kRegistered = [] {
  for (const SimdLevel level : SupportedSimdLevels()) {
    const std::string name = "/" + std::string(SimdLevelName(level));
    const auto add = [&](const std::string& what, auto function) {
      auto* bench = benchmark::RegisterBenchmark((what + name).c_str(), function, level);
      return bench;
    };
    add("BM_DotBlock", ExactBlock<&ExactKernels::dot_block>)->Arg(kHot)->Arg(kCold);
    add("BM_L2Block", ExactBlock<&ExactKernels::l2_block>)->Arg(kHot)->Arg(kCold);
    add("BM_DotGather", ExactGather)->Arg(kHot)->Arg(kCold);
    add("BM_Dot4Gather", Codes<&CodeKernels::dot4_gather, 3>)->Arg(kHot)->Arg(kCold);
    add("BM_Dot8Gather", Codes<&CodeKernels::dot8_gather, 6>)->Arg(kHot)->Arg(kCold);
    add("BM_Hadamard", Hadamard)->Arg(256)->Arg(1024);
  }
  return true;
}();

}  // namespace
}  // namespace tarn::kernels
