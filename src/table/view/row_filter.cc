// SPDX-License-Identifier: Apache-2.0
#include "tarn/row_filter.h"

#include <bit>
#include <numeric>

#include "arrow/api.h"
#include "table/view/row_predicate.h"

namespace tarn {

uint64_t RowFilter::row_count() const {
  return std::accumulate(counts_.begin(), counts_.end(), uint64_t{0});
}

Result<std::shared_ptr<const RowFilter>> RowFilter::Where(const ReadView& view,
                                                          const arrow::compute::Expression& where) {
  ARROW_ASSIGN_OR_RAISE(const auto predicate, RowPredicate::Bind(where, *view.schema()));
  std::vector<std::vector<uint64_t>> words;
  for (size_t file = 0; file < view.files().size(); ++file) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, view.ReadFile(file, predicate.columns()));
    ARROW_ASSIGN_OR_RAISE(auto bits, predicate.TrueRows(*batch, view.files()[file].path));
    ARROW_ASSIGN_OR_RAISE(const auto live, view.LiveRows(file));
    words.push_back(live == nullptr ? std::move(bits) : AtPositions(bits, live->words));
  }
  return FromBitmaps(view, std::move(words));
}

Result<std::shared_ptr<const RowFilter>> RowFilter::FromBitmaps(
    const ReadView& view, std::vector<std::vector<uint64_t>> words) {
  if (words.size() != view.files().size()) {
    return Error(ErrorKind::kBadInput, "a row filter needs one bitmap for each of the ",
                 view.files().size(), " files of the view, not ", words.size());
  }
  std::shared_ptr<RowFilter> filter(new RowFilter());
  filter->snapshot_ = view.snapshot();
  filter->fresh_mark_ = view.fresh_mark();
  for (size_t file = 0; file < words.size(); ++file) {
    const auto rows = static_cast<uint64_t>(view.files()[file].rows);
    ARROW_ASSIGN_OR_RAISE(const auto live, view.LiveRows(file));
    uint64_t count = 0;
    for (size_t w = 0; w < words[file].size(); ++w) {
      uint64_t& word = words[file][w];
      if (word == 0) continue;
      const uint64_t last = w * 64 + 63 - static_cast<uint64_t>(std::countl_zero(word));
      if (last >= rows) {
        return Error(ErrorKind::kBadInput, "the row filter marks row ", last, " of ",
                     view.files()[file].path, ", which has ", rows, " rows");
      }
      if (live != nullptr) word &= live->words[w];
      count += static_cast<uint64_t>(std::popcount(word));
    }
    filter->counts_.push_back(count);
  }
  filter->words_ = std::move(words);
  return std::shared_ptr<const RowFilter>(std::move(filter));
}

}  // namespace tarn
