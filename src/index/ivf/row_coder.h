// SPDX-License-Identifier: Apache-2.0
//
// Codes rows with a codebook: the list of each row, the code of what is left of it, its factors.
#pragma once

#include <vector>

#include "index/ivf/assign.h"
#include "index/ivf/ivf_frame.h"
#include "index/ivf/product_quantizer.h"

namespace tarn::index {

/// Up to kPqTileRows coded rows, and the scratch space of the thread that codes them.
struct CodedTile {
  size_t count = 0;
  uint32_t lists[kPqTileRows] = {};
  IvfFrame::Factors factors[kPqTileRows] = {};
  std::vector<uint8_t> codes;  ///< sub-vector s of row i at s * kPqTileRows + i

  std::vector<float> rows;  ///< y, one row after the other
  std::vector<float> inputs, residuals, centroids, decoded, products, columns;
};

/// Coding errors, summed. Rows far longer than the rest, whose errors would drown all others, are
/// only counted.
struct CodingError {
  double squares = 0;    ///< |r - |r| decoded|^2
  double residuals = 0;  ///< |r|^2
  uint64_t rows = 0;
  uint64_t far_rows = 0;
  void Add(const CodingError& other) {
    squares += other.squares;
    residuals += other.residuals;
    rows += other.rows;
    far_rows += other.far_rows;
  }
  /// Over all rows, each far one counting as `far_error`.
  double Mean(double far_error) const {
    const auto all = static_cast<double>(rows + far_rows);
    return all == 0 ? 0 : (squares + far_error * static_cast<double>(far_rows)) / all;
  }
};

/// Divides n rows by their lengths; rows without one stay. The product quantiser codes directions,
/// since every row has a scale anyway: short and long rows are coded alike.
void NormaliseRows(float* rows, size_t n, uint32_t dim);

/// Immutable; any number of threads may use it, each with its own tile. The codebook must outlive
/// it.
class RowCoder {
 public:
  explicit RowCoder(const CodebookView& codebook);

  const IvfFrame& frame() const { return frame_; }
  const CodebookView& codebook() const { return codebook_; }
  /// Codes vectors [begin, end) of a set, at most kPqTileRows.
  CodingError Code(const VectorSet& vectors, size_t begin, size_t end, CodedTile& tile) const;
  /// What rows of this list are coded relative to: its centroid, or nothing.
  void Reference(uint32_t list, float* out) const;

 private:
  void Assign(CodedTile& tile) const;

  CodebookView codebook_;
  IvfFrame frame_;
  ProductQuantizer quantizer_;
  CentroidTable table_;
};

/// Rows this many times longer (squared) than their mean square say nothing about a codebook.
inline constexpr double kFarSquared = 64;

}  // namespace tarn::index
