// SPDX-License-Identifier: Apache-2.0
//
// Threads for work that is cut into pieces.
#pragma once

#include <cstddef>
#include <functional>

namespace tarn {

/// The processors this process may use, at least 1: its affinity mask, and the CPU quota of its
/// control groups (rounded up) where that is less; or what `TARN_CORES` in the environment says.
/// Looked up once.
int AvailableThreads();

/// `requested`, or AvailableThreads() when it is 0 or less.
int ResolveThreads(int requested);

/// Calls body(begin, end, thread) for consecutive ranges of at most `grain` that cover [0, n), from
/// up to `threads` threads (the caller's among them); returns when all are done. Which thread gets
/// which range is not determined: results must not depend on it. `body` must not throw.
void ParallelFor(size_t n, size_t grain, int threads,
                 const std::function<void(size_t begin, size_t end, int thread)>& body);

}  // namespace tarn
