// SPDX-License-Identifier: Apache-2.0
#include "index/ivf/ivf_build.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/parallel.h"
#include "index/ivf/codebook_train.h"
#include "index/ivf/row_coder.h"
#include "index/layout.h"

namespace tarn::index {
namespace {

constexpr uint32_t kBlockRows = kernels::kPqBlockRows;

// All rows, coded, in the order of the set.
struct CodedRows {
  std::vector<uint32_t> lists;
  std::vector<IvfFrame::Factors> factors;
  std::vector<uint8_t> codes;  // m bytes for each row
  CodingError error;
};

CodedRows CodeAll(const VectorSet& vectors, const RowCoder& coder, int threads) {
  const size_t n = vectors.count;
  const size_t m = coder.codebook().params.m;
  CodedRows out;
  out.lists.resize(n);
  out.factors.resize(n);
  out.codes.resize(n * m);
  std::vector<CodingError> errors((n + kPqTileRows - 1) / kPqTileRows);
  std::vector<CodedTile> tiles(static_cast<size_t>(threads));
  ParallelFor(n, kPqTileRows, threads, [&](size_t begin, size_t end, int thread) {
    CodedTile& tile = tiles[static_cast<size_t>(thread)];
    errors[begin / kPqTileRows] = coder.Code(vectors, begin, end, tile);
    std::copy_n(tile.lists, end - begin, out.lists.begin() + static_cast<ptrdiff_t>(begin));
    std::copy_n(tile.factors, end - begin, out.factors.begin() + static_cast<ptrdiff_t>(begin));
    for (size_t i = 0; i < end - begin; ++i) {
      for (size_t s = 0; s < m; ++s) {
        out.codes[(begin + i) * m + s] = tile.codes[s * kPqTileRows + i];
      }
    }
  });
  for (const auto& error : errors) out.error.Add(error);
  return out;
}

// Where each list begins, and its rows in order.
struct Lists {
  std::vector<ListPlace> places;
  std::vector<uint32_t> starts;   // into members
  std::vector<uint32_t> members;  // by list, ascending
  uint64_t blocks = 0;
};

Lists FileRows(const std::vector<uint32_t>& lists, uint32_t nlist) {
  Lists out;
  out.places.resize(nlist);
  out.starts.resize(nlist + 1);
  for (uint32_t list : lists) ++out.places[list].rows;
  for (uint32_t l = 0; l < nlist; ++l) {
    out.places[l].first_block = static_cast<uint32_t>(out.blocks);
    out.blocks += (out.places[l].rows + kBlockRows - 1) / kBlockRows;
    out.starts[l + 1] = out.starts[l] + out.places[l].rows;
  }
  out.members.resize(lists.size());
  std::vector<uint32_t> next(out.starts.begin(), out.starts.end() - 1);
  for (uint32_t i = 0; i < lists.size(); ++i) out.members[next[lists[i]]++] = i;
  return out;
}

class BlockWriter {
 public:
  BlockWriter(const VectorSet& vectors, const CodebookView& codebook, const CodedRows& rows)
      : vectors_(vectors), codebook_(codebook), rows_(rows) {}

  void Write(std::span<const uint32_t> members, std::byte* block) const {
    for (size_t begin = 0; begin < members.size(); begin += kBlockRows) {
      const size_t count = std::min<size_t>(kBlockRows, members.size() - begin);
      for (size_t r = 0; r < kBlockRows; ++r) {
        r < count ? WriteRow(members[begin + r], r, block) : WriteNothing(r, block);
      }
      block += codebook_.block_bytes();
    }
  }

