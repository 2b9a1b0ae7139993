// SPDX-License-Identifier: Apache-2.0
//
// LogPosition: how far a log is in its table, as the table itself says. It stands in the property
// `tarn.wal.<log>.main` as `epoch:sequence` and moves in the same swap as the rows.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tarn/status.h"

namespace tarn {

struct LogPosition {
  uint64_t epoch = 0;     ///< of the writer that committed it; 0: none did yet
  uint64_t sequence = 0;  ///< every record up to this one is in the table, or was in it once

  friend bool operator==(const LogPosition&, const LogPosition&) = default;

  static std::string PropertyOf(const std::string& wal_uuid);
  /// Zeros where the table says nothing. kCorrupt where it cannot be read: guessing would lose rows
  /// or double them.
  static Result<LogPosition> Of(const std::map<std::string, std::string>& properties,
                                const std::string& wal_uuid);
  std::string ToProperty() const;
};

}  // namespace tarn
