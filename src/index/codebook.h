// SPDX-License-Identifier: Apache-2.0
//
// Codebook: the centroids, the rotation and the product quantiser that an inverted-file index codes
// its rows with. One codebook serves all files of a table, so that codes are comparable across
// files and a later file needs no training; each file carries a copy.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "index/vector_index.h"

namespace tarn::index {

/// Immutable: any number of threads may use it.
class Codebook {
 public:
  /// Trains on (a sample of) the vectors, which must have passed CheckEmbeddings. The bytes are the
  /// same for any number of threads on one kind of processor. kBadInput: no vectors, or settings
  /// out of range.
  static Result<std::shared_ptr<const Codebook>> Train(const VectorSet& vectors,
                                                       VectorMetric metric,
                                                       const IvfPqConfig& config, int threads);
  /// The codebook that an index carries, copied out of its chunks. kNotFound when they hold none;
  /// kCorrupt when its bytes do not have the fingerprint that they name.
  static Result<std::shared_ptr<const Codebook>> Copy(std::span<const ChunkView> chunks);
  virtual ~Codebook() = default;

  /// 32 hexadecimal digits: XXH3-128 of everything that coding depends on. Equal fingerprints code
  /// equally.
  virtual const std::string& fingerprint() const = 0;
  virtual VectorMetric metric() const = 0;
  virtual uint32_t dim() const = 0;
  /// As it was trained; nothing is left 0.
  virtual const IvfPqConfig& config() const = 0;
  /// Vectors that it was trained on.
  virtual uint64_t trained_rows() const = 0;
  /// Mean squared error of coding a row, as a share of the rows' mean squared distance from their
  /// mean, over the training sample: what later files are compared with.
  virtual double training_error() const = 0;
};

/// The fingerprint of the codebook in an index's chunks, read without checking or copying it; empty
/// when there is none.
std::string CodebookFingerprint(std::span<const ChunkView> chunks);

}  // namespace tarn::index
