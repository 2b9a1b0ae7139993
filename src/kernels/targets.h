// SPDX-License-Identifier: Apache-2.0
//
// Included first by every multi-target unit: which Highway targets are worth compiling. Highway
// also visits the static baseline, which on x86 is plain scalar code that no level uses: it is
// skipped.
#pragma once

#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#define TARN_COMPILES_TARGET(target) ((target) != HWY_SCALAR && (target) != HWY_EMU128)
