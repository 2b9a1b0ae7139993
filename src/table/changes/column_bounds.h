// SPDX-License-Identifier: Apache-2.0
//
// Whether a file can hold a row for which a predicate is true, by what its manifest entry says of
// its columns.
#pragma once

#include "iceberg/manifest.h"
#include "iceberg/schema.h"
#include "table/view/row_predicate.h"

namespace tarn {

/// False only when no row of the file can match, deleted rows included. `schema`: the table's, that
/// the predicate is bound to. Looks into AND, OR, comparisons of a top-level column with a literal,
/// IN, IS NULL and IS NOT NULL; all else may be true of any row. Pure: nothing is read.
bool MayMatch(const RowPredicate& predicate, const iceberg::Schema& schema,
              const iceberg::DataFile& file);

}  // namespace tarn
