// SPDX-License-Identifier: Apache-2.0
#include "base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>
#include <vector>

#include "base/cgroup.h"
#include "base/environment.h"

namespace tarn {
namespace {

int CountProcessors() {
  if (const auto cores = EnvironmentNumber("TARN_CORES", 1)) return *cores;
  int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) cores = std::max(1, CPU_COUNT(&set));
#endif
  if (const auto quota = CgroupCpuQuota()) {
    cores = std::clamp(static_cast<int>(std::ceil(*quota)), 1, cores);
  }
  return cores;
}

}  // namespace

int AvailableThreads() {
  static const int cores = CountProcessors();
  return cores;
}

int ResolveThreads(int requested) { return requested > 0 ? requested : AvailableThreads(); }

void ParallelFor(size_t n, size_t grain, int threads,
                 const std::function<void(size_t, size_t, int)>& body) {
  if (n == 0) return;
  grain = std::max<size_t>(grain, 1);
  const size_t pieces = (n + grain - 1) / grain;
  const int workers = static_cast<int>(std::min<size_t>(std::max(threads, 1), pieces));
  std::atomic<size_t> next{0};
  auto work = [&](int thread) {
    for (size_t piece; (piece = next.fetch_add(1, std::memory_order_relaxed)) < pieces;) {
      body(piece * grain, std::min(n, (piece + 1) * grain), thread);
    }
  };
  std::vector<std::thread> pool;
  for (int i = 1; i < workers; ++i) pool.emplace_back(work, i);
  work(0);
  for (auto& thread : pool) thread.join();
}

}  // namespace tarn
