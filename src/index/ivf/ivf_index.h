// SPDX-License-Identifier: Apache-2.0
//
// The inverted-file implementation of VectorIndex.
#pragma once

#include "index/ivf/ivf_frame.h"
#include "index/ivf/ivf_layout.h"
#include "index/vector_index.h"

namespace tarn::index {

class IvfIndex : public VectorIndex {
 public:
  explicit IvfIndex(const IvfView& view);

  Result<std::vector<Neighbor>> Search(const float* query, const SearchOptions& options,
                                       SearchScratch& scratch, SearchStats* stats) const override;
  Status Verify() const override;

  IndexType type() const override { return IndexType::kIvfPq; }
  VectorMetric metric() const override { return view_.metric(); }
  uint32_t dim() const override { return view_.params.dim; }
  uint64_t row_count() const override { return view_.params.row_count; }
  uint64_t distinct_count() const override { return view_.params.row_count; }
  std::optional<CodebookUse> codebook_use() const override;

 private:
  Status VerifyCodebook() const;
  Status VerifyLists() const;

  IvfView view_;
  std::vector<float> no_mean_;  // stands in for the mean where there is no codebook
  IvfFrame frame_;
};

}  // namespace tarn::index
