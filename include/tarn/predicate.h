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
/// numbers, 'text', true, false, null, DATE '2024-01-31', TIMESTAMP '2024-01-31 10:00:00', X'00ff';
/// they take the type of the column beside them, and one that the column's type cannot hold is
/// refused. Operators: = <> != < <= > >= [NOT] IN, [NOT] BETWEEN, [NOT] LIKE, IS [NOT] NULL, AND,
/// OR, NOT and parentheses.
///
/// kBadInput says where in the text and what was expected; an unknown column is named, with the
/// nearest one that there is.
Result<arrow::compute::Expression> ParsePredicate(std::string_view text,
                                                  const arrow::Schema& schema);

}  // namespace tarn
