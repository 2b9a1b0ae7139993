// SPDX-License-Identifier: Apache-2.0
//
// Predicates as text: the conditions of a SQL WHERE clause over the columns of one table.
#pragma once

#include <string_view>

#include "arrow/type_fwd.h"
#include "tarn/status.h"

namespace arrow::compute {
class Expression;
}

namespace tarn {

/// The Arrow expression of a condition such as
///   lang = 'en' AND (year >= 2020 OR NOT draft) AND id IN (1, 2, 3) AND title IS NOT NULL
/// with SQL's meaning: comparisons with null are null, and a row counts only where the whole is
/// true. Columns are named as they are or "in quotes"; fields of structs with dots. Literals are
/// numbers, 'text', true, false, null, DATE '2024-01-31', TIME '10:00', TIMESTAMP '2024-01-31
/// 10:00:00', X'00ff'. Operators: = <> != < <= > >= [NOT] IN, [NOT] BETWEEN, [NOT] LIKE [ESCAPE],
/// IS [NOT] NULL, AND, OR, NOT and parentheses. LIKE has no escape character but the one named.
///
/// A literal takes the type of the column beside it: a text is read as the date, time, timestamp or
/// UUID that the column holds, a timestamp without a zone as UTC where the column has one. Numbers
/// are compared by their value: `year < 2020.5` is `year <= 2020`, and an 8-bit column is never
/// 300. Beside a float, numbers with a point or an exponent are rounded to the nearest one. A NaN
/// is unequal to every number and neither less nor greater. Columns are compared with columns where
/// one type holds the values of both.
///
/// kBadInput says where in the text and what was expected: an unknown column, with the nearest one
/// that there is; a literal that the column's type cannot take; more than 128 nested parentheses;
/// more than a mebibyte of text.
Result<arrow::compute::Expression> ParsePredicate(std::string_view text,
                                                  const arrow::Schema& schema);

}  // namespace tarn
