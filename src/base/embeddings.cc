// SPDX-License-Identifier: Apache-2.0
#include "tarn/embeddings.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "arrow/array.h"
#include "arrow/type.h"
#include "base/byte_step.h"
#include "base/float16.h"

namespace tarn {
namespace {

constexpr double kUnitLengthTolerance = 0.01;

Status CheckElements(const arrow::Array& values) {
  if (values.type_id() != arrow::Type::FLOAT) {
    return Error(ErrorKind::kBadInput, "embeddings must be lists of float32, not of ",
                 values.type()->ToString());
  }
  return Status::OK();
}

Status NullElement(int64_t row) {
  return Error(ErrorKind::kBadInput, "row ", row, ": the embedding holds a null element");
}

/// Positions of the rows of a variable-length list, in units of dim from `first_value`.
template <typename ListArray>
Status ListPositions(const ListArray& list, int32_t dim, const arrow::Array& values,
                     std::vector<int64_t>* positions, int64_t* first_value) {
  *first_value = list.value_offset(0);
  for (int64_t row = 0; row < list.length(); ++row) {
    if (list.IsNull(row)) {
      positions->push_back(-1);
      continue;
    }
    const int64_t length = list.value_length(row);
    if (length != dim) {
      return Error(ErrorKind::kBadInput, "row ", row, ": the embedding has ", length,
                   " elements, the column's dimension is ", dim);
    }
    // Null rows may keep values of their own, of any number: positions must still be multiples.
    const int64_t start = list.value_offset(row) - *first_value;
    if (start % dim != 0) {
      return Error(ErrorKind::kNotSupported, "row ", row,
                   ": the list array keeps values under null rows; compact it first");
    }
    positions->push_back(start / dim);
  }
  if (values.null_count() > 0) {
    for (int64_t row = 0; row < list.length(); ++row) {
      if (list.IsNull(row)) continue;
      for (int64_t i = list.value_offset(row); i < list.value_offset(row + 1); ++i) {
        if (values.IsNull(i)) return NullElement(row);
      }
    }
  }
  return Status::OK();
}

Status FixedPositions(const arrow::FixedSizeListArray& list, int32_t dim,
                      const arrow::Array& values, std::vector<int64_t>* positions,
                      int64_t* first_value) {
  if (list.value_length() != dim) {
    return Error(ErrorKind::kBadInput, "the embeddings have ", list.value_length(),
                 " elements, the column's dimension is ", dim);
  }
  *first_value = list.value_offset(0);
  for (int64_t row = 0; row < list.length(); ++row)
    positions->push_back(list.IsNull(row) ? -1 : row);
  if (values.null_count() > 0) {
    for (int64_t row = 0; row < list.length(); ++row) {
      if (list.IsNull(row)) continue;
      for (int64_t i = 0; i < dim; ++i) {
        if (values.IsNull(list.value_offset(row) + i)) return NullElement(row);
      }
    }
  }
  return Status::OK();
}

/// Sum of squares, f32. Any NaN or infinity among the values makes it NaN or infinite.
float QuickNorm(const float* row, int32_t dim) {
  constexpr int32_t kLanes = 16;
  float lanes[kLanes] = {};
  int32_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) {
    for (int32_t lane = 0; lane < kLanes; ++lane) lanes[lane] += row[i + lane] * row[i + lane];
  }
  float sum = 0;
  for (float lane : lanes) sum += lane;
  for (; i < dim; ++i) sum += row[i] * row[i];
  return sum;
}

/// True when nothing can be wrong with a row of this norm: no element can overflow or vanish in any
/// precision. Most rows of real data end here; the others are looked at closely.
bool CannotBeWrong(float norm, const VectorStoragePolicy& policy) {
  if (policy.metric == VectorMetric::kNormalizedCosine) return norm > 0.99f && norm < 1.01f;
  return norm > 1e-6f && norm < 4e9f;
}

/// Why a row cannot be stored; empty when it can.
std::string RowProblem(const float* row, const VectorStoragePolicy& policy) {
  if (CannotBeWrong(QuickNorm(row, policy.dim), policy)) return {};
  const bool half = policy.precision == VectorPrecision::kF16;
  double norm = 0;
  for (int32_t i = 0; i < policy.dim; ++i) {
    if (!std::isfinite(row[i])) {
      return "element " + std::to_string(i) + " is " + (std::isnan(row[i]) ? "NaN" : "infinite");
    }
    const float stored = half ? HalfToFloat(FloatToHalf(row[i])) : row[i];
    if (!std::isfinite(stored)) {
      return "element " + std::to_string(i) + " overflows in precision f16";
    }
    norm += static_cast<double>(stored) * stored;
  }
  // The distance is computed in f32: a norm that vanishes or overflows there has no direction.
  const auto length = static_cast<float>(std::sqrt(norm));
  const auto squared = static_cast<float>(norm);
  switch (policy.metric) {
    case VectorMetric::kCosine:
      if (squared < std::numeric_limits<float>::min())
        return "the vector is zero, which has no cosine distance";
      if (!std::isfinite(squared)) return "the vector's length overflows";
      return {};
    case VectorMetric::kNormalizedCosine:
      if (std::abs(length - 1.0) > kUnitLengthTolerance) {
        return "the vector has length " + std::to_string(length) + ", normalized_cosine asks for 1";
      }
      return {};
    case VectorMetric::kEuclidean:
    case VectorMetric::kDotProduct:
      if (!std::isfinite(4 * squared)) return "the vector's squared length overflows";
      return {};
  }
  return {};
}

}  // namespace

