// SPDX-License-Identifier: Apache-2.0
#include "index/row_map.h"

#include <algorithm>

namespace tarn::index {

Result<RowMap> RowMap::Make(const IndexView& view) {
  RowMap map;
  map.row_of_node_.resize(view.nodes());
  map.node_of_row_.assign(view.row_limit, kNoLink);
  for (uint32_t node = 0; node < view.nodes(); ++node) {
    uint32_t self;
    NodeRows rows;
    bool sound = view.RowsOf(node, self, rows);
    const uint32_t several = sound && rows.count > 1 ? kSeveral : 0;
    for (uint32_t i = 0; sound && i < rows.count; ++i) {
      sound = rows.rows[i] < view.row_limit;
      if (sound) map.node_of_row_[rows.rows[i]] = node | several;
    }
    if (!sound) {
      return Error(ErrorKind::kCorrupt, "vector index: the row list of node ", node,
                   " is damaged; rebuild the index");
    }
    map.row_of_node_[node] = rows.rows[0] | several;
  }
  return map;
}

bool RowMap::AnyIsLive(uint32_t node, const LiveRows& live, const IndexView& view) {
  uint32_t self;
  NodeRows rows;
  return view.RowsOf(node, self, rows) &&
         std::any_of(rows.rows, rows.rows + rows.count,
                     [&](uint32_t row) { return live.contains(row); });
}

}  // namespace tarn::index