 private:
  void WriteRow(uint32_t vector, size_t r, std::byte* block) const {
    const size_t m = codebook_.params.m;
    const uint8_t* codes = rows_.codes.data() + vector * m;
    for (size_t s = 0; s < m; ++s) {
      if (codebook_.params.bits == 8) {
        block[s * kBlockRows + r] = std::byte{codes[s]};
      } else {
        block[s / 2 * kBlockRows + r] |= std::byte{static_cast<uint8_t>(codes[s] << (s % 2 * 4))};
      }
    }
    WriteFactors(rows_.factors[vector].scale, rows_.factors[vector].bias, vectors_.row(vector), r,
                 block);
  }
  void WriteNothing(size_t r, std::byte* block) const { WriteFactors(0, 0, kNoRow, r, block); }
  void WriteFactors(float scale, float bias, uint32_t row, size_t r, std::byte* block) const {
    std::byte* factors = block + codebook_.code_bytes() + 4 * r;
    std::memcpy(factors, &scale, 4);
    std::memcpy(factors + 4 * kBlockRows, &bias, 4);
    std::memcpy(factors + 8 * kBlockRows, &row, 4);
  }

  const VectorSet& vectors_;
  const CodebookView& codebook_;
  const CodedRows& rows_;
};

template <typename T>
IndexChunk ChunkOf(uint32_t kind, const T* values, size_t count) {
  IndexChunk chunk{kind, std::vector<std::byte>(count * sizeof(T))};
  if (count > 0) std::memcpy(chunk.bytes.data(), values, chunk.bytes.size());
  return chunk;
}

std::vector<IndexChunk> BuildWith(const VectorSet& vectors, const IvfCodebook& codebook,
                                  int threads) {
  const CodebookView& view = codebook.view();
  const RowCoder coder(view);
  const CodedRows rows = CodeAll(vectors, coder, threads);
  const Lists lists = FileRows(rows.lists, view.params.nlist);
  IvfParams params;
  params.metric = view.params.metric;
  params.dim = view.params.dim;
  params.row_count = vectors.count;
  params.block_count = lists.blocks;
  const double variance = view.params.variance;
  params.coding_error = variance > 0 ? std::min(rows.error.Mean(variance) / variance, 1e30) : 0;

  IndexChunk blocks{kBlocksChunk, std::vector<std::byte>(lists.blocks * view.block_bytes())};
  const BlockWriter writer(vectors, view, rows);
  ParallelFor(view.params.nlist, 16, threads, [&](size_t begin, size_t end, int) {
    for (size_t l = begin; l < end; ++l) {
      writer.Write(std::span(lists.members).subspan(lists.starts[l], lists.places[l].rows),
                   blocks.bytes.data() + lists.places[l].first_block * view.block_bytes());
    }
  });
  std::vector<IndexChunk> chunks;
  chunks.push_back(ChunkOf(kIvfParamsChunk, &params, 1));
  for (auto& chunk : codebook.Chunks()) chunks.push_back(std::move(chunk));
  chunks.push_back(ChunkOf(kListsChunk, lists.places.data(), lists.places.size()));
  chunks.push_back(std::move(blocks));
  return chunks;
}

}  // namespace

Result<std::vector<IndexChunk>> BuildIvfIndex(const VectorSet& vectors,
                                              const BuildOptions& options) {
  const int threads = std::max(1, options.threads);
  std::shared_ptr<const Codebook> codebook = options.codebook;
  if (codebook == nullptr) {
    if (vectors.count == 0) {
      ARROW_RETURN_NOT_OK(options.ivf_pq.Validate(static_cast<int32_t>(vectors.dim)));
      IvfParams params;
      params.metric = static_cast<uint32_t>(options.metric);
      params.dim = vectors.dim;
      return std::vector<IndexChunk>{ChunkOf(kIvfParamsChunk, &params, 1)};
    }
    ARROW_ASSIGN_OR_RAISE(codebook,
                          Codebook::Train(vectors, options.metric, options.ivf_pq, threads));
  }
  if (codebook->dim() != vectors.dim || codebook->metric() != options.metric) {
    return Error(ErrorKind::kBadInput, "vector index: the codebook is for ", codebook->dim(),
                 " dimensions and ", MetricName(codebook->metric()), ", the vectors have ",
                 vectors.dim, " and ", MetricName(options.metric));
  }
  return BuildWith(vectors, static_cast<const IvfCodebook&>(*codebook), threads);
}

}  // namespace tarn::index
