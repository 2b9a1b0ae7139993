// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tarn/types.h"

namespace tarn {

Status IvfPqConfig::Validate(int32_t dim) const {
  if (nlist < 0 || nprobe < 0 || m < 0 || m > dim || (bits != 4 && bits != 8)) {
    return Error(ErrorKind::kBadInput, "ivf settings out of range");
  }
  return Status::OK();
}

}  // namespace tarn
