// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm.h"

#include <cblas.h>

#include <mutex>

namespace tarn::kernels {

void MultiplyTransposed(const float* a, size_t a_rows, const float* b, size_t b_rows, size_t dim,
                        float* out) {
  // Tarn's own threads share the work out; OpenBLAS's would only compete with them.
  static std::once_flag once;
  std::call_once(once, [] { openblas_set_num_threads(1); });
  if (a_rows == 0 || b_rows == 0) return;
  const auto size = [](size_t n) { return static_cast<blasint>(n); };
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, size(a_rows), size(b_rows), size(dim), 1.0f,
              a, size(dim), b, size(dim), 0.0f, out, size(b_rows));
}

}  // namespace tarn::kernels
