// SPDX-License-Identifier: Apache-2.0
//
// Rows of some columns as bytes that are equal when the rows are: null equals null, NaN equals NaN.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "arrow/type_fwd.h"
#include "tarn/status.h"

namespace tarn {

/// Calls `visit` for each row, in order. The columns are of primitive types (kNotSupported else);
/// keys of equal columns in another order are other keys.
Status ForEachRowKey(const arrow::ArrayVector& columns, int64_t rows,
                     const std::function<void(int64_t row, std::string_view key)>& visit);

}  // namespace tarn
