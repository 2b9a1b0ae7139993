// SPDX-License-Identifier: Apache-2.0
//
// The columns of a file as a table's schema sees them: paired by field id, so that renamed,
// reordered and added columns of older files come out right.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"
#include "tarn/status.h"

namespace tarn {

struct Projection {
  std::shared_ptr<arrow::Schema> target;  ///< the asked columns, in the asked order
  std::vector<std::string> file_columns;  ///< what to read of the file

  /// `asked`: names of the table's columns, all when empty (kBadInput for an unknown one).
  /// kNotSupported for a file whose columns have no field ids.
  static Result<Projection> Make(const arrow::Schema& table, const arrow::Schema& file,
                                 const std::vector<std::string>& asked);

  /// What was read, as `target`. `rows`: number of rows, for files that have none of the columns.
  Result<std::shared_ptr<arrow::RecordBatch>> Apply(const arrow::Table& read, int64_t rows) const;
};

/// The named columns of a schema, all when none are named. kBadInput for an unknown name.
Result<std::shared_ptr<arrow::Schema>> SelectColumns(const arrow::Schema& schema,
                                                     const std::vector<std::string>& names);

}  // namespace tarn
