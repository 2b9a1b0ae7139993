// SPDX-License-Identifier: Apache-2.0
//
// One value of an Arrow array as JSON text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "arrow/type_fwd.h"
#include "tarn/status.h"

namespace tarn::cli {

/// Appends value `i` of `array` as JSON. kNotSupported for types that tables never hold.
Status AppendJson(const arrow::Array& array, int64_t i, std::string* out);

/// Appends a quoted and escaped JSON string (RFC 8259, section 7).
void AppendJsonString(std::string_view text, std::string* out);

}  // namespace tarn::cli
