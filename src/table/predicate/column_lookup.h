// SPDX-License-Identifier: Apache-2.0
//
// The columns that a predicate may name.
#pragma once

#include <string>
#include <vector>

#include "arrow/compute/expression.h"
#include "arrow/type_fwd.h"
#include "tarn/status.h"

namespace tarn::predicate {

/// A column, or a field of a struct column.
struct ColumnRef {
  std::string name;  ///< as a message shows it
  arrow::compute::Expression expression;
  std::shared_ptr<arrow::DataType> type;
};

/// kBadInput, without position: there is no such column, and which one is nearest; a name that is
/// there twice; a field of what is no struct.
Result<ColumnRef> FindColumn(const arrow::Schema& schema, const std::vector<std::string>& path);

}  // namespace tarn::predicate
