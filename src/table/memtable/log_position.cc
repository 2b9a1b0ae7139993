// SPDX-License-Identifier: Apache-2.0
#include "table/memtable/log_position.h"

#include <charconv>
#include <string_view>

namespace tarn {
namespace {

/// All of the text as a decimal number.
bool ParseNumber(std::string_view text, uint64_t* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

std::string LogPosition::PropertyOf(const std::string& wal_uuid) {
  // Rows that stream in go to the main branch.
  return "tarn.wal." + wal_uuid + ".main";
}

Result<LogPosition> LogPosition::Of(const std::map<std::string, std::string>& properties,
                                    const std::string& wal_uuid) {
  LogPosition position;
  const auto found = properties.find(PropertyOf(wal_uuid));
  if (found == properties.end()) return position;
  const std::string_view text = found->second;
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || !ParseNumber(text.substr(0, colon), &position.epoch) ||
      !ParseNumber(text.substr(colon + 1), &position.sequence)) {
    return Error(ErrorKind::kCorrupt, "the table property '", found->first, "' is '", text,
                 "', not epoch:sequence");
  }
  return position;
}

std::string LogPosition::ToProperty() const {
  return std::to_string(epoch) + ":" + std::to_string(sequence);
}

}  // namespace tarn
