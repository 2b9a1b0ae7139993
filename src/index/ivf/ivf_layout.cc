// SPDX-License-Identifier: Apache-2.0
#include "index/ivf/ivf_layout.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "index/layout.h"

namespace tarn::index {
namespace {

const ChunkView* Find(std::span<const ChunkView> chunks, uint32_t kind) {
  const auto it = std::find_if(chunks.begin(), chunks.end(),
                               [&](const ChunkView& c) { return c.kind == kind; });
  return it == chunks.end() ? nullptr : &*it;
}

Status Corrupt(uint32_t kind, const char* what) {
  return Error(ErrorKind::kCorrupt, "vector index: chunk ", kind, " ", what);
}

template <typename T>
Result<const T*> Take(std::span<const ChunkView> chunks, uint32_t kind, uint64_t count) {
  const ChunkView* chunk = Find(chunks, kind);
  if (chunk == nullptr) return Corrupt(kind, "is missing");
  // No overflow: counts are below 2^31 blocks of at most 2^21 bytes.
  if (chunk->bytes.size() != count * sizeof(T)) return Corrupt(kind, "has a wrong size");
  if (reinterpret_cast<uintptr_t>(chunk->bytes.data()) % 64 != 0) {
    return Corrupt(kind, "is not 64-byte aligned");
  }
  return reinterpret_cast<const T*>(chunk->bytes.data());
}

Status CheckOnce(std::span<const ChunkView> chunks) {
  for (const ChunkView& chunk : chunks) {
    if (chunk.kind < kIvfParamsChunk || chunk.kind > kBlocksChunk) continue;
    if (Find(chunks, chunk.kind) != &chunk) return Corrupt(chunk.kind, "appears twice");
  }
  return Status::OK();
}

bool IsPositive(double v) { return std::isfinite(v) && v > 0; }
bool IsNotNegative(double v) { return std::isfinite(v) && v >= 0; }

Status CheckCodebook(const CodebookParams& p) {
  if (p.magic != CodebookParams::kMagic) {
    return Error(ErrorKind::kCorrupt, "vector index: the codebook has a wrong magic number");
  }
  constexpr uint32_t kKnown = CodebookParams::kResidual | CodebookParams::kRotated;
  if (p.version != 1 || (p.flags & ~kKnown) != 0 ||
      p.metric > uint32_t(VectorMetric::kNormalizedCosine) || (p.bits != 4 && p.bits != 8)) {
    return Error(ErrorKind::kNotSupported, "vector index: a codebook of version ", p.version,
                 ", flags ", p.flags, ", metric ", p.metric, " and ", p.bits,
                 " bits is not known to this reader");
  }
  const bool fits = p.dim >= 1 && p.dim <= 65536 && p.nlist >= 1 && p.nlist < kMaxNodes &&
                    p.m >= 1 && p.m <= p.dim && p.nprobe >= 1 && p.nprobe <= p.nlist &&
                    IsPositive(p.unit) && IsNotNegative(p.margin) && IsNotNegative(p.spread) &&
                    IsNotNegative(p.training_error) && IsNotNegative(p.variance);
  if (!fits) return Error(ErrorKind::kCorrupt, "vector index: the codebook contradicts itself");
  return Status::OK();
}

Status CheckParams(const IvfParams& p, uint64_t row_limit) {
  if (p.magic != IvfParams::kMagic) {
    return Error(ErrorKind::kCorrupt, "vector index: the IVF params have a wrong magic number");
  }
  if (p.version != 1 || p.incompatible_features != 0) {
    return Error(ErrorKind::kNotSupported, "vector index: IVF version ", p.version, ", features ",
                 p.incompatible_features, "; this reader knows version 1 without features");
  }
  if (p.metric > uint32_t(VectorMetric::kNormalizedCosine)) {
    return Error(ErrorKind::kNotSupported, "vector index: unknown metric ", p.metric);
  }
  const bool fits = p.dim >= 1 && p.dim <= 65536 && p.row_count < kMaxNodes &&
                    p.row_count <= row_limit && p.block_count <= p.row_count &&
                    p.block_count >= (p.row_count + 15) / 16 && IsNotNegative(p.coding_error);
  if (!fits) return Error(ErrorKind::kCorrupt, "vector index: the IVF params contradict themselves");
  return Status::OK();
}

}  // namespace

void CodebookView::Centroid(uint32_t list, float* out) const {
  const uint8_t* codes = centroids + list * centroid_stride();
  const float scale = factors[list].scale;
  for (uint32_t d = 0; d < params.dim; ++d) {
    out[d] = scale * static_cast<float>(static_cast<int>(codes[d]) - 128);
  }
}

Result<CodebookView> CodebookView::Open(std::span<const ChunkView> chunks) {
  if (Find(chunks, kCodebookChunk) == nullptr) {
    return Error(ErrorKind::kNotFound, "vector index: there is no codebook");
  }
  ARROW_RETURN_NOT_OK(CheckOnce(chunks));
  CodebookView view;
  ARROW_ASSIGN_OR_RAISE(const auto* params, Take<CodebookParams>(chunks, kCodebookChunk, 1));
  std::memcpy(&view.params, params, sizeof(CodebookParams));
  const CodebookParams& p = view.params;
  ARROW_RETURN_NOT_OK(CheckCodebook(p));
  ARROW_ASSIGN_OR_RAISE(view.mean, Take<float>(chunks, kCodebookMeanChunk, p.dim));
  ARROW_ASSIGN_OR_RAISE(view.centroids,
                        Take<uint8_t>(chunks, kCentroidsChunk, p.nlist * view.centroid_stride()));
  ARROW_ASSIGN_OR_RAISE(view.factors, Take<ListFactor>(chunks, kListFactorsChunk, p.nlist));
  ARROW_ASSIGN_OR_RAISE(view.pq, Take<float>(chunks, kPqCentroidsChunk, p.dim * view.pq_count()));
  return view;
}

bool IvfView::Matches(std::span<const ChunkView> chunks) {
  return Find(chunks, kIvfParamsChunk) != nullptr;
}

Result<IvfView> IvfView::Open(std::span<const ChunkView> chunks, uint64_t row_limit) {
  ARROW_RETURN_NOT_OK(CheckOnce(chunks));
  IvfView view;
  view.row_limit = row_limit;
  ARROW_ASSIGN_OR_RAISE(const auto* params, Take<IvfParams>(chunks, kIvfParamsChunk, 1));
  std::memcpy(&view.params, params, sizeof(IvfParams));
  const IvfParams& p = view.params;
  ARROW_RETURN_NOT_OK(CheckParams(p, row_limit));
  if (Find(chunks, kCodebookChunk) == nullptr && p.row_count == 0) return view;
  auto codebook = CodebookView::Open(chunks);
  if (IsKind(codebook.status(), ErrorKind::kNotFound)) {
    return Corrupt(kCodebookChunk, "is missing");
  }
  ARROW_ASSIGN_OR_RAISE(view.codebook, std::move(codebook));
  if (view.codebook.params.metric != p.metric || view.codebook.params.dim != p.dim) {
    return Error(ErrorKind::kCorrupt, "vector index: the codebook is for other vectors");
  }
  ARROW_ASSIGN_OR_RAISE(view.places,
                        Take<ListPlace>(chunks, kListsChunk, view.codebook.params.nlist));
  ARROW_ASSIGN_OR_RAISE(
      view.blocks,
      Take<std::byte>(chunks, kBlocksChunk, p.block_count * view.codebook.block_bytes()));
  return view;
}

void ComputeFingerprint(const CodebookView& codebook, uint8_t out[16]) {
  XXH3_state_t* state = XXH3_createState();
  XXH3_128bits_reset(state);
  const auto add = [&](const void* data, size_t size) { XXH3_128bits_update(state, data, size); };
  const CodebookParams& p = codebook.params;
  add(&p, offsetof(CodebookParams, fingerprint));
  add(codebook.mean, size_t{p.dim} * sizeof(float));
  add(codebook.centroids, p.nlist * codebook.centroid_stride());
  add(codebook.factors, p.nlist * sizeof(ListFactor));
  add(codebook.pq, p.dim * codebook.pq_count() * sizeof(float));
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
  XXH3_freeState(state);
  std::memcpy(out, canonical.digest, 16);
}

std::string FingerprintText(const uint8_t fingerprint[16]) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < 16; ++i) {
    text.push_back(kDigits[fingerprint[i] >> 4]);
    text.push_back(kDigits[fingerprint[i] & 15]);
  }
  return text;
}

std::string CodebookFingerprint(std::span<const ChunkView> chunks) {
  const ChunkView* chunk = Find(chunks, kCodebookChunk);
  if (chunk == nullptr || chunk->bytes.size() != sizeof(CodebookParams)) return {};
  CodebookParams params;
  std::memcpy(&params, chunk->bytes.data(), sizeof(params));
  return FingerprintText(params.fingerprint);
}

}  // namespace tarn::index
