// SPDX-License-Identifier: Apache-2.0
//
// RowPredicate: a condition on the rows of a table, bound to the table's columns.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "arrow/compute/expression.h"
#include "arrow/type_fwd.h"
#include "tarn/status.h"

namespace tarn {

/// Immutable and thread-safe.
class RowPredicate {
 public:
  /// `schema`: the table's. kBadInput: an unknown column, a predicate that is not boolean or looks
  /// at more than one row at a time.
  static Result<RowPredicate> Bind(const arrow::compute::Expression& predicate,
                                   const arrow::Schema& schema);

  /// The columns that it reads; at least one where the table has any.
  const std::vector<std::string>& columns() const { return columns_; }
  const arrow::compute::Expression& bound() const { return bound_; }

  /// The rows of a batch with these columns, in their order, for which it is true (neither false
  /// nor null): bit r % 64 of word r / 64 stands for row r. `where` is named by errors.
  Result<std::vector<uint64_t>> TrueRows(const arrow::RecordBatch& batch,
                                         const std::string& where) const;

 private:
  RowPredicate() = default;

  std::vector<std::string> columns_;
  arrow::compute::Expression bound_;
  std::string text_;
};

/// Bits that are numbered among the rows of `live`, at the positions of these rows.
std::vector<uint64_t> AtPositions(const std::vector<uint64_t>& bits,
                                  const std::vector<uint64_t>& live);

}  // namespace tarn
