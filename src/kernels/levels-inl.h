// SPDX-License-Identifier: Apache-2.0
//
// Included once at the end of each multi-target unit, inside namespace tarn::kernels: defines
// FillForLevel, which calls FillTable of the namespace that was compiled for a level. VNNI has no
// Highway target in the oldest version we build with: that level takes AVX-512's kernels, and
// codes_vnni.cc replaces those that gain.

namespace {

bool FillForLevel(SimdLevel level, KernelTable& table) {
  switch (level) {
#if HWY_ARCH_X86
#if HWY_TARGETS & HWY_AVX2
    case SimdLevel::kAvx2:
      N_AVX2::FillTable(table);
      return true;
#endif
#if HWY_TARGETS & HWY_AVX3
    case SimdLevel::kAvx512:
    case SimdLevel::kAvx512Vnni:
      N_AVX3::FillTable(table);
      return true;
#endif
#elif HWY_TARGETS & HWY_NEON
    case SimdLevel::kNeon:
      N_NEON::FillTable(table);
      return true;
#endif
    default:
      return false;
  }
}

}  // namespace
