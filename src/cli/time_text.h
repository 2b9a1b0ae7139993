// SPDX-License-Identifier: Apache-2.0
//
// Times and ages as people write them.
#pragma once

#include <cstdint>
#include <string>

#include "tarn/status.h"

namespace tarn::cli {

/// "2026-11-21 10:30:00Z" for milliseconds since 1970 UTC.
std::string TimeText(int64_t millis);

/// Milliseconds since 1970 UTC of "2026-11-21", "2026-11-21T10:30:00", the same with a blank, with
/// or without "Z", or of the milliseconds themselves. kBadInput otherwise.
Result<int64_t> ParseTime(const std::string& text);

/// Milliseconds of "90s", "30m", "12h", "5d". kBadInput otherwise.
Result<int64_t> ParseAge(const std::string& text);

}  // namespace tarn::cli
