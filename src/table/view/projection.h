// SPDX-License-Identifier: Apache-2.0
//
// The columns of a file as a table's schema sees them: paired by field id, so that renamed,
// reordered, widened, added and dropped columns come out right in older files.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"
#include "table/fit.h"
#include "tarn/status.h"

namespace tarn {

struct Projection {
  std::shared_ptr<arrow::Schema> target;  ///< the asked columns, in the asked order
  std::shared_ptr<arrow::Schema> source;  ///< what to read of the file, with field ids
  FillValues fill;                        ///< of fields that the file lacks

  /// `file` has field ids (file_schema.h); columns of it without one are none of the table's.
  static Result<Projection> Make(std::shared_ptr<arrow::Schema> target, const arrow::Schema& file,
                                 FillValues fill);

  /// The names of what to read.
  std::vector<std::string> file_columns() const;
  /// What was read, as `target`. `rows`: number of rows, for files that have none of the columns.
  Result<std::shared_ptr<arrow::RecordBatch>> Apply(const arrow::Table& read, int64_t rows) const;
};

/// The named columns of a schema, all when none are named. kBadInput for an unknown name.
Result<std::shared_ptr<arrow::Schema>> SelectColumns(const arrow::Schema& schema,
                                                     const std::vector<std::string>& names);

/// The top-level column of `file` with that id; nullptr when it has none.
Result<std::shared_ptr<arrow::Field>> FindColumnById(const arrow::Schema& file, int32_t field_id);

}  // namespace tarn
