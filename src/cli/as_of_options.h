// SPDX-License-Identifier: Apache-2.0
//
// Options that say which state of a table to read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tarn/read_view.h"

namespace CLI {
class App;
}

namespace tarn::cli {

struct AsOfOptions {
  int64_t snapshot = 0;  ///< --snapshot
  std::string time;      ///< --as-of
  std::string ref;       ///< --ref

  void AddTo(CLI::App& command);
  /// nullopt: the newest state. kBadInput for a time that cannot be read.
  Result<std::optional<AsOf>> Get() const;
};

/// Milliseconds since 1970 of "2026-11-21", "2026-11-21T10:30", "...:15.250", with "Z" or an offset
/// like "+02:00" (UTC without), or of a plain number of them. kBadInput for anything else.
Result<int64_t> ParseTime(const std::string& text);

}  // namespace tarn::cli
