// SPDX-License-Identifier: Apache-2.0
#include "table/predicate/moment.h"

#include <chrono>

namespace tarn::predicate {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

/// Takes text apart from the left; once something is missing, `good` stays false.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  int64_t Digits(size_t count) {
    if (rest_.size() < count) good_ = false;
    int64_t value = 0;
    for (size_t i = 0; good_ && i < count; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') good_ = false;
      value = value * 10 + (rest_[i] - '0');
    }
    if (good_) rest_.remove_prefix(count);
    return value;
  }
  bool Take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void Need(bool holds) { good_ = good_ && holds; }
  bool good() const { return good_; }
  bool at_end() const { return rest_.empty(); }
  bool at_digit() const { return !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; }

 private:
  std::string_view rest_;
  bool good_ = true;
};

int64_t TimeOfDay(Reader& in) {
  const int64_t hours = in.Digits(2);
  in.Need(in.Take(':'));
  const int64_t minutes = in.Digits(2);
  int64_t seconds = 0, fraction = 0;
  if (in.Take(':')) {
    seconds = in.Digits(2);
    if (in.Take('.')) {
      int64_t unit = kSecond;
      do {
        unit /= 10;
        in.Need(unit > 0);
        fraction += in.Digits(1) * unit;
      } while (in.good() && in.at_digit());
    }
  }
  in.Need(hours < 24 && minutes < 60 && seconds < 60);
  return ((hours * 60 + minutes) * 60 + seconds) * kSecond + fraction;
}

}  // namespace

std::optional<int64_t> ParseTimeOfDay(std::string_view text) {
  Reader in(text);
  const int64_t nanoseconds = TimeOfDay(in);
  if (!in.good() || !in.at_end()) return std::nullopt;
  return nanoseconds;
}

std::optional<Moment> ParseMoment(std::string_view text) {
  Reader in(text);
  const auto year = static_cast<int>(in.Digits(4));
  in.Need(in.Take('-'));
  const auto month = static_cast<unsigned>(in.Digits(2));
  in.Need(in.Take('-'));
  const auto day = static_cast<unsigned>(in.Digits(2));
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  in.Need(year > 0 && date.ok());
  if (!in.good()) return std::nullopt;
  Moment moment;
  moment.days = std::chrono::sys_days(date).time_since_epoch().count();
  if (in.at_end()) return moment;
  in.Need(in.Take(' ') || in.Take('T'));
  moment.has_time = true;
  moment.nanoseconds = TimeOfDay(in);
  const bool east = in.Take('+');
  if (in.Take('Z') && !east) {
    moment.has_zone = true;
  } else if (east || in.Take('-')) {
    moment.has_zone = true;
    const int64_t hours = in.Digits(2);
    const int64_t minutes = in.Take(':') || in.at_digit() ? in.Digits(2) : 0;
    in.Need(hours < 24 && minutes < 60);
    moment.nanoseconds -= (east ? 1 : -1) * (hours * 60 + minutes) * 60 * kSecond;
  }
  if (!in.good() || !in.at_end()) return std::nullopt;
  return moment;
}

}  // namespace tarn::predicate
