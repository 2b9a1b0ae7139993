// SPDX-License-Identifier: Apache-2.0
#include "format/page_map.h"

#include <bit>
#include <cstring>

#include "base/bytes.h"

namespace tarn::format {
namespace {

constexpr size_t kTableHeader = 32;

Status Damaged(const std::string& what) { return Error(ErrorKind::kCorrupt, "page map: ", what); }

}  // namespace

PageMapBytes EncodePageMap(uint64_t rows, uint64_t vectors, std::span<const VectorPage> pages,
                           const std::vector<uint64_t>* valid_words) {
  PageMapBytes out;
  AppendLe(out.table, rows);
  AppendLe(out.table, vectors);
  AppendLe<uint64_t>(out.table, pages.size());
  AppendLe<uint64_t>(out.table, 0);
  for (const VectorPage& page : pages) AppendLe(out.table, page);
  if (valid_words == nullptr) return out;
  for (uint64_t word : *valid_words) AppendLe(out.bitmap, word);
  uint32_t rank = 0;
  for (uint64_t word : *valid_words) {
    AppendLe(out.bitmap, rank);
    rank += static_cast<uint32_t>(std::popcount(word));
  }
  return out;
}

Result<PageMap> PageMap::Open(const Section& section, std::span<const std::byte> file,
                              uint64_t data_limit) {
  PageMap map;
  map.dim_ = section.info().dim;
  map.file_ = file.data();
  const SectionChunk* table = section.Find(kPageTable);
  if (table == nullptr) return Damaged("there is no page table");
  ByteReader reader(table->bytes);
  map.rows_ = reader.Read<uint64_t>();
  map.vectors_ = reader.Read<uint64_t>();
  const auto page_count = reader.Read<uint64_t>();
  reader.Read<uint64_t>();
  if (!reader.ok() || page_count != reader.remaining() / sizeof(VectorPage) ||
      reader.remaining() % sizeof(VectorPage) != 0) {
    return Damaged("the page table's length does not fit");
  }
  if (map.rows_ > UINT32_MAX || map.vectors_ > map.rows_ ||
      map.vectors_ != section.info().record_count) {
    return Damaged("the counts do not fit each other");
  }
  map.pages_.resize(page_count);
  if (page_count > 0)
    std::memcpy(map.pages_.data(), table->bytes.data() + kTableHeader,
                page_count * sizeof(VectorPage));
  ARROW_RETURN_NOT_OK(map.CheckPages(file, data_limit));
  ARROW_RETURN_NOT_OK(map.OpenBitmap(section));
  map.BuildLookup();
  return map;
}

Status PageMap::CheckPages(std::span<const std::byte> file, uint64_t data_limit) const {
  if (pages_.empty()) return Status::OK();
  uint64_t row = 0;
  uint64_t vector = 0;
  for (size_t i = 0; i < pages_.size(); ++i) {
    const VectorPage& page = pages_[i];
    if (page.first_row != row || page.first_vector != vector || page.row_count == 0 ||
        page.vector_count > page.row_count) {
      return Damaged("page " + std::to_string(i) + " does not follow the one before");
    }
    row += page.row_count;
    vector += page.vector_count;
    const uint64_t bytes = uint64_t{page.vector_count} * dim_ * sizeof(float);
    if (page.floats_offset > data_limit || bytes > data_limit - page.floats_offset ||
        data_limit > file.size()) {
      return Damaged("page " + std::to_string(i) + " reaches past the file's data");
    }
  }
  if (row != rows_ || vector != vectors_) return Damaged("the pages do not hold all rows");
  return Status::OK();
}

Status PageMap::OpenBitmap(const Section& section) {
  const SectionChunk* chunk = section.Find(kRowBitmap);
  if (chunk == nullptr) {
    return vectors_ == rows_ ? Status::OK()
                             : Damaged("rows are null, but there is no bitmap of them");
  }
  const size_t words = (rows_ + 63) / 64;
  if (chunk->bytes.size() != words * 12) return Damaged("the bitmap's length does not fit");
  const std::byte* at = chunk->bytes.data();
  if (reinterpret_cast<uintptr_t>(at) % alignof(uint64_t) != 0) {
    auto copy = std::make_shared<std::vector<uint64_t>>((chunk->bytes.size() + 7) / 8);
    std::memcpy(copy->data(), at, chunk->bytes.size());
    at = reinterpret_cast<const std::byte*>(copy->data());
    bitmap_copy_ = std::move(copy);
  }
  valid_ = {reinterpret_cast<const uint64_t*>(at), words};
  ranks_ = {reinterpret_cast<const uint32_t*>(at + words * 8), words};
  return Status::OK();
}

void PageMap::BuildLookup() {
  if (pages_.empty()) return;
  // Buckets of a power of two of rows, about two for each page.
  const uint64_t rows_per_bucket = std::max<uint64_t>(1, rows_ / (2 * pages_.size()));
  shift_ = std::bit_width(rows_per_bucket) - 1;
  lookup_.resize((rows_ >> shift_) + 1);
  uint32_t page = 0;
  for (size_t bucket = 0; bucket < lookup_.size(); ++bucket) {
    const uint64_t row = static_cast<uint64_t>(bucket) << shift_;
    while (page + 1 < pages_.size() && pages_[page + 1].first_row <= row) ++page;
    lookup_[bucket] = page;
  }
}

uint64_t PageMap::Rank(uint32_t row) const {
  if (valid_.empty()) return row;
  const uint64_t below = (uint64_t{1} << (row % 64)) - 1;
  return ranks_[row / 64] + static_cast<uint64_t>(std::popcount(valid_[row / 64] & below));
}

const std::byte* PageMap::Find(uint32_t row) const {
  if (row >= rows_ || pages_.empty() || !HasVector(row)) return nullptr;
  uint32_t at = lookup_[row >> shift_];
  while (at + 1 < pages_.size() && pages_[at + 1].first_row <= row) ++at;
  const VectorPage& page = pages_[at];
  const uint64_t position = Rank(row) - page.first_vector;
  if (position >= page.vector_count) return nullptr;
  return file_ + page.floats_offset + position * dim_ * sizeof(float);
}

void PageMap::AppendRows(uint32_t first_row, uint32_t count, std::vector<uint32_t>* rows) const {
  for (uint64_t row = first_row; row < uint64_t{first_row} + count && row < rows_; ++row) {
    if (HasVector(static_cast<uint32_t>(row))) rows->push_back(static_cast<uint32_t>(row));
  }
}

Status PageMap::Verify() const {
  uint64_t rank = 0;
  for (size_t word = 0; word < valid_.size(); ++word) {
    if (ranks_[word] != rank)
      return Damaged("the rank of bitmap word " + std::to_string(word) + " is wrong");
    rank += static_cast<uint64_t>(std::popcount(valid_[word]));
  }
  if (!valid_.empty() && rank != vectors_)
    return Damaged("the bitmap does not hold as many rows as vectors");
  if (!valid_.empty() && rows_ % 64 != 0 && valid_.back() >> (rows_ % 64) != 0) {
    return Damaged("the bitmap has rows past the end");
  }
  for (const VectorPage& page : pages_) {
    if (!valid_.empty() && Rank(page.first_row) != page.first_vector) {
      return Damaged("the bitmap and the pages disagree at row " + std::to_string(page.first_row));
    }
  }
  return Status::OK();
}

}  // namespace tarn::format
