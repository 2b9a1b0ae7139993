// SPDX-License-Identifier: Apache-2.0
//
// Dates and times of day as predicates write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tarn::predicate {

/// A day of the Gregorian calendar and a time in it. `nanoseconds` may leave the day once an offset
/// from UTC is taken off.
struct Moment {
  int64_t days = 0;         ///< since 1970-01-01
  int64_t nanoseconds = 0;  ///< since midnight
  bool has_time = false;    ///< a time of day was written
  bool has_zone = false;    ///< "Z" or an offset was written, and is taken off
};

/// "2024-01-31", "2024-01-31 10:00", "2024-01-31T10:00:00.123456789+02:00"; years 0001 to 9999.
/// nullopt for anything else.
std::optional<Moment> ParseMoment(std::string_view text);

/// "10:00", "10:00:00.5": nanoseconds since midnight.
std::optional<int64_t> ParseTimeOfDay(std::string_view text);

}  // namespace tarn::predicate
