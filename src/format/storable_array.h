// SPDX-License-Identifier: Apache-2.0
//
// Arrow data -> the form that is stored (storable_schema.h). Nothing is copied where the data
// already has that form; no value is changed in meaning, or the call fails.
#pragma once

#include <memory>
#include <string>

#include "arrow/type_fwd.h"
#include "tarn/status.h"

namespace tarn::format {

/// Converts an array (sliced or not) to the type of a storable field. kBadInput names `path`, or
/// the path of the nested field, for a value that cannot be stored exactly (a timestamp with
/// nanoseconds, an overflow, text that is not UTF-8), for a null under a required field, and for
/// another type than the field's own or one that is stored as it.
Result<std::shared_ptr<arrow::Array>> ToStorable(const std::shared_ptr<arrow::Array>& array,
                                                 const arrow::Field& stored,
                                                 const std::string& path);

/// Every column of the batch; `stored` has the batch's fields in the batch's order.
Result<std::shared_ptr<arrow::RecordBatch>> ToStorableBatch(
    const arrow::RecordBatch& batch, const std::shared_ptr<arrow::Schema>& stored);

/// Every column of the table, chunk by chunk.
Result<std::shared_ptr<arrow::Table>> ToStorableTable(const arrow::Table& table,
                                                      const std::shared_ptr<arrow::Schema>& stored);

}  // namespace tarn::format
