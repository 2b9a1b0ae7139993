// SPDX-License-Identifier: Apache-2.0
#include "kernels/rotation.h"

#include <bit>
#include <cmath>

#include "kernels/kernels.h"

namespace tarn::kernels {
namespace {

// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
uint64_t SplitMix64(uint64_t seed, uint64_t index) {
  uint64_t z = seed + (index + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

Rotation::Rotation(uint32_t dim, uint64_t seed) : dim_(dim), power_(std::bit_floor(dim)) {
  const uint32_t rounds = power_ == dim ? 1 : 2;
  const uint64_t words = (uint64_t{dim} + 63) / 64;
  const auto scale = static_cast<float>(1 / std::sqrt(static_cast<double>(power_)));
  factors_.resize(size_t{rounds} * dim);
  for (uint32_t round = 0; round < rounds; ++round) {
    const uint32_t first = round == 0 ? 0 : dim - power_;
    for (uint32_t d = 0; d < dim; ++d) {
      const bool minus = SplitMix64(seed, round * words + d / 64) >> (d % 64) & 1;
      const float size = d >= first && d < first + power_ ? scale : 1.0f;
      factors_[size_t{round} * dim + d] = minus ? -size : size;
    }
  }
}

void Rotation::Apply(const float* in, float* out) const {
  const auto& kernels = Kernels().search;
  const float* factors = factors_.data();
  for (uint32_t d = 0; d < dim_; ++d) out[d] = in[d] * factors[d];
  kernels.hadamard(out, power_);
  if (power_ == dim_) return;
  factors += dim_;
  for (uint32_t d = 0; d < dim_; ++d) out[d] *= factors[d];
  kernels.hadamard(out + (dim_ - power_), power_);
}

}  // namespace tarn::kernels
