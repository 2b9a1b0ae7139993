// SPDX-License-Identifier: Apache-2.0
//
// Which files a query asks, in which order, and with how much effort each: policy only.
//
// A graph search spends most of its effort on coming near the query, and that does not shrink with
// the file: each file is given the square root of its share of the candidates that one file of all
// rows would keep. The nearest file is asked first, since its answer bounds the others.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tarn {

/// What is known of one file before it is searched.
struct FileFacts {
  uint64_t rows = 0;     ///< that may be returned
  bool indexed = false;  ///< by a graph; others are scanned or look into lists
  float expected = 0;    ///< a distance that tells files apart; see VectorIndex::Reach
  float least = 0;       ///< no row of the file is nearer; -infinity where nothing is known
};

struct FileTask {
  uint32_t file = 0;
  uint32_t ef = 0;    ///< candidates kept
  uint32_t beam = 0;  ///< expanded even beyond the bound of the other files; 0: all of them
  float least = 0;
};

struct FilePlan {
  std::vector<FileTask> tasks;  ///< in the order in which to begin them
  int threads = 1;
};

/// `ef`: what one file of all rows would be searched with. `width`: threads at hand.
FilePlan PlanFiles(std::span<const FileFacts> files, uint32_t k, uint32_t ef, int width);

}  // namespace tarn
