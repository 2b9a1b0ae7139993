// SPDX-License-Identifier: Apache-2.0
//
// The advisory lock of LocalStore: a queue among threads, then flock(2) among processes. The system
// releases it when a process dies.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "store/thread_locks.h"
#include "tarn/store.h"

namespace tarn {

/// Waits for the lock of `file` (absolute, created when missing, never deleted: another process may
/// be waiting on it).
Result<std::unique_ptr<StoreLock>> AcquireFileLock(ThreadLocks& threads, const std::string& file,
                                                   std::chrono::milliseconds timeout);

}  // namespace tarn
