// SPDX-License-Identifier: Apache-2.0
//
// Single values: partition values and the bounds of columns.
// Source: the Iceberg table specification, Appendix D, "Binary single-value serialization".
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "iceberg/schema.h"

namespace tarn::iceberg {

/// A value of a primitive type; monostate is null. Dates are int32 days; times and timestamps
/// int64; strings, binary, fixed and uuid (16 bytes) are std::string; a decimal is its unscaled
/// value as minimal big-endian two's complement bytes in a std::string.
using Value = std::variant<std::monostate, bool, int32_t, int64_t, float, double, std::string>;

/// The bytes of a bound. Numbers are little-endian; decimals big-endian and minimal; text is UTF-8.
/// kBadInput when the value is null or of another type.
Result<std::string> EncodeValue(const Type& type, const Value& value);
/// kCorrupt when the bytes do not fit the type. A promoted column's older, shorter bounds are taken
/// (int as long, float as double).
Result<Value> DecodeValue(const Type& type, std::string_view bytes);

/// Orders two encoded bounds of one type; nullopt when either cannot be decoded or is NaN.
std::optional<std::strong_ordering> CompareEncoded(const Type& type, std::string_view a,
                                                   std::string_view b);

/// Shortens an encoded lower bound to `width` code points (string) or bytes (binary); other types
/// are returned as they are. The result is <= the value.
std::string TruncateLowerBound(const Type& type, std::string_view bound, int32_t width = 16);
/// Shortens an encoded upper bound and increments it, so that it is >= every value; nullopt when it
/// cannot be incremented: then write no bound.
std::optional<std::string> TruncateUpperBound(const Type& type, std::string_view bound,
                                              int32_t width = 16);

/// Minimal big-endian two's complement bytes of a decimal's unscaled value.
std::string DecimalBytes(__int128 unscaled);

}  // namespace tarn::iceberg
