// SPDX-License-Identifier: Apache-2.0
//
// Inside the room: each part of the table is made by its own unit, for each level that unit was
// compiled for. A unit returns false for a level it does not have.
#pragma once

#include "kernels/kernels.h"

namespace tarn::kernels {

KernelTable ScalarTable();
bool FillExact(SimdLevel level, KernelTable& table);
bool FillCodes(SimdLevel level, KernelTable& table);
bool FillSearch(SimdLevel level, KernelTable& table);
bool FillPq(SimdLevel level, KernelTable& table);
PqKernels ScalarPq();
bool FillTiles(SimdLevel level, KernelTable& table);
/// Replaces the code kernels; false where the compiler has no AVX-512 VNNI.
bool FillVnniCodes(KernelTable& table);

}  // namespace tarn::kernels
