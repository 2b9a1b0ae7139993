// SPDX-License-Identifier: Apache-2.0
//
// The columns of a data file under the table's field ids: those that the file brings, or, where it
// brings none (files that were written before they were added to a table), those of the table's
// name mapping.
#pragma once

#include <memory>
#include <optional>

#include "arrow/type_fwd.h"
#include "iceberg/name_mapping.h"

namespace tarn {

/// `file` with a field id on every node that stands for a field of the table. As the reference
/// implementation does, a mapping is used only where no node of the file has an id; then nodes that
/// it does not name have none. kNotSupported for a file without ids where there is no mapping:
/// columns by position, or by names that may have changed, could be taken for each other.
Result<std::shared_ptr<arrow::Schema>> WithFieldIds(
    const std::shared_ptr<arrow::Schema>& file, const std::optional<iceberg::NameMapping>& mapping);

}  // namespace tarn
