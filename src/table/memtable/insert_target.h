// SPDX-License-Identifier: Apache-2.0
//
// InsertTarget: what a memtable makes batches fit, as it last knew the table.
#pragma once

#include <memory>
#include <vector>

#include "iceberg/schema.h"
#include "table/ledger/batch_ledger.h"
#include "tarn/catalog.h"

namespace tarn {

/// Immutable once it is shared.
struct InsertTarget {
  iceberg::Schema schema;  ///< without fields until the table, or the first batch, gives them
  bool of_table = false;   ///< it is the table's
  std::vector<VectorStoragePolicy> policies;
  BatchLedger ledger;

  /// Errors as CheckWritable, CurrentProperties and BatchLedger::Of.
  static Result<std::shared_ptr<const InsertTarget>> Of(const TableState& state);
};

}  // namespace tarn
