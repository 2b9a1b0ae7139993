// SPDX-License-Identifier: Apache-2.0
#include "table/predicate/literal_place.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>

#include "arrow/extension/uuid.h"
#include "arrow/scalar.h"
#include "arrow/type.h"
#include "table/predicate/exact_number.h"
#include "table/predicate/moment.h"
#include "table/predicate/predicate_lexer.h"

namespace tarn::predicate {
namespace {

using arrow::Decimal256;

Status Misfit(const Literal& literal, const arrow::DataType& type, std::string_view hint = "") {
  return Error(ErrorKind::kBadInput, Describe(literal),
               " cannot be compared with a column of type ", type.ToString(),
               hint.empty() ? "" : "; ", hint);
}

PlacedLiteral Outside(bool above) { return {above ? Place::kAboveAll : Place::kBelowAll, nullptr}; }
/// Among the whole numbers from `least` to `most`. `positive`: the sign of what has no floor.
template <class MakeScalar>
PlacedLiteral Among(const std::optional<Floor>& floor, bool positive, const Decimal256& least,
                    const Decimal256& most, MakeScalar&& make) {
  if (!floor) return Outside(positive);
  if (floor->whole < least) return Outside(false);
  if (floor->whole > most) return Outside(true);
  return {floor->exact ? Place::kExact : Place::kAfter, make(floor->whole)};
}

/// Among the values of a type that is kept as an integer of type C.
template <class ScalarType, class C>
PlacedLiteral AmongIntegers(const std::optional<Floor>& floor, bool positive,
                            const arrow::DataType& type) {
  using Limits = std::numeric_limits<C>;
  return Among(floor, positive, Decimal256(Limits::min()), Decimal256(Limits::max()),
               [&](const Decimal256& whole) -> std::shared_ptr<arrow::Scalar> {
                 // The lowest word; it is the whole number, as the limits say.
                 const auto value = static_cast<C>(whole.little_endian_array()[0]);
                 return std::make_shared<ScalarType>(value, type.GetSharedPtr());
               });
}

template <class ScalarType, class DecimalType, class Value>
PlacedLiteral AmongDecimals(const ExactNumber& number, const arrow::DataType& type) {
  const auto& decimal = static_cast<const DecimalType&>(type);
  const Decimal256 most = Decimal256(Decimal256::GetMaxValue(decimal.precision()));
  return Among(number.FloorAt(decimal.scale()), number.sign() > 0, -most, most,
               [&](const Decimal256& whole) -> std::shared_ptr<arrow::Scalar> {
                 if constexpr (std::is_same_v<Value, Decimal256>) {
                   return std::make_shared<ScalarType>(whole, type.GetSharedPtr());
                 } else {
                   const auto& words = whole.little_endian_array();
                   return std::make_shared<ScalarType>(
                       Value(static_cast<int64_t>(words[1]), words[0]), type.GetSharedPtr());
                 }
               });
}

/// A float's own value, which is a whole number.
Result<ExactNumber> Whole(double value) {
  char digits[512];
  const auto end =
      std::to_chars(digits, digits + sizeof(digits), value, std::chars_format::fixed, 0);
  return ExactNumber::Parse(std::string_view(digits, end.ptr));
}

template <class Float, class ScalarType>
Result<PlacedLiteral> AmongFloats(const Literal& literal, const ExactNumber& number,
                                  const arrow::DataType& type) {
  Float value = 0;
  const char* end = literal.text.data() + literal.text.size();
  const auto parsed = std::from_chars(literal.text.data(), end, value);
  // Too large or too small: errors, and zeros that the number is not.
  if (parsed.ec != std::errc() || !std::isfinite(value) || (value == 0 && number.sign() != 0)) {
    return Misfit(literal, type, "the number is beyond what the type holds");
  }
  PlacedLiteral placed{Place::kExact, std::make_shared<ScalarType>(value)};
  if (literal.text.find_first_of(".eE") != std::string::npos) return placed;
  ARROW_ASSIGN_OR_RAISE(const ExactNumber nearest, Whole(value));
  if (nearest < number) placed.place = Place::kAfter;
  if (nearest > number) placed.place = Place::kBefore;
  return placed;
}

Result<PlacedLiteral> PlaceNumber(const Literal& literal, const arrow::DataType& type) {
  ARROW_ASSIGN_OR_RAISE(const ExactNumber number, ExactNumber::Parse(literal.text));
  const bool positive = number.sign() > 0;
  switch (type.id()) {
    case arrow::Type::INT8:
      return AmongIntegers<arrow::Int8Scalar, int8_t>(number.FloorAt(0), positive, type);
    case arrow::Type::INT16:
      return AmongIntegers<arrow::Int16Scalar, int16_t>(number.FloorAt(0), positive, type);
    case arrow::Type::INT32:
      return AmongIntegers<arrow::Int32Scalar, int32_t>(number.FloorAt(0), positive, type);
    case arrow::Type::INT64:
      return AmongIntegers<arrow::Int64Scalar, int64_t>(number.FloorAt(0), positive, type);
    case arrow::Type::UINT8:
      return AmongIntegers<arrow::UInt8Scalar, uint8_t>(number.FloorAt(0), positive, type);
    case arrow::Type::UINT16:
      return AmongIntegers<arrow::UInt16Scalar, uint16_t>(number.FloorAt(0), positive, type);
    case arrow::Type::UINT32:
      return AmongIntegers<arrow::UInt32Scalar, uint32_t>(number.FloorAt(0), positive, type);
    case arrow::Type::UINT64:
      return AmongIntegers<arrow::UInt64Scalar, uint64_t>(number.FloorAt(0), positive, type);
    case arrow::Type::FLOAT:
      return AmongFloats<float, arrow::FloatScalar>(literal, number, type);
    case arrow::Type::DOUBLE:
      return AmongFloats<double, arrow::DoubleScalar>(literal, number, type);
    case arrow::Type::DECIMAL128:
      return AmongDecimals<arrow::Decimal128Scalar, arrow::Decimal128Type, arrow::Decimal128>(
          number, type);
    case arrow::Type::DECIMAL256:
      return AmongDecimals<arrow::Decimal256Scalar, arrow::Decimal256Type, Decimal256>(number,
                                                                                       type);
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
      return Misfit(literal, type, "write it as a text: '...'");
    default:
      return Misfit(literal, type);
  }
}

int64_t NanosecondsOf(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return 1'000'000'000;
    case arrow::TimeUnit::MILLI:
      return 1'000'000;
    case arrow::TimeUnit::MICRO:
      return 1'000;
    default:
      return 1;
  }
}

/// days * per_day + nanoseconds, in units of `unit` nanoseconds.
Floor FloorOfTime(int64_t days, int64_t nanoseconds, int64_t unit) {
  const int64_t rest = nanoseconds % unit;
  const int64_t whole = nanoseconds / unit - (rest < 0);
  constexpr int64_t kDay = 86'400'000'000'000;
  return {Decimal256(days) * Decimal256(kDay / unit) + Decimal256(whole), rest == 0};
}

Result<PlacedLiteral> PlaceMoment(const Literal& literal, const arrow::DataType& type) {
  const bool date = type.id() == arrow::Type::DATE32;
  const auto moment = ParseMoment(literal.text);
  if (!moment) {
    return Error(ErrorKind::kBadInput, "'", Shortened(literal.text), "' is no ",
                 date ? "date" : "timestamp", "; write 2024-01-31",
                 date ? "" : " or 2024-01-31 10:00:00");
  }
  if (literal.kind == Literal::Kind::kDate && moment->has_time) {
    return Error(ErrorKind::kBadInput, "'", Shortened(literal.text),
                 "' has a time of day; write TIMESTAMP before it, not DATE");
  }
  const bool zoned = !date && !static_cast<const arrow::TimestampType&>(type).timezone().empty();
  if (moment->has_zone && !zoned) {
    return Misfit(
        literal, type,
        "the column has no time zone, so '" + Shortened(literal.text) + "' must be without one");
  }
  if (date) {
    const Floor floor = {Decimal256(moment->days), moment->nanoseconds == 0};
    return AmongIntegers<arrow::Date32Scalar, int32_t>(floor, true, type);
  }
  const auto unit = NanosecondsOf(static_cast<const arrow::TimestampType&>(type).unit());
  return AmongIntegers<arrow::TimestampScalar, int64_t>(
      FloorOfTime(moment->days, moment->nanoseconds, unit), true, type);
}

Result<PlacedLiteral> PlaceTimeOfDay(const Literal& literal, const arrow::DataType& type) {
  const auto nanoseconds = ParseTimeOfDay(literal.text);
  if (!nanoseconds) {
    return Error(ErrorKind::kBadInput, "'", Shortened(literal.text),
                 "' is no time of day; write 10:00 or 10:00:00.5");
  }
  const auto unit = NanosecondsOf(static_cast<const arrow::TimeType&>(type).unit());
  const Floor floor = FloorOfTime(0, *nanoseconds, unit);
  return type.id() == arrow::Type::TIME32
             ? AmongIntegers<arrow::Time32Scalar, int32_t>(floor, true, type)
             : AmongIntegers<arrow::Time64Scalar, int64_t>(floor, true, type);
}

/// The 16 bytes of "01234567-89ab-cdef-0123-456789abcdef", dashes or not; empty when it is none.
std::string UuidBytes(std::string_view text) {
  std::string bytes;
  int digits = 0, value = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '-') {
      if (text.size() != 36 || (i != 8 && i != 13 && i != 18 && i != 23)) return "";
      continue;
    }
    int digit = 0;
    if (std::from_chars(&text[i], &text[i] + 1, digit, 16).ec != std::errc()) return "";
    value = value * 16 + digit;
    if (++digits % 2 == 0) {
      bytes += static_cast<char>(value);
      value = 0;
    }
  }
  return digits == 32 ? bytes : "";
}

