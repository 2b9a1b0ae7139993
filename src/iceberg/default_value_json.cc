// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <cmath>
#include <limits>

#include "iceberg/default_value.h"
#include "iceberg/json_fields.h"

namespace tarn::iceberg {
namespace {

/// Reads a text from left to right; after the first thing that does not fit it is not ok.
class TextReader {
 public:
  explicit TextReader(std::string_view text) : text_(text) {}

  /// Exactly so many digits.
  int64_t Digits(size_t count) {
    int64_t value = 0;
    if (text_.size() < count) return Fail();
    for (size_t i = 0; i < count; ++i) {
      if (text_[i] < '0' || text_[i] > '9') return Fail();
      value = value * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(count);
    return value;
  }
  void Expect(char c) {
    if (text_.empty() || text_[0] != c) {
      Fail();
    } else {
      text_.remove_prefix(1);
    }
  }
  bool Skip(std::string_view token) {
    if (text_.substr(0, token.size()) != token) return false;
    text_.remove_prefix(token.size());
    return true;
  }
  /// ".123" as so many digits' worth; 0 when there is no fraction.
  int64_t Fraction(int digits) {
    if (text_.empty() || text_[0] != '.') return 0;
    text_.remove_prefix(1);
    int64_t value = 0;
    int read = 0;
    for (; !text_.empty() && text_[0] >= '0' && text_[0] <= '9' && read < digits; ++read) {
      value = value * 10 + (text_[0] - '0');
      text_.remove_prefix(1);
    }
    if (read == 0) return Fail();
    for (; read < digits; ++read) value *= 10;
    return value;
  }
  bool Done() const { return ok_ && text_.empty(); }
  bool ok() const { return ok_; }

 private:
  int64_t Fail() {
    ok_ = false;
    return 0;
  }
  std::string_view text_;
  bool ok_ = true;
};

/// Days since 1970-01-01 of a date of the Gregorian calendar.
int64_t DaysOf(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t of_era = year - era * 400;
  const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int64_t ReadDate(TextReader& in) {
  const bool negative = in.Skip("-");
  const int64_t year = in.Digits(4);
  in.Expect('-');
  const int64_t month = in.Digits(2);
  in.Expect('-');
  const int64_t day = in.Digits(2);
  return DaysOf(negative ? -year : year, month, day);
}

/// Since midnight, in units of which a second has `per_second`.
int64_t ReadTime(TextReader& in, int64_t per_second, int digits) {
  const int64_t hour = in.Digits(2);
  in.Expect(':');
  const int64_t minute = in.Digits(2);
  int64_t second = 0;
  if (in.Skip(":")) second = in.Digits(2);
  return ((hour * 60 + minute) * 60 + second) * per_second + in.Fraction(digits);
}

std::optional<Value> TimestampOf(const std::string& text, bool zoned, bool nanos) {
  const int64_t per_second = nanos ? 1'000'000'000 : 1'000'000;
  TextReader in(text);
  const int64_t days = ReadDate(in);
  in.Expect('T');
  const int64_t time = ReadTime(in, per_second, nanos ? 9 : 6);
  if (zoned && !in.Skip("+00:00") && !in.Skip("Z")) return std::nullopt;
  if (!in.Done()) return std::nullopt;
  int64_t value = 0;
  if (__builtin_mul_overflow(days, 86400 * per_second, &value) ||
      __builtin_add_overflow(value, time, &value)) {
    return std::nullopt;
  }
  return value;
}

std::optional<std::string> FromHex(const std::string& text) {
  std::string bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
    if (error != std::errc() || end != text.data() + i + 2) return std::nullopt;
    bytes.push_back(static_cast<char>(value));
  }
  return text.size() % 2 == 0 ? std::optional(bytes) : std::nullopt;
}

std::optional<Value> UuidOf(std::string text) {
  std::erase(text, '-');
  const auto bytes = FromHex(text);
  if (!bytes || bytes->size() != 16) return std::nullopt;
  return *bytes;
}

/// "-12.30" with exactly the scale's digits behind the point.
std::optional<Value> DecimalOf(const std::string& text, const Type& type) {
  const size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const size_t point = text.find('.');
  const size_t behind = point == std::string::npos ? 0 : text.size() - point - 1;
  if (static_cast<int32_t>(behind) != type.scale) return std::nullopt;
  __int128 unscaled = 0;
  int digits = 0;
  for (size_t i = sign; i < text.size(); ++i) {
    if (i == point) continue;
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    unscaled = unscaled * 10 + (text[i] - '0');
    digits += unscaled != 0;
    if (digits > type.precision) return std::nullopt;
  }
  if (text.size() == sign) return std::nullopt;
  return DecimalBytes(text[0] == '-' ? -unscaled : unscaled);
}

std::optional<Value> NumberOf(const Json& json, TypeId type) {
  if (type == TypeId::kFloat || type == TypeId::kDouble) {
    if (!json.is_number()) return std::nullopt;
    const auto value = json.get<double>();
    return type == TypeId::kFloat ? Value(static_cast<float>(value)) : Value(value);
  }
  const auto number = IntOf(json);
  if (!number) return std::nullopt;
  if (type == TypeId::kLong) return *number;
  if (*number < std::numeric_limits<int32_t>::min() ||
      *number > std::numeric_limits<int32_t>::max()) {
    return std::nullopt;
  }
  return static_cast<int32_t>(*number);
}

std::optional<Value> TextOf(const std::string& text, const Type& type) {
  TextReader in(text);
  switch (type.id) {
    case TypeId::kString:
      return text;
    case TypeId::kUuid:
      return UuidOf(text);
    case TypeId::kDate: {
      const int64_t days = ReadDate(in);
      return in.Done() ? std::optional<Value>(static_cast<int32_t>(days)) : std::nullopt;
    }
    case TypeId::kTime: {
      const int64_t time = ReadTime(in, 1'000'000, 6);
      return in.Done() ? std::optional<Value>(time) : std::nullopt;
    }
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      return TimestampOf(text, type.id == TypeId::kTimestampTz, false);
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      return TimestampOf(text, type.id == TypeId::kTimestampTzNs, true);
    case TypeId::kDecimal:
      return DecimalOf(text, type);
    case TypeId::kFixed:
    case TypeId::kBinary: {
      auto bytes = FromHex(text);
      if (!bytes) return std::nullopt;
      if (type.id == TypeId::kFixed && bytes->size() != static_cast<size_t>(type.length)) {
        return std::nullopt;
      }
      return *std::move(bytes);
    }
    default:
      return std::nullopt;
  }
}

std::optional<Value> ValueOf(const Json& json, const Type& type) {
  switch (type.id) {
    case TypeId::kBoolean:
      return json.is_boolean() ? std::optional<Value>(json.get<bool>()) : std::nullopt;
    case TypeId::kInt:
    case TypeId::kLong:
    case TypeId::kFloat:
    case TypeId::kDouble:
      return NumberOf(json, type.id);
    default:
      return json.is_string() ? TextOf(json.get<std::string>(), type) : std::nullopt;
  }
}

}  // namespace

Result<std::optional<Value>> InitialDefault(const NestedField& field) {
  if (field.extra.empty()) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(const Json extra, ParseJson(field.extra, "column '" + field.name + "'"));
  const auto found = extra.find("initial-default");
  if (found == extra.end() || found->is_null()) return std::nullopt;
  if (field.type.id == TypeId::kStruct && found->is_object() && found->empty()) return Value();
  if (field.type.is_nested()) {
    return Error(ErrorKind::kNotSupported, "column '", field.name, "': a default of type ",
                 field.type.ToString(), " cannot be read");
  }
  auto value = ValueOf(*found, field.type);
  if (value) return value;
  return Error(ErrorKind::kCorrupt, "column '", field.name, "': the initial default ",
               JsonText(*found), " is no ", field.type.ToString());
}

}  // namespace tarn::iceberg
