// SPDX-License-Identifier: Apache-2.0
#include "cli/time_text.h"

#include <charconv>
#include <ctime>

namespace tarn::cli {
namespace {

/// The number in front; `rest` is what follows it.
bool TakeNumber(std::string_view text, int64_t* number, std::string_view* rest) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  *rest = text.substr(static_cast<size_t>(end - text.data()));
  return error == std::errc() && *number >= 0;
}

}  // namespace

std::string TimeText(int64_t millis) {
  const std::time_t seconds = millis / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[40];
  std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%SZ", &utc);
  return text;
}

Result<int64_t> ParseAge(const std::string& text) {
  int64_t number = 0;
  std::string_view unit;
  constexpr std::pair<std::string_view, int64_t> kUnits[] = {
      {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  if (TakeNumber(text, &number, &unit) && number < 1'000'000) {
    for (const auto& [name, millis] : kUnits) {
      if (unit == name) return number * millis;
    }
  }
  return Error(ErrorKind::kBadInput, "'", text, "' is no age; write 90s, 30m, 12h or 5d");
}

}  // namespace tarn::cli
