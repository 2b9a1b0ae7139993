// SPDX-License-Identifier: Apache-2.0
//
// A number as it is written: any size, no rounding.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "arrow/util/decimal.h"
#include "tarn/status.h"

namespace tarn::predicate {

/// The largest whole number that is not above a value, and whether it is the value.
struct Floor {
  arrow::Decimal256 whole;
  bool exact = true;
};

class ExactNumber {
 public:
  /// [-]digits[.digits][e[+-]digits]. kBadInput for more than 1,000 digits or an exponent beyond
  /// 10,000.
  static Result<ExactNumber> Parse(std::string_view text);

  /// -1, 0 or 1.
  int sign() const { return digits_.empty() ? 0 : negative_ ? -1 : 1; }

  /// The floor of value * 10^scale; nullopt when it has more than 76 digits.
  std::optional<Floor> FloorAt(int32_t scale) const;

  friend std::strong_ordering operator<=>(const ExactNumber& a, const ExactNumber& b);
  friend bool operator==(const ExactNumber& a, const ExactNumber& b) { return (a <=> b) == 0; }

 private:
  bool negative_ = false;
  std::string digits_;    ///< without zeros at either end; empty for 0
  int64_t exponent_ = 0;  ///< the value is digits * 10^exponent
};

}  // namespace tarn::predicate
