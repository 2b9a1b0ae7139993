// SPDX-License-Identifier: Apache-2.0
//
// Times and ages as people read and write them.
#pragma once

#include <cstdint>
#include <string>

#include "tarn/status.h"

namespace tarn::cli {

/// "2026-11-21 10:30:00Z" for milliseconds since 1970 UTC.
std::string TimeText(int64_t millis);

/// Milliseconds of "90s", "30m", "12h", "5d". kBadInput otherwise.
Result<int64_t> ParseAge(const std::string& text);

}  // namespace tarn::cli
