// SPDX-License-Identifier: Apache-2.0
//
// Names of metadata files: "v12.metadata.json" of Hadoop-style tables, "00012-<uuid>.metadata.json"
// of others; either may be compressed (".gz" before or after).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tarn {

/// The number of the version; nullopt for any other name.
std::optional<int64_t> MetadataNumber(std::string_view name);

/// What follows the last '/'.
std::string_view NameOf(std::string_view path);

}  // namespace tarn
