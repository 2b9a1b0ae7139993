// SPDX-License-Identifier: Apache-2.0
//
// Translator from Iceberg's single values to Arrow scalars: the values of columns that a file
// lacks.
#pragma once

#include <memory>

#include "arrow/type_fwd.h"
#include "iceberg/partition.h"
#include "iceberg/schema.h"
#include "iceberg/value.h"
#include "table/fit.h"

namespace tarn {

/// A value of a column as the column's Arrow type has it: null for monostate. A value of a narrower
/// type, from before the column was widened, is taken. kCorrupt when it has another type.
Result<std::shared_ptr<arrow::Scalar>> ToArrowScalar(const iceberg::Value& value,
                                                     const std::shared_ptr<arrow::DataType>& type);

/// The initial defaults of the fields at any depth, by field id. Errors as InitialDefault.
Result<FillValues> DefaultsOf(const std::vector<iceberg::NestedField>& fields);

/// Adds what a file's partition says of columns that the file itself may lack: the values of
/// identity fields, which come before defaults. `values` are one for each field of the spec.
Status AddPartitionValues(const iceberg::PartitionSpec& spec,
                          const std::vector<iceberg::Value>& values, const iceberg::Schema& schema,
                          FillValues* fill);

}  // namespace tarn
