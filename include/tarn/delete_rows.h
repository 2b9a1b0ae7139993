// SPDX-License-Identifier: Apache-2.0
//
// Deleting rows by what they hold.
#pragma once

#include <cstdint>
#include <memory>

#include "tarn/catalog.h"
#include "tarn/types.h"

namespace arrow::compute {
class Expression;
}

namespace tarn {

struct DeleteRowsResult {
  SnapshotId snapshot;        ///< the new one; the current one when no row matched
  int64_t rows = 0;           ///< that were live and are not any more
  int64_t removed_files = 0;  ///< whose last live rows these were: taken out of the table whole
};

/// Deletes the rows for which `predicate` is true (neither false nor null), in one commit: those of
/// exactly the version of the table that the commit replaces, so that of two racing commits one
/// counts as the first. Files whose rows all go are removed; of the others the rows are marked by
/// position deletes, which every engine reads. Nothing matches: no commit.
///
/// `predicate` names columns of the table's schema, not by their numbers. kBadInput: an unknown
/// column, a predicate that is not boolean. kNotSupported: a table of another format version than
/// 2. Safe beside any other writer; kCommitStateUnknown: what happened could not be found out,
/// nothing was deleted from the store, and calling again is safe.
Result<DeleteRowsResult> DeleteRows(std::shared_ptr<CatalogProvider> catalog,
                                    const TableIdent& table,
                                    const arrow::compute::Expression& predicate);

}  // namespace tarn
