// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as the chunks of an index: opened, verified and searched in every way, they are refused
// or harmless, and no search returns a row past the file or an unwanted row, nor, when Verify found
// nothing, a row twice. Input: `u32 row limit`, then for each chunk `u32 kind | u32 length |
// bytes`, cut off where input ends.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "index/vector_index.h"

namespace {

using tarn::index::Neighbor;

/// Copies of the chunks, each in a heap block of its own size, so that the sanitizer sees a read
/// past its end; the blocks are aligned as chunks in files are.
class Chunks {
 public:
  explicit Chunks(std::span<const std::byte> input) {
    tarn::ByteReader reader(input);
    // Files of many rows differ only in the memory that checking their row lists takes.
    row_limit_ = reader.Read<uint32_t>() % (1u << 20);
    while (reader.ok() && reader.remaining() >= 8) {
      const auto kind = reader.Read<uint32_t>();
      const auto wanted = reader.Read<uint32_t>();
      const auto length = std::min<size_t>(wanted, reader.remaining());
      const auto bytes = reader.ReadBytes(length);
      void* block = nullptr;
      if (posix_memalign(&block, 64, length) != 0) std::abort();
      blocks_.emplace_back(block, &std::free);
      if (length > 0) std::memcpy(block, bytes.data(), length);
      views_.push_back({kind, {static_cast<const std::byte*>(block), length}});
    }
  }

  std::span<const tarn::index::ChunkView> views() const { return views_; }
  uint32_t row_limit() const { return row_limit_; }

 private:
  uint32_t row_limit_ = 0;
  std::vector<std::unique_ptr<void, decltype(&std::free)>> blocks_;
  std::vector<tarn::index::ChunkView> views_;
};

/// Vectors for every row: row r repeats three values that depend on r.
class AnyRows : public tarn::index::RowSource {
 public:
  AnyRows(uint32_t dim, uint32_t row_limit) : dim_(dim), row_limit_(row_limit) {}
  tarn::VectorPrecision precision() const override { return tarn::VectorPrecision::kF32; }
  tarn::Status Fetch(std::span<const uint32_t> rows, const std::byte** out) override {
    values_.resize(rows.size() * dim_);
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] >= row_limit_) std::abort();
      for (uint32_t d = 0; d < dim_; ++d) {
        values_[i * dim_ + d] = static_cast<float>(d % 3) + static_cast<float>(rows[i] % 7);
      }
      out[i] = reinterpret_cast<const std::byte*>(values_.data() + i * dim_);
    }
    return tarn::Status::OK();
  }

 private:
  uint32_t dim_;
  uint32_t row_limit_;
  std::vector<float> values_;
};

void CheckHits(std::vector<Neighbor> hits, uint32_t row_limit, bool whole,
               const tarn::index::LiveRows* live) {
  std::ranges::sort(hits, {}, &Neighbor::row);
  for (size_t i = 0; i < hits.size(); ++i) {
    if (hits[i].row >= row_limit) std::abort();
    if (whole && i > 0 && hits[i].row == hits[i - 1].row) std::abort();
    if (live != nullptr && !live->contains(hits[i].row)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn::index;
  const Chunks chunks(std::as_bytes(std::span(data, size)));
  const auto index = VectorIndex::Open(chunks.views(), chunks.row_limit());
  if (!index.ok()) return 0;
  const bool whole = (*index)->Verify().ok();
  std::vector<float> query((*index)->dim());
  for (size_t i = 0; i < query.size(); ++i) query[i] = static_cast<float>(i % 5) - 1.5f;

  const std::vector<uint64_t> every_third(chunks.row_limit() / 64 % 4096 + 1, 0x9249249249249249u);
  const LiveRows third{every_third};
  AnyRows source((*index)->dim(), chunks.row_limit());
  SearchScratch scratch;
  for (const LiveRows* live : {static_cast<const LiveRows*>(nullptr), &third}) {
    for (RowSource* rows : {static_cast<RowSource*>(nullptr), static_cast<RowSource*>(&source)}) {
      const auto found = (*index)->Search(query.data(), {.k = 5, .ef = 8, .live = live, .source = rows}, scratch);
      // What Verify passes is searched without complaint.
      if (whole && !found.ok()) std::abort();
      if (found.ok()) CheckHits(*found, chunks.row_limit(), whole, live);
    }
  }
  return 0;
}
