// SPDX-License-Identifier: Apache-2.0
//
// CurrentProperties: a table's properties with the vector policies of the columns that it has now.
//
// A policy names its column. `tarn alter` keeps the two in step; another engine that renames or
// drops a vector column knows nothing of policies. The table's older schemas still tell which field
// id the name had, and so what the column is called today, or that it is gone.
#pragma once

#include "iceberg/table_metadata.h"
#include "tarn/catalog.h"

namespace tarn {

/// kCorrupt as TableProperties::FromIceberg. A policy whose column no schema knows stays as it is.
/// Where a renamed column took the name of another vector column, its own policy counts.
Result<TableProperties> CurrentProperties(const iceberg::TableMetadata& metadata);

}  // namespace tarn
