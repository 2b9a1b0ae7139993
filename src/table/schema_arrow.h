// SPDX-License-Identifier: Apache-2.0
//
// Translator between Iceberg's schemas and Arrow's. The Arrow side is the storable form
// (format/storable_schema.h) with field ids in the metadata of every node.
#pragma once

#include <memory>
#include <span>

#include "arrow/type_fwd.h"
#include "iceberg/schema.h"
#include "tarn/types.h"

namespace tarn {

/// The schema of a new table: the columns of a storable Arrow schema, then one optional list<float>
/// for each vector column, with fresh ids. kBadInput when a vector column is named like another
/// one.
Result<iceberg::Schema> NewTableSchema(const arrow::Schema& storable,
                                       std::span<const VectorStoragePolicy> vectors);

/// Any Iceberg schema as Arrow. kNotSupported names the column of a type that this version cannot
/// read.
Result<std::shared_ptr<arrow::Schema>> ToArrowSchema(const iceberg::Schema& schema);
Result<std::shared_ptr<arrow::Field>> ToArrowField(const iceberg::NestedField& field);

}  // namespace tarn
