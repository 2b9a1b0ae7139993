// SPDX-License-Identifier: Apache-2.0
//
// The codebook of an inverted-file index in memory, and its training.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "index/aligned.h"
#include "index/codebook.h"
#include "index/ivf/ivf_layout.h"

namespace tarn::index {

/// Owns the bytes that its view shows. The one implementation of Codebook.
class IvfCodebook : public Codebook {
 public:
  /// Memory for a codebook of this shape, zeroed.
  explicit IvfCodebook(const CodebookParams& params);

  const std::string& fingerprint() const override { return fingerprint_; }
  VectorMetric metric() const override { return view_.metric(); }
  uint32_t dim() const override { return view_.params.dim; }
  const IvfPqConfig& config() const override { return config_; }
  uint64_t trained_rows() const override { return view_.params.trained_rows; }
  double training_error() const override { return view_.params.training_error; }

  const CodebookView& view() const { return view_; }
  std::vector<IndexChunk> Chunks() const;

  // While it is made.
  CodebookParams& params() { return view_.params; }
  float* mean() { return mean_.as<float>(); }
  uint8_t* centroids() { return centroids_.as<uint8_t>(); }
  ListFactor* factors() { return factors_.as<ListFactor>(); }
  float* pq() { return pq_.as<float>(); }
  /// Sets the fingerprint; nothing may change any more.
  void Seal();

 private:
  CodebookView view_;
  AlignedBytes mean_, centroids_, factors_, pq_;
  std::string fingerprint_;
  IvfPqConfig config_;
};

}  // namespace tarn::index
