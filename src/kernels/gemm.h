// SPDX-License-Identifier: Apache-2.0
//
// Products of many f32 rows with many others, by the BLAS.
#pragma once

#include <cstddef>

namespace tarn::kernels {

/// out[i * b_rows + j] = <a_i, b_j> for row-major a (a_rows x dim) and b (b_rows x dim). Runs on
/// the calling thread alone; any number of threads may call it at once. The same shape gives the
/// same bits on one machine; processors of different kinds may differ in the last bits, so a caller
/// that splits its work must split it alike for any number of threads.
void MultiplyTransposed(const float* a, size_t a_rows, const float* b, size_t b_rows, size_t dim,
                        float* out);

}  // namespace tarn::kernels