Result<EmbeddingsView> EmbeddingsView::FromSpan(std::span<const float> values, int32_t dim) {
  if (dim < 1) return Error(ErrorKind::kBadInput, "the embedding dimension is ", dim);
  if (values.size() % static_cast<size_t>(dim) != 0) {
    return Error(ErrorKind::kBadInput, values.size(), " floats are not whole rows of dimension ",
                 dim);
  }
  EmbeddingsView view;
  view.values_ = values.data();
  view.rows_ = static_cast<int64_t>(values.size()) / dim;
  view.dim_ = dim;
  return view;
}

Result<EmbeddingsView> EmbeddingsView::FromArrow(std::shared_ptr<arrow::Array> array, int32_t dim) {
  if (dim < 1) return Error(ErrorKind::kBadInput, "the embedding dimension is ", dim);
  EmbeddingsView view;
  view.rows_ = array->length();
  view.dim_ = dim;
  if (array->length() == 0) return view;

  std::vector<int64_t> positions;
  positions.reserve(array->length());
  int64_t first_value = 0;
  std::shared_ptr<arrow::Array> values;
  switch (array->type_id()) {
    case arrow::Type::LIST: {
      const auto& list = static_cast<const arrow::ListArray&>(*array);
      values = list.values();
      ARROW_RETURN_NOT_OK(CheckElements(*values));
      ARROW_RETURN_NOT_OK(ListPositions(list, dim, *values, &positions, &first_value));
      break;
    }
    case arrow::Type::LARGE_LIST: {
      const auto& list = static_cast<const arrow::LargeListArray&>(*array);
      values = list.values();
      ARROW_RETURN_NOT_OK(CheckElements(*values));
      ARROW_RETURN_NOT_OK(ListPositions(list, dim, *values, &positions, &first_value));
      break;
    }
    case arrow::Type::FIXED_SIZE_LIST: {
      const auto& list = static_cast<const arrow::FixedSizeListArray&>(*array);
      values = list.values();
      ARROW_RETURN_NOT_OK(CheckElements(*values));
      ARROW_RETURN_NOT_OK(FixedPositions(list, dim, *values, &positions, &first_value));
      break;
    }
    default:
      return Error(ErrorKind::kBadInput, "embeddings must be a list of float32, not ",
                   array->type()->ToString());
  }
  view.values_ = static_cast<const arrow::FloatArray&>(*values).raw_values() + first_value;
  view.null_count_ = array->null_count();
  bool dense = true;
  for (int64_t row = 0; row < view.rows_ && dense; ++row) dense = positions[row] == row;
  if (!dense) view.positions_ = std::move(positions);
  view.owner_ = std::move(array);
  return view;
}

