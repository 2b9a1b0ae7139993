// SPDX-License-Identifier: Apache-2.0
//
// EmbeddingsView: the embeddings of a batch, as a view of floats that somebody else owns.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"
#include "tarn/types.h"

namespace tarn {

/// A read-only view of `rows() x dim()` f32 values, row-major. Rows may be null.
///
/// No float is copied: the view points into the span or Arrow array it was made from. A span must
/// outlive the view; an Arrow array is kept alive by it. Immutable, so any thread may read it.
class EmbeddingsView {
 public:
  EmbeddingsView() = default;

  /// `values.size()` must be a multiple of `dim` (kBadInput).
  static Result<EmbeddingsView> FromSpan(std::span<const float> values, int32_t dim);

  /// From list<float>, large_list<float> or fixed_size_list<float>, sliced or not. kBadInput names
  /// the first row whose length is not `dim` or that holds a null element.
  static Result<EmbeddingsView> FromArrow(std::shared_ptr<arrow::Array> array, int32_t dim);

  int64_t rows() const { return rows_; }
  int32_t dim() const { return dim_; }
  int64_t null_count() const { return null_count_; }
  bool IsNull(int64_t row) const { return !positions_.empty() && positions_[row] < 0; }

  /// The `dim()` floats of a row; nullptr for a null row.
  const float* Row(int64_t row) const {
    const int64_t position = positions_.empty() ? row : positions_[row];
    return position < 0 ? nullptr : values_ + position * dim_;
  }

  /// All rows one after the other, or nullptr when null rows leave gaps or are left out.
  const float* ContiguousValues() const { return positions_.empty() ? values_ : nullptr; }

  /// Rows [offset, offset + length) of this view.
  EmbeddingsView Slice(int64_t offset, int64_t length) const;

  /// The rows of this view that `rows` names, in that order; -1 gives a null row.
  EmbeddingsView Take(std::span<const int64_t> rows) const;

  /// `rows` null rows.
  static EmbeddingsView AllNull(int64_t rows, int32_t dim);

 private:
  const float* values_ = nullptr;
  int64_t rows_ = 0;
  int32_t dim_ = 0;
  int64_t null_count_ = 0;
  // Row -> position in values_ in units of dim_, -1 for null. Empty when no row is null.
  std::vector<int64_t> positions_;
  std::shared_ptr<arrow::Array> owner_;
};

/// Why one row (policy.dim floats) cannot be stored under the policy, as CheckEmbeddings would say
/// it; nullopt when it can. `step`: RoundingStep of the rows that go into the same file; 0: not
/// known, or values that were rounded before.
std::optional<std::string> EmbeddingProblem(const float* row, const VectorStoragePolicy& policy,
                                            float step = 0);

/// Precision i8: the step that the values of these rows are rounded to when they become one file, a
/// power of two. Rows that cannot be stored whatever the step do not count. 0 in other precisions.
float RoundingStep(const EmbeddingsView& embeddings, const VectorStoragePolicy& policy);

/// Checks that rows [0, rows) can be stored under the policy: the dimension fits; every value is
/// finite also after rounding to the policy's precision; under cosine no row is zero or rounds to
/// zero or overflows; under normalised cosine every row has length 1 within 1 %.
/// kBadInput names the first offending row (counted from `first_row`).
Status CheckEmbeddings(const EmbeddingsView& embeddings, const VectorStoragePolicy& policy,
                       int64_t first_row = 0);

}  // namespace tarn
