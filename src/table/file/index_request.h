// SPDX-License-Identifier: Apache-2.0
//
// IndexRequest: which index a vector column of a file is to get.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "index/codebook.h"
#include "tarn/types.h"

namespace tarn {

/// Plain values. `type` is one that can be built: kAuto has been decided.
struct IndexRequest {
  IndexType type = IndexType::kHnsw;
  HnswConfig hnsw;
  IvfPqConfig ivf_pq;  ///< for training, when there is no codebook
  /// What the column is, where the file has no page map of it to say so: another engine wrote it.
  std::optional<VectorStoragePolicy> policy = {};
  std::shared_ptr<const index::Codebook> codebook;
  int threads = 0;  ///< 0: as many as the process may use
  /// Set by another thread to give up a long build, which then fails with kCancelled.
  const std::atomic<bool>* stop = nullptr;
};

}  // namespace tarn
