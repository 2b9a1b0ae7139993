// SPDX-License-Identifier: Apache-2.0
#include "index/ivf/ivf_index.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "index/ivf/ivf_search.h"
#include "index/layout.h"
#include "index/search_scratch.h"

namespace tarn::index {

IvfIndex::IvfIndex(const IvfView& view)
    : view_(view),
      no_mean_(view.codebook.mean == nullptr ? view.params.dim : 0),
      frame_(view.metric(), view.params.dim,
             view.codebook.mean != nullptr ? view.codebook.mean : no_mean_.data(),
             view.codebook.params.unit, view.codebook.rotated()) {}

Result<std::vector<Neighbor>> IvfIndex::Search(const float* query, const SearchOptions& options,
                                               SearchScratch& scratch, SearchStats* stats) const {
  SearchStats unused;
  if (options.k == 0 || view_.params.row_count == 0) return std::vector<Neighbor>{};
  SearchBuffers& buffers = *scratch.impl_;
  if (!buffers.ivf.Prepare(query, view_.codebook, frame_)) {
    if (std::all_of(query, query + dim(), [](float v) { return std::isfinite(v); })) {
      return Error(ErrorKind::kCorrupt,
                   "vector index: the codebook's mean is damaged; rebuild the index");
    }
    return Error(ErrorKind::kBadInput, "vector search: the query holds a value that is not finite");
  }
  return IvfSearch(view_, frame_, query, options, buffers, stats ? *stats : unused).Run();
}

std::optional<VectorIndex::CodebookUse> IvfIndex::codebook_use() const {
  const CodebookParams& book = view_.codebook.params;
  if (book.nlist == 0) return std::nullopt;
  CodebookUse use{FingerprintText(book.fingerprint), 1};
  if (book.training_error > 0 && row_count() > 0) {
    use.drift = view_.params.coding_error / book.training_error;
  }
  return use;
}

Status IvfIndex::Verify() const {
  if (view_.codebook.params.nlist == 0) return Status::OK();
  ARROW_RETURN_NOT_OK(VerifyCodebook());
  return VerifyLists();
}

Status IvfIndex::VerifyCodebook() const {
  uint8_t fingerprint[16];
  ComputeFingerprint(view_.codebook, fingerprint);
  if (std::memcmp(fingerprint, view_.codebook.params.fingerprint, sizeof(fingerprint)) != 0) {
    return Error(ErrorKind::kCorrupt, "vector index: the codebook does not have the fingerprint ",
                 FingerprintText(view_.codebook.params.fingerprint),
                 " that it names; rebuild the index");
  }
  return Status::OK();
}

Status IvfIndex::VerifyLists() const {
  const auto damaged = [](const char* what, uint32_t list) {
    return Error(ErrorKind::kCorrupt, "vector index: ", what, " of list ", list,
                 " is damaged; rebuild the index");
  };
  constexpr uint32_t kBlockRows = kernels::kPqBlockRows;
  const CodebookView& book = view_.codebook;
  std::vector<bool> seen(view_.row_limit);
  uint64_t rows = 0, blocks = 0;
  for (uint32_t l = 0; l < book.params.nlist; ++l) {
    const ListPlace place = view_.places[l];
    if (place.first_block != blocks || !view_.IsSound(place)) return damaged("the place", l);
    rows += place.rows;
    uint32_t last = 0;
    for (uint32_t i = 0; i < (place.rows + kBlockRows - 1) / kBlockRows * kBlockRows; ++i) {
      const std::byte* block = view_.blocks + (blocks + i / kBlockRows) * book.block_bytes();
      const auto* factors = reinterpret_cast<const float*>(block + book.code_bytes());
      const auto* numbers = reinterpret_cast<const uint32_t*>(factors + 2 * kBlockRows);
      const uint32_t r = i % kBlockRows, row = numbers[r];
      if (i >= place.rows) {
        if (row != kNoRow) return damaged("the end", l);
        continue;
      }
      if (row >= view_.row_limit || seen[row] || (i > 0 && row < last)) return damaged("a row", l);
      seen[row] = true;
      last = row;
      if (!(factors[r] >= 0) || !std::isfinite(factors[r]) ||
          !std::isfinite(factors[kBlockRows + r])) {
        return damaged("a factor", l);
      }
    }
    blocks += (place.rows + kBlockRows - 1) / kBlockRows;
  }
  if (rows != view_.params.row_count || blocks != view_.params.block_count) {
    return damaged("the place", book.params.nlist - 1);
  }
  return Status::OK();
}

}  // namespace tarn::index
