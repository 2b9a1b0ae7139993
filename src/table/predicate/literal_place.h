// SPDX-License-Identifier: Apache-2.0
//
// Where a literal lies among the values that a column can hold.
#pragma once

#include <memory>

#include "arrow/type_fwd.h"
#include "table/predicate/predicate_syntax.h"

namespace tarn::predicate {

/// Not every number is a value of every column: 1.5 lies between two integers, 300 above all that
/// eight bits hold. Comparisons with them still have one right answer.
enum class Place {
  kExact,     ///< the literal is `scalar`
  kAfter,     ///< between `scalar` and the next larger value
  kBefore,    ///< between `scalar` and the next smaller value
  kAboveAll,  ///< no `scalar`
  kBelowAll,  ///< no `scalar`
};

struct PlacedLiteral {
  Place place = Place::kExact;
  std::shared_ptr<arrow::Scalar> scalar;  ///< of the column's type; of a uuid's storage
};

/// The place of a literal that is not null. Numbers among integers and decimals, and whole numbers
/// among floats, are placed exactly; other numbers are rounded to the nearest float, as everywhere.
/// Times finer than the column's unit lie between its values; those without a zone are UTC where
/// the column has one. kBadInput, without position: the type holds no such literal.
Result<PlacedLiteral> PlaceLiteral(const Literal& literal, const arrow::DataType& type);

/// What a message calls the literal: "the number 5", "a date".
std::string Describe(const Literal& literal);

}  // namespace tarn::predicate
