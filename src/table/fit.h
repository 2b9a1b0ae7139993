// SPDX-License-Identifier: Apache-2.0
//
// Making Arrow data fit a schema: what a writer does with a batch, and what a reader does with the
// columns of a file that is older than the table's schema.
#pragma once

#include <cstdint>
#include <map>
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

/// What stands in every row of a field that the data lacks, by the field's id; of the field's type.
using FillValues = std::map<int32_t, std::shared_ptr<arrow::Scalar>>;

/// The array as `target` wants it, at any depth: children paired as `by` says, missing children
/// filled from `fill` (by id only), else null where they are optional, numbers widened (integers
/// also narrowed where every value fits). By id the forms in which other engines write a type are
/// taken too: times in other units, text and UUIDs without an annotation. Columns of the data that
/// the target lacks are kBadInput by name and left out by id. Data that does not fit is kBadInput
/// by name, kCorrupt by id; both name `path` (and the row, for a null under a required field).
/// Nothing is copied where the data fits already.
Result<std::shared_ptr<arrow::Array>> FitArray(const std::shared_ptr<arrow::Array>& array,
                                               const arrow::Field& source,
                                               const arrow::Field& target, FitBy by,
                                               const std::string& path,
                                               const FillValues* fill = nullptr);

/// All columns of a batch. The result has exactly the target's schema.
Result<std::shared_ptr<arrow::RecordBatch>> FitBatch(const arrow::RecordBatch& batch,
                                                     const std::shared_ptr<arrow::Schema>& target,
                                                     FitBy by, const FillValues* fill = nullptr);

}  // namespace tarn
