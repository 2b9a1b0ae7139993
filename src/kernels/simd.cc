// SPDX-License-Identifier: Apache-2.0
#include "kernels/simd.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "hwy/targets.h"
#include "kernels/kernels.h"
#include "kernels/parts.h"

namespace tarn::kernels {
namespace {

constexpr std::array<std::pair<SimdLevel, std::string_view>, 5> kNames{{
    {SimdLevel::kScalar, "scalar"},
    {SimdLevel::kNeon, "neon"},
    {SimdLevel::kAvx2, "avx2"},
    {SimdLevel::kAvx512, "avx512"},
    {SimdLevel::kAvx512Vnni, "avx512vnni"},
}};

bool MachineHas(SimdLevel level) {
  switch (level) {
    case SimdLevel::kScalar:
      return true;
#if HWY_ARCH_X86
    case SimdLevel::kAvx2:
      return hwy::SupportedTargets() & HWY_AVX2;
    case SimdLevel::kAvx512:
      return hwy::SupportedTargets() & HWY_AVX3;
    case SimdLevel::kAvx512Vnni:
      return (hwy::SupportedTargets() & HWY_AVX3) && __builtin_cpu_supports("avx512vnni");
#elif HWY_ARCH_ARM
    case SimdLevel::kNeon:
      return true;
#endif
    default:
      return false;
  }
}

std::optional<KernelTable> MakeTable(SimdLevel level) {
  KernelTable table = ScalarTable();
  if (level == SimdLevel::kScalar) return table;
  const bool filled = MachineHas(level) && FillExact(level, table) && FillCodes(level, table) &&
                      FillSearch(level, table) && FillPq(level, table) && FillTiles(level, table) &&
                      (level != SimdLevel::kAvx512Vnni || FillVnniCodes(table));
  return filled ? std::optional(table) : std::nullopt;
}

using Tables = std::array<std::optional<KernelTable>, kNames.size()>;

const Tables& AllTables() {
  static const Tables tables = [] {
    Tables made;
    for (const auto& [level, name] : kNames) made[static_cast<size_t>(level)] = MakeTable(level);
    return made;
  }();
  return tables;
}

bool IsSupported(SimdLevel level) { return AllTables()[static_cast<size_t>(level)].has_value(); }

SimdLevel ChooseLevel() {
  const SimdLevel best = SupportedSimdLevels().back();
  const char* wanted = std::getenv("TARN_SIMD");
  if (wanted == nullptr || *wanted == '\0') return best;
  const auto level = ParseSimdLevel(wanted);
  if (level && IsSupported(*level)) return *level;
  std::fprintf(stderr, "tarn: TARN_SIMD=%s is %s; using %s\n", wanted,
               level ? "not supported by this machine" : "unknown",
               std::string(SimdLevelName(best)).c_str());
  return best;
}

std::atomic<SimdLevel>& Active() {
  static std::atomic<SimdLevel> level{ChooseLevel()};
  return level;
}

}  // namespace

std::string_view SimdLevelName(SimdLevel level) {
  return kNames[static_cast<size_t>(level)].second;
}

std::optional<SimdLevel> ParseSimdLevel(std::string_view name) {
  for (const auto& [level, known] : kNames) {
    if (known == name) return level;
  }
  return std::nullopt;
}

std::vector<SimdLevel> SupportedSimdLevels() {
  std::vector<SimdLevel> levels;
  for (const auto& [level, name] : kNames) {
    if (IsSupported(level)) levels.push_back(level);
  }
  return levels;
}

SimdLevel ActiveSimdLevel() { return Active().load(std::memory_order_relaxed); }

SimdLevel UseSimdLevel(SimdLevel level) {
  if (!IsSupported(level)) return ActiveSimdLevel();
  return Active().exchange(level, std::memory_order_relaxed);
}

const KernelTable& KernelsFor(SimdLevel level) {
  return *AllTables()[static_cast<size_t>(IsSupported(level) ? level : SimdLevel::kScalar)];
}

const KernelTable& Kernels() { return KernelsFor(ActiveSimdLevel()); }

}  // namespace tarn::kernels
