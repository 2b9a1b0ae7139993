// SPDX-License-Identifier: Apache-2.0
#include "index/build_codes.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "index/graph_walk.h"
#include "index/layout.h"

namespace tarn::index {

BuildCodes::BuildCodes(uint32_t dim, size_t nodes)
    : dim_(dim),
      blocks_((dim + 63) / 64),
      codes_(nodes * blocks_ * 64),
      factors_(nodes),
      sums_(nodes) {}

void BuildCodes::Set(size_t i, const float* rotated) {
  float largest = 0;
  for (uint32_t d = 0; d < dim_; ++d) largest = std::max(largest, std::abs(rotated[d]));
  const float per_step = largest > 1e-30f ? 127 / largest : 0;
  uint8_t* row = codes_.as<uint8_t>() + i * stride();
  int64_t squared = 0;
  int32_t sum = 0;
  for (uint32_t d = 0; d < dim_; ++d) {
    const float place = std::clamp(rotated[d] * per_step, -127.0f, 127.0f);
    // Rounds to nearest: the shifted value is positive.
    const int code = static_cast<int>(place + 128.5f) - 128;
    row[d] = static_cast<uint8_t>(code + 128);
    squared += code * code;
    sum += code;
  }
  // Past the end the stored byte must stand for zero, whatever meets it.
  std::fill(row + dim_, row + stride(), uint8_t{128});
  const float scale = largest / 127;
  factors_[i] = {scale, scale * scale * static_cast<float>(squared)};
  sums_[i] = 128 * static_cast<float>(sum);
}

void BuildCodes::UseDirections() {
  for (kernels::RowFactor& factor : factors_) {
    if (!(factor.bias > 0)) continue;
    factor.scale /= std::sqrt(factor.bias);
    factor.bias = 1;
  }
}

void BuildCodes::Select(const std::vector<uint32_t>& kept) {
  if (kept.size() == size()) return;
  // `kept` ascends, so nothing is overwritten before it is moved.
  for (size_t i = 0; i < kept.size(); ++i) {
    if (kept[i] == i) continue;
    std::memcpy(codes_.as<uint8_t>() + i * stride(), row(kept[i]), stride());
    factors_[i] = factors_[kept[i]];
    sums_[i] = sums_[kept[i]];
  }
  factors_.resize(kept.size());
  sums_.resize(kept.size());
}

NodeDistances::NodeDistances(const BuildCodes& codes, const kernels::KernelTable& kernels)
    : codes_(codes),
      kernels_(kernels),
      query_(codes.stride()),
      sums_(WalkScratch::kBatch + kernels::kPoolPad) {}

void NodeDistances::From(uint32_t node) {
  node_ = node;
  const auto* __restrict row = reinterpret_cast<const uint64_t*>(codes_.row(node));
  auto* __restrict query = query_.as<uint64_t>();
  // Every byte minus 128.
  for (size_t j = 0; j < codes_.stride() / 8; ++j) query[j] = row[j] ^ 0x8080808080808080u;
}

void NodeDistances::To(const uint32_t* ids, size_t n, float* out) {
  if (sums_.size() < n) sums_.resize(n);
  kernels_.codes.dot8_gather(query_.as<int8_t>(), codes_.codes_.as<uint8_t>(), codes_.blocks_, ids,
                             n, sums_.data());
  const auto [scale, bias] = codes_.factors_[node_];
  kernels_.search.keys(sums_.data(), n, codes_.sums_[node_], -2 * scale, 1.0f,
                       codes_.factors_.data(), ids, out);
  for (size_t i = 0; i < n; ++i) out[i] = std::max(out[i] + bias, 0.0f);
}

void NodeDistances::Prefetch(uint32_t id) const {
  PrefetchLines(codes_.row(id), codes_.stride());
  __builtin_prefetch(&codes_.factors_[id]);
}

}  // namespace tarn::index
