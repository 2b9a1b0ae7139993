// SPDX-License-Identifier: Apache-2.0
//
// What of this machine the process may use, and which index type is automatically chosen for it.
#pragma once

#include <cstdint>
#include <string>

#include "tarn/types.h"

namespace tarn {

/// Plain values.
struct Hardware {
  /// Processors this process may keep busy: its affinity mask, and the CPU quota of its control
  /// groups (rounded up) where that is less. At least 1.
  int cores = 1;
  /// NVIDIA GPUs that the driver reports; 0 without a driver.
  int gpus = 0;
  /// How each was found, for people: "affinity mask", "cgroup quota 2.5", "TARN_CORES", ...
  std::string cores_from;
  std::string gpus_from;

  /// Looked up once and kept. `TARN_CORES` (at least 1) and `TARN_GPUS` (at least 0) in the
  /// environment override what is found. The GPU driver's library is loaded at run time, when it is
  /// there and TARN_GPUS is not set. Thread-safe.
  static const Hardware& Detect();
};

/// Vectors from which kAuto may choose kIvfPq.
inline constexpr int64_t kAutoIvfPqVectors = 5000;
/// Cores from which kAuto may choose kIvfPq without a GPU.
inline constexpr int kAutoIvfPqCores = 8;

/// What kAuto stands for: kIvfPq for at least 5,000 vectors where there is a GPU or at least 8
/// cores, else kHnsw. Other types are returned as they are.
IndexType ChooseIndexType(IndexType asked, int64_t vectors, const Hardware& hardware);

}  // namespace tarn
