// SPDX-License-Identifier: Apache-2.0
//
// Comparisons as Arrow expressions. All are null where one side is; errors are kBadInput, without a
// position.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/compute/expression.h"
#include "arrow/type_fwd.h"
#include "table/predicate/column_lookup.h"
#include "table/predicate/literal_place.h"
#include "table/predicate/predicate_syntax.h"

namespace tarn::predicate {

/// a < b is b > a.
Comparison Mirrored(Comparison comparison);

/// Null, as a condition.
arrow::compute::Expression NullCondition();

/// A column beside a literal that is not null, by their values: `year < 2020.5` is `year <= 2020`,
/// and an eight-bit column is never 300. NaN is unequal to every number, and neither less nor
/// greater.
Result<arrow::compute::Expression> CompareWith(const ColumnRef& column, Comparison comparison,
                                               const Literal& literal);

/// Two columns of one type, or of two numeric types that a third holds both of without loss.
Result<arrow::compute::Expression> CompareColumns(const ColumnRef& left, Comparison comparison,
                                                  const ColumnRef& right);

/// Two literals of one kind, neither null.
Result<arrow::compute::Expression> CompareLiterals(const Literal& left, Comparison comparison,
                                                   const Literal& right);

/// [NOT] LIKE: % stands for any text, _ for one character, and what follows `escape` for itself.
Result<arrow::compute::Expression> MatchLike(const ColumnRef& column, std::string_view pattern,
                                             const std::optional<std::string>& escape);

/// The list of IN.
class ValueSet {
 public:
  /// `column` must outlive the set.
  explicit ValueSet(const ColumnRef& column) : column_(column) {}
  Status Add(const Literal& literal);
  /// True for values of the list; else null where the list has a null, false where it has none.
  Result<arrow::compute::Expression> Contains() const;

 private:
  const ColumnRef& column_;
  std::vector<std::shared_ptr<arrow::Scalar>> values_;
  bool has_null_ = false;
};

}  // namespace tarn::predicate
