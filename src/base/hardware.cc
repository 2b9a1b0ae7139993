// SPDX-License-Identifier: Apache-2.0
#include "tarn/hardware.h"

#include <dlfcn.h>

#include <cmath>
#include <optional>

#include "base/cgroup.h"
#include "base/environment.h"
#include "base/parallel.h"

namespace tarn {
namespace {

/// Asks the CUDA driver, whose library comes with the driver itself. It stays loaded: unloading it
/// while its threads run is not safe.
int CountGpus(std::string& from) {
  void* driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (driver == nullptr) {
    from = "no driver (libcuda.so.1)";
    return 0;
  }
  using Init = int (*)(unsigned);
  using Count = int (*)(int*);
  const auto init = reinterpret_cast<Init>(dlsym(driver, "cuInit"));
  const auto count = reinterpret_cast<Count>(dlsym(driver, "cuDeviceGetCount"));
  int gpus = 0;
  if (init == nullptr || count == nullptr || init(0) != 0 || count(&gpus) != 0) {
    from = "the driver reports no device";
    return 0;
  }
  from = "driver";
  return gpus;
}

Hardware Look() {
  Hardware found;
  found.cores = AvailableThreads();
  const auto quota = CgroupCpuQuota();
  const bool limited = quota && std::ceil(*quota) <= found.cores;
  found.cores_from = limited ? "control group quota" : "affinity mask";
  if (EnvironmentNumber("TARN_CORES", 1)) found.cores_from = "TARN_CORES";
  if (const auto gpus = EnvironmentNumber("TARN_GPUS", 0)) {
    found.gpus = *gpus;
    found.gpus_from = "TARN_GPUS";
  } else {
    found.gpus = CountGpus(found.gpus_from);
  }
  return found;
}

}  // namespace

const Hardware& Hardware::Detect() {
  static const Hardware found = Look();
  return found;
}

IndexType ChooseIndexType(IndexType asked, int64_t vectors, const Hardware& hardware) {
  if (asked != IndexType::kAuto) return asked;
  const bool enough = hardware.gpus > 0 || hardware.cores >= kAutoIvfPqCores;
  return vectors >= kAutoIvfPqVectors && enough ? IndexType::kIvfPq : IndexType::kHnsw;
}

}  // namespace tarn
