// SPDX-License-Identifier: Apache-2.0
//
// PageMap: where the vector of a row lies among the bytes of the Parquet column.
//
// An uncompressed, PLAIN page of a list<float> column ends with its floats, one vector after the
// other, so that exact vectors are read from the mapped file without decoding. Columns of other
// precisions, and those whose pages another engine wrote, have a map without pages, which keeps the
// counts and the rows without a vector only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "format/section.h"

namespace tarn::format {

/// A data page: its floats lie at `floats_offset` of the file. 24 bytes, as stored.
struct VectorPage {
  uint64_t floats_offset = 0;
  uint32_t first_row = 0;
  uint32_t row_count = 0;
  uint32_t first_vector = 0;  ///< number of vectors before this page
  uint32_t vector_count = 0;  ///< rows that are not null
};
static_assert(sizeof(VectorPage) == 24);

/// The chunks of a page map that is being written. Empty `valid_words`: no row is null.
struct PageMapBytes {
  std::vector<std::byte> table;
  std::vector<std::byte> bitmap;
};

/// `valid_words`: bit r of word r / 64 set when row r has a vector; nullptr when all have.
PageMapBytes EncodePageMap(uint64_t rows, uint64_t vectors, std::span<const VectorPage> pages,
                           const std::vector<uint64_t>* valid_words);

/// An opened page map. Views mapped bytes, which must outlive it. Immutable: any thread may use it.
class PageMap {
 public:
  /// Checks every page against the file's size and the others, but reads no float and no bitmap.
  /// `data_limit`: the end of the bytes that pages may lie in. kCorrupt says what does not fit.
  static Result<PageMap> Open(const Section& section, std::span<const std::byte> file,
                              uint64_t data_limit);

  uint64_t rows() const { return rows_; }
  uint64_t vectors() const { return vectors_; }
  uint32_t dim() const { return dim_; }
  bool has_floats() const { return !pages_.empty() || rows_ == 0; }
  std::span<const VectorPage> pages() const { return pages_; }

  /// Whether the row has a vector. `row` must be below rows().
  bool HasVector(uint32_t row) const {
    return valid_.empty() || (valid_[row / 64] >> (row % 64) & 1) != 0;
  }
  /// The number of vectors before the row; `row` must be below rows(). From damaged bytes it may be
  /// anything: compare it with a limit before use.
  uint64_t Rank(uint32_t row) const;

  /// The unaligned floats of a row; nullptr when the row is out of range, null, or the map is
  /// damaged there.
  const std::byte* Find(uint32_t row) const;

  /// The rows that have a vector, of [first_row, first_row + count).
  void AppendRows(uint32_t first_row, uint32_t count, std::vector<uint32_t>* rows) const;

  /// Checks the bitmap and its ranks against the pages, reading all of it.
  Status Verify() const;

 private:
  Status CheckPages(std::span<const std::byte> file, uint64_t data_limit) const;
  Status OpenBitmap(const Section& section);
  void BuildLookup();

  uint64_t rows_ = 0;
  uint64_t vectors_ = 0;
  uint32_t dim_ = 0;
  const std::byte* file_ = nullptr;
  // Copied out of the file: a few dozen bytes for each MiB of floats.
  std::vector<VectorPage> pages_;
  // Views of the bitmap chunk, aligned to 64 bytes of the file, but copied when memory is not.
  std::span<const uint64_t> valid_;
  std::span<const uint32_t> ranks_;
  std::shared_ptr<const std::vector<uint64_t>> bitmap_copy_;
  // Bucket b starts at this page or before row b << shift_.
  std::vector<uint32_t> lookup_;
  int shift_ = 0;
};

}  // namespace tarn::format