EmbeddingsView EmbeddingsView::Slice(int64_t offset, int64_t length) const {
  EmbeddingsView view;
  view.rows_ = length;
  view.dim_ = dim_;
  view.owner_ = owner_;
  if (positions_.empty()) {
    view.values_ = values_ + offset * dim_;
    return view;
  }
  view.values_ = values_;
  view.positions_.assign(positions_.begin() + offset, positions_.begin() + offset + length);
  for (int64_t position : view.positions_) view.null_count_ += position < 0;
  return view;
}

EmbeddingsView EmbeddingsView::Take(std::span<const int64_t> rows) const {
  EmbeddingsView view;
  view.values_ = values_;
  view.rows_ = static_cast<int64_t>(rows.size());
  view.dim_ = dim_;
  view.owner_ = owner_;
  view.positions_.reserve(rows.size());
  for (int64_t row : rows) {
    const int64_t position = row < 0 ? -1 : positions_.empty() ? row : positions_[row];
    view.positions_.push_back(position);
    view.null_count_ += position < 0;
  }
  return view;
}

EmbeddingsView EmbeddingsView::AllNull(int64_t rows, int32_t dim) {
  EmbeddingsView view;
  view.rows_ = rows;
  view.dim_ = dim;
  view.null_count_ = rows;
  view.positions_.assign(static_cast<size_t>(rows), -1);
  return view;
}

std::optional<std::string> EmbeddingProblem(const float* row, const VectorStoragePolicy& policy,
                                            float step) {
  std::string problem = RowProblem(row, policy);
  if (!problem.empty()) return problem;
  const bool angular =
      policy.metric == VectorMetric::kCosine || policy.metric == VectorMetric::kNormalizedCosine;
  if (policy.precision != VectorPrecision::kI8 || step == 0 || !angular) return std::nullopt;
  double norm = 0;
  for (int32_t i = 0; i < policy.dim; ++i) {
    norm += std::pow(double{step} * RoundToSteps(row[i], step), 2);
  }
  if (norm > 0 && policy.metric == VectorMetric::kCosine) return std::nullopt;
  if (norm > 0) {
    if (std::abs(std::sqrt(norm) - 1) <= kUnitLengthTolerance) return std::nullopt;
    return "in precision i8 the vector has length " + std::to_string(std::sqrt(norm)) +
           ", normalized_cosine asks for 1";
  }
  return "in precision i8 the vector rounds to zero, which has no cosine distance; values of its "
         "file that are far larger ask for steps of " +
         std::to_string(step);
}

float RoundingStep(const EmbeddingsView& embeddings, const VectorStoragePolicy& policy) {
  if (policy.precision != VectorPrecision::kI8) return 0;
  float largest = 0;
  for (int64_t row = 0; row < embeddings.rows(); ++row) {
    const float* values = embeddings.Row(row);
    if (values == nullptr || !RowProblem(values, policy).empty()) continue;
    for (int32_t i = 0; i < policy.dim; ++i) largest = std::max(largest, std::abs(values[i]));
  }
  return ByteStep(largest);
}

Status CheckEmbeddings(const EmbeddingsView& embeddings, const VectorStoragePolicy& policy,
                       int64_t first_row) {
  ARROW_RETURN_NOT_OK(policy.Validate());
  if (embeddings.rows() > 0 && embeddings.dim() != policy.dim) {
    return Error(ErrorKind::kBadInput, "vector column '", policy.column_name, "' has dimension ",
                 policy.dim, ", the embeddings have ", embeddings.dim());
  }
  const float step = RoundingStep(embeddings, policy);
  for (int64_t row = 0; row < embeddings.rows(); ++row) {
    const float* values = embeddings.Row(row);
    if (values == nullptr) continue;
    if (const auto problem = EmbeddingProblem(values, policy, step)) {
      return Error(ErrorKind::kBadInput, "vector column '", policy.column_name, "', row ",
                   first_row + row, ": ", *problem);
    }
  }
  return Status::OK();
}

}  // namespace tarn
