// SPDX-License-Identifier: Apache-2.0
//
// The rules for paths in a store.
#pragma once

#include <string_view>

#include "tarn/status.h"

namespace tarn {

/// File names that stores keep for themselves: unpublished writes and locks. Never listed.
inline constexpr std::string_view kTempPrefix = ".tarn-tmp-";
inline constexpr std::string_view kLockFolder = ".tarn-locks";

bool IsReservedName(std::string_view name);

/// kBadInput unless the path is relative, without empty, "." or ".." segments, NUL bytes or
/// reserved names.
Status CheckStorePath(std::string_view path);
/// As CheckStorePath; "" is allowed too, and one '/' may end it. Returns it without that slash.
Result<std::string_view> CheckStoreFolder(std::string_view folder);

}  // namespace tarn
