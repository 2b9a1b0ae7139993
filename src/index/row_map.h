// SPDX-License-Identifier: Apache-2.0
//
// Nodes of rows and rows of nodes, for filters: an index whose rows are not its nodes keeps row
// lists alone, which lead from a node to its rows but not back.
#pragma once

#include <cstdint>
#include <vector>

#include "index/layout.h"

namespace tarn::index {

/// Immutable once built. 8 bytes for each row.
class RowMap {
 public:
  /// kCorrupt when a row list is damaged.
  static Result<RowMap> Make(const IndexView& view);

  /// Marks nodes that have several rows, in both directions.
  static constexpr uint32_t kSeveral = 0x80000000u;
  /// The node of a row, marked when it has other rows; kNoLink when the row is not indexed.
  uint32_t NodeOf(uint32_t row) const {
    return row < node_of_row_.size() ? node_of_row_[row] : kNoLink;
  }
  bool NodeIsLive(uint32_t node, const LiveRows& live, const IndexView& view) const {
    const uint32_t row = row_of_node_[node];
    return (row & kSeveral) == 0 ? live.contains(row) : AnyIsLive(node, live, view);
  }

 private:
  static bool AnyIsLive(uint32_t node, const LiveRows& live, const IndexView& view);

  std::vector<uint32_t> node_of_row_;
  std::vector<uint32_t> row_of_node_;
};

}  // namespace tarn::index
