// SPDX-License-Identifier: Apache-2.0
//
// JsonRows: lines of JSON as rows of a table. What `tarn scan --json` prints can be read back:
// dates and times are ISO 8601 texts, binary values base64, decimals numbers or texts, maps lists
// of {"key", "value"}.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"
#include "cli/line_pieces.h"
#include "tarn/status.h"

namespace tarn::cli {

/// Immutable.
class JsonRows {
 public:
  /// Rows of a table with this schema. Fields that a row lacks are null; others are an error.
  explicit JsonRows(std::shared_ptr<arrow::Schema> schema);

  /// Rows of a table that has no columns yet, as the lines suggest: whole numbers are int64, others
  /// double, and texts remain texts, whatever they say; a field that is null in all of them is
  /// text. `vectors` are columns of lists of floats.
  static Result<JsonRows> Infer(const LinePiece& lines, const std::vector<std::string>& vectors);

  /// One row a line. kBadInput names the first line that is none.
  Result<std::shared_ptr<arrow::RecordBatch>> Read(const LinePiece& lines) const;

  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }

 private:
  std::shared_ptr<arrow::Schema> schema_;
  std::shared_ptr<arrow::Schema> json_schema_;  ///< what JSON can say of it
};

}  // namespace tarn::cli
