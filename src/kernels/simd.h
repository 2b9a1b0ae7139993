// SPDX-License-Identifier: Apache-2.0
//
// The instruction sets Tarn has kernels for, and which of them this process uses.
//
// The best level of the machine is used, unless the environment variable TARN_SIMD names another:
// scalar, avx2, avx512, avx512vnni or neon. A name that is unknown, or a level that this machine
// lacks, is answered by one line on the standard error and the best level is used.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace tarn::kernels {

enum class SimdLevel : uint8_t {
  kScalar,      ///< plain C++: the oracle of the tests, and the way out on other machines
  kNeon,        ///< Arm, 128 bits (Highway's portable code)
  kAvx2,        ///< x86-64-v3
  kAvx512,      ///< F, BW, DQ, VL
  kAvx512Vnni,  ///< Ice Lake's set and later: VNNI, VBMI2, BITALG and the above
};

std::string_view SimdLevelName(SimdLevel level);
std::optional<SimdLevel> ParseSimdLevel(std::string_view name);

/// What this machine can run and this build has, worst first; never empty.
std::vector<SimdLevel> SupportedSimdLevels();

/// The level in use. Decided on the first call (see above), the same for all threads.
SimdLevel ActiveSimdLevel();

/// Switches the process to another supported level and returns the one used before. Kernel tables
/// already taken stay valid. An unsupported level changes nothing.
SimdLevel UseSimdLevel(SimdLevel level);

}  // namespace tarn::kernels
