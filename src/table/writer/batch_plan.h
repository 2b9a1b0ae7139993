// SPDX-License-Identifier: Apache-2.0
//
// From what a caller hands to a TableWriter to what a file writer takes: vector columns pulled out
// and checked, all other columns as the table's schema has them.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "arrow/type_fwd.h"
#include "iceberg/schema.h"
#include "tarn/ailake_file.h"
#include "tarn/table_writer.h"

namespace tarn {

/// A batch ready to be written as one file. Views point into the caller's memory.
struct BatchPlan {
  iceberg::Schema schema;                       ///< the table's, or the one this batch gives it
  std::shared_ptr<arrow::RecordBatch> columns;  ///< all but the vector columns, with field ids
  std::vector<VectorColumn> vectors;  ///< one for each of the table's policies, in their order
};

/// `policies`: the table's. `schema`: the table's, without fields when it has none yet. `given`:
/// vector columns handed over beside the batch; the others are taken from the batch's list columns,
/// or are null where it has none. kBadInput names the column that does not fit; the values of
/// vectors are checked by the file writer.
Result<BatchPlan> PlanBatch(const arrow::RecordBatch& batch, std::span<const VectorColumn> given,
                            std::span<const VectorStoragePolicy> policies,
                            const iceberg::Schema& schema, OnBadVectors on_bad_vectors);

}  // namespace tarn