Result<PlacedLiteral> PlaceFixedBytes(const Literal& literal, std::string bytes,
                                      const arrow::DataType& type, int32_t width) {
  if (bytes.size() != static_cast<size_t>(width)) {
    return Misfit(literal, type,
                  "the column holds " + std::to_string(width) + " bytes, these are " +
                      std::to_string(bytes.size()));
  }
  return PlacedLiteral{Place::kExact, std::make_shared<arrow::FixedSizeBinaryScalar>(
                                          arrow::Buffer::FromString(std::move(bytes)),
                                          arrow::fixed_size_binary(width))};
}

Result<PlacedLiteral> PlaceUuid(const Literal& literal, const arrow::DataType& type) {
  if (literal.kind == Literal::Kind::kBytes) {
    return PlaceFixedBytes(literal, literal.text, type, 16);
  }
  if (literal.kind != Literal::Kind::kText) return Misfit(literal, type);
  std::string bytes = UuidBytes(literal.text);
  if (bytes.empty()) {
    return Error(ErrorKind::kBadInput, "'", Shortened(literal.text),
                 "' is no UUID; write 32 hexadecimal digits, with or without dashes");
  }
  return PlaceFixedBytes(literal, std::move(bytes), type, 16);
}

}  // namespace

std::string Describe(const Literal& literal) {
  switch (literal.kind) {
    case Literal::Kind::kNull:
      return "null";
    case Literal::Kind::kBool:
      return literal.value ? "true" : "false";
    case Literal::Kind::kNumber:
      return "the number " + Shortened(literal.text);
    case Literal::Kind::kText:
      return "a text";
    case Literal::Kind::kBytes:
      return "X'...'";
    case Literal::Kind::kDate:
      return "a date";
    case Literal::Kind::kTime:
      return "a time of day";
    case Literal::Kind::kTimestamp:
      return "a timestamp";
  }
  return "a value";
}

