// SPDX-License-Identifier: Apache-2.0
#include "index/layout.h"

#include <cmath>
#include <cstring>
#include <map>

#include "base/bytes.h"

namespace tarn::index {
namespace {

Status CheckParams(const Params& p, uint64_t row_limit) {
  if (p.magic != Params::kMagic) {
    return Error(ErrorKind::kCorrupt, "vector index: the params chunk has a wrong magic number");
  }
  if (p.version != 1 || p.incompatible_features != 0) {
    return Error(ErrorKind::kNotSupported, "vector index: version ", p.version, ", features ",
                 p.incompatible_features, "; this reader knows version 1 without features");
  }
  if (p.type != uint32_t(IndexType::kHnsw) && p.type != uint32_t(IndexType::kFlat)) {
    return Error(ErrorKind::kNotSupported, "vector index: unknown type ", p.type);
  }
  if (p.metric > uint32_t(VectorMetric::kNormalizedCosine)) {
    return Error(ErrorKind::kNotSupported, "vector index: unknown metric ", p.metric);
  }
  const bool graph = p.type == uint32_t(IndexType::kHnsw);
  const bool fits = p.dim >= 1 && p.dim <= 65536 && p.code_blocks == CodeBlocks(p.dim) &&
                    p.row_count < kMaxNodes && p.row_count <= row_limit &&
                    p.node_count <= p.row_count && (p.node_count > 0 || p.row_count == 0) &&
                    (graph ? p.degree >= 1 && p.degree <= 256 : p.degree == 0) &&
                    (p.node_count == 0 || p.entry < p.node_count) && std::isfinite(p.unit) &&
                    p.unit > 0 && std::isfinite(p.margin) && p.margin >= 0 &&
                    std::isfinite(p.radius) && p.radius >= 0 && std::isfinite(p.low_margin) &&
                    p.low_margin >= 0;
  if (!fits) return Error(ErrorKind::kCorrupt, "vector index: the params chunk contradicts itself");
  return Status::OK();
}

// Takes the chunks one by one and remembers the first that does not fit.
class ChunkTaker {
 public:
  explicit ChunkTaker(std::span<const ChunkView> chunks) {
    for (const ChunkView& chunk : chunks) {
      if (!chunks_.emplace(chunk.kind, chunk.bytes).second) Fail(chunk.kind, "appears twice");
    }
  }

  bool Has(uint32_t kind) const { return chunks_.contains(kind); }

  template <typename T>
  const T* Take(uint32_t kind, uint64_t count) {
    const auto it = chunks_.find(kind);
    if (it == chunks_.end()) {
      Fail(kind, "is missing");
      return nullptr;
    }
    // No overflow: counts are below 2^31 rows of at most 2^16 bytes.
    if (it->second.size() != count * sizeof(T)) Fail(kind, "has a wrong size");
    if (reinterpret_cast<uintptr_t>(it->second.data()) % 64 != 0)
      Fail(kind, "is not 64-byte aligned");
    return reinterpret_cast<const T*>(it->second.data());
  }

  std::span<const std::byte> Bytes(uint32_t kind) const { return chunks_.at(kind); }
  const Status& status() const { return status_; }

 private:
  void Fail(uint32_t kind, const char* what) {
    if (status_.ok()) status_ = Error(ErrorKind::kCorrupt, "vector index: chunk ", kind, " ", what);
  }

  std::map<uint32_t, std::span<const std::byte>> chunks_;
  Status status_;
};

}  // namespace

Result<IndexView> IndexView::Open(std::span<const ChunkView> chunks, uint64_t row_limit) {
  ChunkTaker taker(chunks);
  const auto* params = taker.Take<Params>(kParamsChunk, 1);
  if (!taker.status().ok()) return taker.status();
  IndexView view;
  view.row_limit = row_limit;
  std::memcpy(&view.params, params, sizeof(Params));
  const Params& p = view.params;
  ARROW_RETURN_NOT_OK(CheckParams(p, row_limit));
  if (p.node_count == 0) return view;

  view.mean = taker.Take<float>(kMeanChunk, p.dim);
  view.codes = taker.Take<uint8_t>(kCodesChunk, p.node_count * p.code_blocks * 64);
  if (p.degree != 0) view.links = taker.Take<uint32_t>(kLinksChunk, p.node_count * p.degree);
  view.factors = taker.Take<kernels::RowFactor>(kFactorsChunk, p.node_count);
  if (taker.Has(kLowCodesChunk)) {
    view.low_codes = taker.Take<uint8_t>(kLowCodesChunk, p.node_count * p.code_blocks * 64);
    view.low_factors = taker.Take<kernels::RowFactor>(kLowFactorsChunk, p.node_count);
  }
  if (taker.Has(kNodeRowsChunk)) {
    view.row_offsets = taker.Take<uint32_t>(kNodeRowsChunk, p.node_count + 1 + p.row_count);
    view.rows = view.row_offsets + p.node_count + 1;
  } else if (p.node_count != p.row_count) {
    return Error(ErrorKind::kCorrupt, "vector index: the node rows chunk is missing");
  }
  if (taker.Has(kExtraEntriesChunk)) {
    const size_t count = taker.Bytes(kExtraEntriesChunk).size() / sizeof(uint32_t);
    if (count > p.node_count) {
      return Error(ErrorKind::kCorrupt, "vector index: more extra entries than nodes");
    }
    view.extra_entries = {taker.Take<uint32_t>(kExtraEntriesChunk, count), count};
  }
  if (taker.Has(kPivotsChunk) || taker.Has(kPivotCodesChunk) || taker.Has(kPivotFactorsChunk)) {
    const size_t count =
        taker.Has(kPivotsChunk) ? taker.Bytes(kPivotsChunk).size() / sizeof(uint32_t) : 0;
    if (count > p.node_count) {
      return Error(ErrorKind::kCorrupt, "vector index: more pivots than nodes");
    }
    view.pivots = {taker.Take<uint32_t>(kPivotsChunk, count), count};
    view.pivot_codes = taker.Take<uint8_t>(kPivotCodesChunk, count * p.code_blocks * 64);
    view.pivot_factors = taker.Take<kernels::RowFactor>(kPivotFactorsChunk, count);
  }
  if (!taker.status().ok()) return taker.status();
  return view;
}

}  // namespace tarn::index
