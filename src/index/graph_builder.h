// SPDX-License-Identifier: Apache-2.0
//
// Builds the one-layer graph: Vamana's pruning (Subramanya et al., DiskANN, NeurIPS 2019) in
// ParlayANN's batches (Manohar et al., PPoPP 2024). A batch of nodes searches the graph as it
// stands and prunes what it finds; then the reverse links are grouped by target. Nobody writes what
// another thread reads, so there are no locks, and the bytes do not depend on the number of
// threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "index/build_codes.h"

namespace tarn::index {

struct GraphOptions {
  uint32_t degree = 32;
  uint32_t window = 100;
  float alpha = 1.1f;  ///< on squared distances
  uint32_t entry = 0;
  size_t starts = 0;  ///< see Graph::starts; 0: not looked for
  int threads = 1;
  const std::atomic<bool>* stop = nullptr;  ///< once set, what is returned is no graph
};

struct Graph {
  std::vector<uint32_t> links;  ///< degree for each node, filled up with kNoLink
  /// Nodes that no path from the entry reaches; searches start from these too.
  std::vector<uint32_t> extra_entries;
  /// From so many random nodes, the nearest of them, nearly every node is found: by as many as
  /// asked for, doubled until it is so, or 8 times as many.
  size_t starts = 0;
};

Graph BuildGraph(const BuildCodes& codes, const GraphOptions& options);

/// Nodes that no path from the entry or the extra entries reaches, ascending. Links out of range
/// end a block.
std::vector<uint32_t> UnreachableNodes(const uint32_t* links, uint32_t degree, uint32_t nodes,
                                       uint32_t entry, std::span<const uint32_t> extra_entries);

}  // namespace tarn::index
