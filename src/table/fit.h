// SPDX-License-Identifier: Apache-2.0
//
// Making Arrow data fit a schema: what a writer does with a batch, and what a reader does with the
// columns of a file that is older than the table's schema.
#pragma once

#include <memory>
#include <string>

#include "arrow/type_fwd.h"
#include "tarn/status.h"

namespace tarn {

/// How fields of the data and of the target are paired.
enum class FitBy {
  kName,     ///< data that comes from users
  kFieldId,  ///< data that comes from files of the table
};

/// The array as `target` wants it, at any depth: children paired as `by` says, missing optional
/// children null, numbers widened (integers also narrowed where every value fits). Columns of the
/// data that the target lacks are kBadInput by name and left out by id. kBadInput names `path` (and
/// the row, for a null under a required field). Nothing is copied where the data fits already.
Result<std::shared_ptr<arrow::Array>> FitArray(const std::shared_ptr<arrow::Array>& array,
                                               const arrow::Field& source,
                                               const arrow::Field& target, FitBy by,
                                               const std::string& path);

/// All columns of a batch. The result has exactly the target's schema.
Result<std::shared_ptr<arrow::RecordBatch>> FitBatch(const arrow::RecordBatch& batch,
                                                     const std::shared_ptr<arrow::Schema>& target,
                                                     FitBy by);

}  // namespace tarn