Result<PlacedLiteral> PlaceLiteral(const Literal& literal, const arrow::DataType& type) {
  using Kind = Literal::Kind;
  if (literal.kind == Kind::kNumber) return PlaceNumber(literal, type);
  const bool text = literal.kind == Kind::kText;
  const auto exact = [](std::shared_ptr<arrow::Scalar> scalar) {
    return PlacedLiteral{Place::kExact, std::move(scalar)};
  };
  switch (type.id()) {
    case arrow::Type::BOOL:
      if (literal.kind != Kind::kBool) break;
      return exact(std::make_shared<arrow::BooleanScalar>(literal.value));
    case arrow::Type::STRING:
      if (!text) break;
      return exact(std::make_shared<arrow::StringScalar>(literal.text));
    case arrow::Type::LARGE_STRING:
      if (!text) break;
      return exact(std::make_shared<arrow::LargeStringScalar>(literal.text));
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::FIXED_SIZE_BINARY:
      if (text) return Misfit(literal, type, "write its bytes as X'...'");
      if (literal.kind != Kind::kBytes) break;
      if (type.id() == arrow::Type::FIXED_SIZE_BINARY) {
        return PlaceFixedBytes(literal, literal.text, type,
                               static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width());
      }
      if (type.id() == arrow::Type::BINARY) {
        return exact(std::make_shared<arrow::BinaryScalar>(literal.text));
      }
      return exact(
          std::make_shared<arrow::LargeBinaryScalar>(arrow::Buffer::FromString(literal.text)));
    case arrow::Type::DATE32:
    case arrow::Type::TIMESTAMP:
      if (!text && literal.kind != Kind::kDate && literal.kind != Kind::kTimestamp) break;
      return PlaceMoment(literal, type);
    case arrow::Type::TIME32:
    case arrow::Type::TIME64:
      if (!text && literal.kind != Kind::kTime) break;
      return PlaceTimeOfDay(literal, type);
    case arrow::Type::EXTENSION:
      if (type.Equals(*arrow::extension::uuid())) return PlaceUuid(literal, type);
      break;
    default:
      if (arrow::is_integer(type.id()) || arrow::is_floating(type.id()) ||
          arrow::is_decimal(type.id())) {
        if (text) return Misfit(literal, type, "write the number without quotes");
      }
  }
  return Misfit(literal, type);
}

}  // namespace tarn::predicate
