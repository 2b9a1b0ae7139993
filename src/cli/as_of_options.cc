// SPDX-License-Identifier: Apache-2.0
#include "cli/as_of_options.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <regex>

namespace tarn::cli {
namespace {

int64_t Number(const std::string& digits) {
  int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

Status NoTime(const std::string& text) {
  return Error(ErrorKind::kBadInput, "'", text,
               "' is no time; write it like 2026-11-21T10:30:00Z, or as milliseconds since 1970");
}

}  // namespace

Result<int64_t> ParseTime(const std::string& text) {
  int64_t millis = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), millis);
  if (!text.empty() && error == std::errc() && end == text.data() + text.size()) return millis;
  static const std::regex kIso(
      R"((\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?)");
  std::smatch part;
  if (text.size() > 64 || !std::regex_match(text, part, kIso)) return NoTime(text);
  using std::chrono::day, std::chrono::month, std::chrono::year;
  const std::chrono::year_month_day date(year(static_cast<int>(Number(part[1]))),
                                         month(static_cast<unsigned>(Number(part[2]))),
                                         day(static_cast<unsigned>(Number(part[3]))));
  const int64_t hour = Number(part[4]), minute = Number(part[5]), second = Number(part[6]);
  if (!date.ok() || hour > 24 || minute > 59 || second > 60) return NoTime(text);
  int64_t minutes = hour * 60 + minute;
  if (const std::string zone = part[8]; zone.size() == 6) {
    const int64_t offset = Number(zone.substr(1, 2)) * 60 + Number(zone.substr(4, 2));
    minutes -= zone[0] == '+' ? offset : -offset;
  }
  const std::string fraction = (std::string(part[7]) + "000").substr(0, 3);
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 1440 + minutes) * 60 + second) * 1000 + Number(fraction);
}

void AsOfOptions::AddTo(CLI::App& command) {
  auto* by_id = command.add_option("--snapshot", snapshot, "Snapshot to read (0: the newest)");
  auto* by_time = command.add_option(
      "--as-of", time,
      "Read the table as it was then: 2026-11-21T10:30:00Z, or milliseconds since 1970");
  auto* by_ref = command.add_option("--ref", ref, "Branch or tag to read");
  by_time->excludes(by_id);
  by_ref->excludes(by_id)->excludes(by_time);
}

Result<std::optional<AsOf>> AsOfOptions::Get() const {
  if (snapshot != 0) return AsOf(SnapshotId(snapshot));
  if (!ref.empty()) return AsOf::Ref(ref);
  if (time.empty()) return std::nullopt;
  auto millis = ParseTime(time);
  if (!millis.ok()) return WithContext(millis.status(), "--as-of");
  return AsOf::AtMillis(*millis);
}

}  // namespace tarn::cli
