// SPDX-License-Identifier: Apache-2.0
#include "index/codebook.h"

#include <cstring>

#include "index/ivf/codebook_train.h"

namespace tarn::index {
namespace {

IndexChunk MakeChunk(uint32_t kind, const void* data, size_t size) {
  IndexChunk chunk{kind, std::vector<std::byte>(size)};
  if (size > 0) std::memcpy(chunk.bytes.data(), data, size);
  return chunk;
}

}  // namespace

IvfCodebook::IvfCodebook(const CodebookParams& params) {
  view_.params = params;
  mean_.Resize(params.dim * sizeof(float));
  centroids_.Resize(params.nlist * view_.centroid_stride());
  factors_.Resize(params.nlist * sizeof(ListFactor));
  pq_.Resize(params.dim * view_.pq_count() * sizeof(float));
  view_.mean = mean_.as<float>();
  view_.centroids = centroids_.as<uint8_t>();
  view_.factors = factors_.as<ListFactor>();
  view_.pq = pq_.as<float>();
}

void IvfCodebook::Seal() {
  ComputeFingerprint(view_, view_.params.fingerprint);
  fingerprint_ = FingerprintText(view_.params.fingerprint);
  const CodebookParams& p = view_.params;
  config_.nlist = static_cast<int32_t>(p.nlist);
  config_.nprobe = static_cast<int32_t>(p.nprobe);
  config_.m = static_cast<int32_t>(p.m);
  config_.bits = static_cast<int32_t>(p.bits);
  config_.residual = view_.residual();
  config_.seed = p.seed;
}

std::vector<IndexChunk> IvfCodebook::Chunks() const {
  std::vector<IndexChunk> chunks;
  chunks.push_back(MakeChunk(kCodebookChunk, &view_.params, sizeof(CodebookParams)));
  chunks.push_back(MakeChunk(kCodebookMeanChunk, mean_.as<float>(), mean_.size()));
  chunks.push_back(MakeChunk(kCentroidsChunk, centroids_.as<uint8_t>(), centroids_.size()));
  chunks.push_back(MakeChunk(kListFactorsChunk, factors_.as<ListFactor>(), factors_.size()));
  chunks.push_back(MakeChunk(kPqCentroidsChunk, pq_.as<float>(), pq_.size()));
  return chunks;
}

Result<std::shared_ptr<const Codebook>> Codebook::Copy(std::span<const ChunkView> chunks) {
  ARROW_ASSIGN_OR_RAISE(const CodebookView view, CodebookView::Open(chunks));
  auto copy = std::make_shared<IvfCodebook>(view.params);
  const CodebookParams& p = view.params;
  std::memcpy(copy->mean(), view.mean, p.dim * sizeof(float));
  std::memcpy(copy->centroids(), view.centroids, p.nlist * view.centroid_stride());
  std::memcpy(copy->factors(), view.factors, p.nlist * sizeof(ListFactor));
  std::memcpy(copy->pq(), view.pq, p.dim * view.pq_count() * sizeof(float));
  copy->Seal();
  if (std::memcmp(copy->view().params.fingerprint, p.fingerprint, sizeof(p.fingerprint)) != 0) {
    return Error(ErrorKind::kCorrupt, "vector index: the codebook does not have the fingerprint ",
                 FingerprintText(p.fingerprint), " that it names; rebuild the index");
  }
  return copy;
}

}  // namespace tarn::index
