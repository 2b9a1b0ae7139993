// SPDX-License-Identifier: Apache-2.0
#include "index/ivf/row_coder.h"

#include <algorithm>
#include <cmath>

#include "index/code_frame.h"
#include "index/ivf/kmeans.h"

namespace tarn::index {
namespace {

// Rows are compared with the directions of the means under both cosines, else with the means.
CentroidTable MakeTable(const CodebookView& codebook, const IvfFrame& frame) {
  const uint32_t dim = codebook.dim();
  std::vector<float> means(size_t{codebook.params.nlist} * dim);
  for (uint32_t l = 0; l < codebook.params.nlist; ++l) {
    float* mean = means.data() + size_t{l} * dim;
    codebook.Centroid(l, mean);
    if (!frame.compares_angles()) continue;
    for (uint32_t d = 0; d < dim; ++d) mean[d] += frame.rotated_mean()[d];
  }
  return TableOfMeans(means, dim, frame.compares_angles());
}

}  // namespace

void NormaliseRows(float* rows, size_t n, uint32_t dim) {
  for (size_t i = 0; i < n; ++i) {
    float* row = rows + i * dim;
    const double inverse = InverseLength(row, dim);
    for (uint32_t d = 0; d < dim; ++d) row[d] = static_cast<float>(row[d] * inverse);
  }
}

RowCoder::RowCoder(const CodebookView& codebook)
    : codebook_(codebook),
      frame_(codebook.metric(), codebook.dim(), codebook.mean, codebook.params.unit,
             codebook.rotated()),
      quantizer_(codebook.dim(), codebook.params.m, codebook.params.bits, codebook.pq),
      table_(MakeTable(codebook, frame_)) {}

void RowCoder::Reference(uint32_t list, float* out) const {
  if (codebook_.residual()) {
    codebook_.Centroid(list, out);
  } else {
    std::fill_n(out, codebook_.dim(), 0.0f);
  }
}

void RowCoder::Assign(CodedTile& tile) const {
  const uint32_t dim = codebook_.dim();
  const float* inputs = tile.rows.data();
  if (frame_.compares_angles()) {
    tile.inputs.resize(tile.rows.size());
    for (size_t i = 0; i < tile.count; ++i) {
      for (uint32_t d = 0; d < dim; ++d) {
        tile.inputs[i * dim + d] = tile.rows[i * dim + d] + frame_.rotated_mean()[d];
      }
    }
    inputs = tile.inputs.data();
  }
  static_assert(kAssignRows == kPqTileRows);
  AssignTile(inputs, tile.count, table_, tile.products, tile.lists, nullptr);
}

CodingError RowCoder::Code(const VectorSet& vectors, size_t begin, size_t end,
                           CodedTile& tile) const {
  const uint32_t dim = codebook_.dim();
  tile.count = end - begin;
  tile.rows.resize(kPqTileRows * dim);
  tile.residuals.resize(kPqTileRows * dim);
  tile.centroids.resize(kPqTileRows * dim);
  tile.decoded.resize(dim);
  tile.codes.resize(codebook_.params.m * kPqTileRows);
  for (size_t i = 0; i < tile.count; ++i) {
    frame_.PrepareRow(vectors.vector(begin + i), tile.rows.data() + i * dim);
  }
  Assign(tile);
  for (size_t i = 0; i < tile.count; ++i) {
    float* centroid = tile.centroids.data() + i * dim;
    Reference(tile.lists[i], centroid);
    for (uint32_t d = 0; d < dim; ++d) {
      tile.residuals[i * dim + d] = tile.rows[i * dim + d] - centroid[d];
    }
  }
  NormaliseRows(tile.residuals.data(), tile.count, dim);
  quantizer_.Encode(tile.residuals.data(), tile.count, tile.columns, tile.codes.data());
  CodingError error;
  const double farthest = kFarSquared * codebook_.params.variance;
  for (size_t i = 0; i < tile.count; ++i) {
    const float* y = tile.rows.data() + i * dim;
    quantizer_.Decode(tile.codes.data(), i, tile.decoded.data());
    tile.factors[i] = frame_.RowFactors(y, tile.centroids.data() + i * dim, tile.decoded.data());
    const float* centroid = tile.centroids.data() + i * dim;
    double length = 0, off = 0, residual = 0;
    for (uint32_t d = 0; d < dim; ++d) {
      const double r = double{y[d]} - centroid[d];
      const double u = double{tile.residuals[i * dim + d]} - tile.decoded[d];
      length += double{y[d]} * y[d];
      residual += r * r;
      off += u * u;
    }
    if (length > farthest) {
      ++error.far_rows;
      continue;
    }
    error.squares += off * residual;
    error.residuals += residual;
    ++error.rows;
  }
  return error;
}

}  // namespace tarn::index
