// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstring>

#include "index/graph_builder.h"
#include "index/opened_index.h"

namespace tarn::index {
namespace {

Status Corrupt(const char* what, uint64_t node) {
  return Error(ErrorKind::kCorrupt, "vector index: ", what, " of node ", node,
               " is damaged; rebuild the index");
}

bool IsSound(const kernels::RowFactor& f) {
  return std::isfinite(f.scale) && f.scale >= 0 && std::isfinite(f.bias);
}

}  // namespace

Status OpenedIndex::Verify() const {
  if (view_.params.node_count == 0) return Status::OK();
  ARROW_RETURN_NOT_OK(VerifyNumbers());
  ARROW_RETURN_NOT_OK(VerifyPivots());
  ARROW_RETURN_NOT_OK(VerifyRows());
  return VerifyGraph();
}

Status OpenedIndex::VerifyNumbers() const {
  for (uint32_t d = 0; d < dim(); ++d) {
    if (!std::isfinite(view_.mean[d])) {
      return Error(ErrorKind::kCorrupt, "vector index: the mean of dimension ", d, " is damaged");
    }
  }
  for (uint64_t i = 0; i < view_.params.node_count; ++i) {
    if (view_.factors && !IsSound(view_.factors[i])) return Corrupt("the factor", i);
    if (view_.low_factors && !IsSound(view_.low_factors[i])) return Corrupt("the factor", i);
  }
  // Codes of dimensions past the end are zero, in both nibbles.
  const size_t stride = size_t{view_.params.code_blocks} * 64;
  for (const uint8_t* codes : {view_.codes, view_.low_codes}) {
    for (uint64_t i = 0; codes != nullptr && i < view_.params.node_count; ++i) {
      for (size_t d = dim(); d < stride * 2; ++d) {
        const uint8_t byte = codes[i * stride + d / 128 * 64 + d % 64];
        if ((d % 128 < 64 ? byte & 15 : byte >> 4) != 0) return Corrupt("the code", i);
      }
    }
  }
  return Status::OK();
}

Status OpenedIndex::VerifyPivots() const {
  const size_t stride = size_t{view_.params.code_blocks} * 64;
  for (size_t i = 0; i < view_.pivots.size(); ++i) {
    const uint32_t node = view_.pivots[i];
    if (node >= view_.nodes() ||
        std::memcmp(view_.pivot_codes + i * stride, view_.codes + node * stride, stride) != 0 ||
        std::memcmp(view_.pivot_factors + i, view_.factors + node, sizeof(*view_.factors)) != 0) {
      return Error(ErrorKind::kCorrupt, "vector index: pivot ", i,
                   " is damaged; rebuild the index");
    }
  }
  return Status::OK();
}

Status OpenedIndex::VerifyRows() const {
  if (view_.row_offsets == nullptr) return Status::OK();
  std::vector<bool> seen(view_.row_limit);
  uint64_t next = 0;
  for (uint32_t node = 0; node < view_.nodes(); ++node) {
    uint32_t self;
    NodeRows rows;
    if (!view_.RowsOf(node, self, rows) || rows.rows != view_.rows + next) {
      return Corrupt("the row list", node);
    }
    for (uint32_t i = 0; i < rows.count; ++i) {
      const uint32_t row = rows.rows[i];
      if (row >= view_.row_limit || seen[row] || (i > 0 && row <= rows.rows[i - 1])) {
        return Corrupt("the row list", node);
      }
      seen[row] = true;
    }
    next += rows.count;
  }
  if (next != view_.params.row_count) return Corrupt("the row list", view_.nodes() - 1);
  return Status::OK();
}

Status OpenedIndex::VerifyGraph() const {
  if (view_.params.degree == 0) return Status::OK();
  const uint32_t degree = view_.params.degree;
  for (uint32_t node = 0; node < view_.nodes(); ++node) {
    const uint32_t* block = view_.links + size_t{node} * degree;
    const uint32_t* end = std::find(block, block + degree, kNoLink);
    const bool sound =
        std::all_of(block, end, [&](uint32_t id) { return id < view_.nodes() && id != node; }) &&
        std::all_of(end, block + degree, [](uint32_t id) { return id == kNoLink; });
    if (!sound) return Corrupt("the link list", node);
  }
  for (uint32_t node : view_.extra_entries) {
    if (node >= view_.nodes()) return Corrupt("the entry", node);
  }
  const auto lost =
      UnreachableNodes(view_.links, degree, view_.nodes(), view_.params.entry, view_.extra_entries);
  if (!lost.empty()) {
    return Error(ErrorKind::kCorrupt, "vector index: node ", lost[0], " and ", lost.size() - 1,
                 " others cannot be reached; rebuild the index");
  }
  return Status::OK();
}

}  // namespace tarn::index
