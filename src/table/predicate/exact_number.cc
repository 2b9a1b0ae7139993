// SPDX-License-Identifier: Apache-2.0
#include "table/predicate/exact_number.h"

#include <charconv>

namespace tarn::predicate {
namespace {

constexpr size_t kMaxDigits = 1000;
constexpr int64_t kMaxExponent = 10'000;
constexpr int64_t kDecimalDigits = 76;

}  // namespace

Result<ExactNumber> ExactNumber::Parse(std::string_view text) {
  ExactNumber number;
  if (text.starts_with('-')) {
    number.negative_ = true;
    text.remove_prefix(1);
  }
  size_t at = 0;
  bool after_point = false;
  for (; at < text.size() && text[at] != 'e' && text[at] != 'E'; ++at) {
    if (text[at] == '.') {
      after_point = true;
      continue;
    }
    number.digits_ += text[at];
    number.exponent_ -= after_point;
  }
  if (number.digits_.size() > kMaxDigits) {
    return Error(ErrorKind::kBadInput, "a number has more than ", kMaxDigits, " digits");
  }
  if (at < text.size()) {
    std::string_view written = text.substr(at + 1);
    if (written.starts_with('+')) written.remove_prefix(1);
    int64_t exponent = 0;
    const auto end = written.data() + written.size();
    if (std::from_chars(written.data(), end, exponent).ec != std::errc() ||
        exponent > kMaxExponent || exponent < -kMaxExponent) {
      return Error(ErrorKind::kBadInput, "the exponent of a number is beyond ", kMaxExponent);
    }
    number.exponent_ += exponent;
  }
  const size_t last = number.digits_.find_last_not_of('0');
  if (last == std::string::npos) return ExactNumber();
  number.exponent_ += static_cast<int64_t>(number.digits_.size() - last - 1);
  number.digits_.resize(last + 1);
  number.digits_.erase(0, number.digits_.find_first_not_of('0'));
  return number;
}

std::optional<Floor> ExactNumber::FloorAt(int32_t scale) const {
  if (digits_.empty()) return Floor{};
  const int64_t length = static_cast<int64_t>(digits_.size()) + exponent_ + scale;
  if (length > kDecimalDigits) return std::nullopt;
  std::string kept = "0";
  if (length > 0) {
    kept = digits_.substr(0, static_cast<size_t>(length));
    kept.resize(static_cast<size_t>(length), '0');
  }
  auto whole = arrow::Decimal256::FromString(kept);
  if (!whole.ok()) return std::nullopt;
  Floor floor{*whole, length >= static_cast<int64_t>(digits_.size())};
  if (negative_) {
    floor.whole.Negate();
    if (!floor.exact) floor.whole -= arrow::Decimal256(1);
  }
  return floor;
}

std::strong_ordering operator<=>(const ExactNumber& a, const ExactNumber& b) {
  if (a.sign() != b.sign()) return a.sign() <=> b.sign();
  if (a.sign() == 0) return std::strong_ordering::equal;
  // The place of the first digit decides, then the digits: neither has zeros in front.
  const auto places = [](const ExactNumber& n) {
    return static_cast<int64_t>(n.digits_.size()) + n.exponent_;
  };
  auto order = places(a) <=> places(b);
  if (order == 0) order = a.digits_.compare(b.digits_) <=> 0;
  return a.negative_ ? 0 <=> order : order;
}

}  // namespace tarn::predicate
