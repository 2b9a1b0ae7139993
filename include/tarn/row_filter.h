// SPDX-License-Identifier: Apache-2.0
//
// RowFilter: which rows of a view a search may return.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "tarn/read_view.h"

namespace arrow::compute {
class Expression;
}

namespace tarn {

/// One bitmap for each file of one ReadView: bit r % 64 of word r / 64 stands for row r of the
/// file; rows past the end of the words are left out, and so are deleted rows, whatever was asked
/// for. Made once, used by any number of searches. Immutable and thread-safe.
class RowFilter {
 public:
  /// The rows for which the predicate is true (neither false nor null). It names columns of the
  /// table; only those are read. kBadInput: an unknown column, a predicate that is not boolean.
  static Result<std::shared_ptr<const RowFilter>> Where(
      const ReadView& view, const arrow::compute::Expression& predicate);
  /// `words` has one bitmap for each of view.files(), in their order. kBadInput when it has not, or
  /// a bit stands for a row that the file does not have.
  static Result<std::shared_ptr<const RowFilter>> FromBitmaps(
      const ReadView& view, std::vector<std::vector<uint64_t>> words);

  SnapshotId snapshot() const { return snapshot_; }
  uint64_t fresh_mark() const { return fresh_mark_; }  ///< of the view
  size_t files() const { return words_.size(); }
  std::span<const uint64_t> words(size_t file) const { return words_[file]; }
  uint64_t row_count(size_t file) const { return counts_[file]; }
  uint64_t row_count() const;

 private:
  RowFilter() = default;

  SnapshotId snapshot_;
  uint64_t fresh_mark_ = 0;
  std::vector<std::vector<uint64_t>> words_;
  std::vector<uint64_t> counts_;
};

}  // namespace tarn
