// SPDX-License-Identifier: Apache-2.0
#include "index/ivf/ivf_query.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

namespace tarn::index {
namespace {

// Rounds values to multiples of largest / 127, and takes them away.
float RoundOff(std::vector<float>& values, int8_t* codes, int32_t& sum) {
  float largest = 0;
  for (float v : values) largest = std::max(largest, std::abs(v));
  sum = 0;
  const float step = largest / 127;
  const float per_step = step > 1e-30f ? 1 / step : 0;
  for (size_t d = 0; d < values.size(); ++d) {
    const int code = std::clamp(static_cast<int>(std::lrintf(values[d] * per_step)), -127, 127);
    codes[d] = static_cast<int8_t>(code);
    values[d] -= step * static_cast<float>(code);
    sum += code;
  }
  return step;
}

}  // namespace

bool IvfQuery::Prepare(const float* query, const CodebookView& codebook, const IvfFrame& frame) {
  const uint32_t dim = codebook.dim();
  if (ready_ && given_.size() == dim &&
      std::memcmp(given_.data(), query, dim * sizeof(float)) == 0 &&
      std::memcmp(fingerprint_, codebook.params.fingerprint, sizeof(fingerprint_)) == 0) {
    return true;
  }
  ready_ = false;
  values_.resize(dim);
  if (!frame.PrepareQuery(query, values_.data(), framed_)) return false;
  MakeTables(codebook, frame);
  EncodeForLists(codebook);
  ScoreLists(codebook);
  given_.assign(query, query + dim);
  std::memcpy(fingerprint_, codebook.params.fingerprint, sizeof(fingerprint_));
  ready_ = true;
  return true;
}

void IvfQuery::EncodeForLists(const CodebookView& codebook) {
  const size_t stride = codebook.centroid_stride();
  codes_.Resize(stride);
  fine_codes_.Resize(stride);
  std::memset(codes_.as<int8_t>(), 0, stride);
  std::memset(fine_codes_.as<int8_t>(), 0, stride);
  step_ = RoundOff(values_, codes_.as<int8_t>(), code_sum_);
  fine_step_ = RoundOff(values_, fine_codes_.as<int8_t>(), fine_code_sum_);
}

void IvfQuery::ScoreLists(const CodebookView& codebook) {
  const uint32_t nlist = codebook.params.nlist;
  sums_.resize(nlist);
  ranks_.resize(nlist + kernels::kPoolPad);
  kernels::Kernels().codes.dot8_block(codes_.as<int8_t>(), codebook.centroids,
                                      codebook.centroid_blocks(), nlist, sums_.data());
  for (uint32_t l = 0; l < nlist; ++l) {
    const ListFactor& f = codebook.factors[l];
    const float dot = f.scale * step_ * static_cast<float>(sums_[l] - 128 * code_sum_);
    const float rank = f.rank * (dot + framed_.with_mean + framed_.mean_share * f.with_mean) + f.bias;
    // A damaged list comes last.
    ranks_[l] = std::isfinite(rank) ? -rank : std::numeric_limits<float>::max();
  }
  ranked_ = 0;
}

void IvfQuery::Rank(uint32_t count) {
  const auto nlist = static_cast<uint32_t>(sums_.size());
  count = std::min(count, nlist);
  if (count <= ranked_) return;
  if (ranked_ == 0 && count <= nlist / 4) {
    const size_t room = count + kernels::kPoolPad;
    if (pool_keys_.size() < room * sizeof(float)) {
      pool_keys_.Resize(room * sizeof(float));
      pool_ids_.Resize(room * sizeof(uint32_t));
    }
    kernels::CandidatePool pool{pool_keys_.as<float>(), pool_ids_.as<uint32_t>(), 0, count, 0};
    std::fill_n(pool.distances, room, std::numeric_limits<float>::infinity());
    if (floats_.size() < 1) floats_.resize(1);
    order_.resize(nlist + kernels::kPoolPad);
    std::iota(order_.begin(), order_.end(), 0u);
    kernels::Kernels().search.pool_insert(pool, ranks_.data(), order_.data(), nlist);
    std::copy_n(pool.ids, pool.size, order_.begin());
    ranked_ = pool.size;
    return;
  }
  order_.resize(nlist);
  std::iota(order_.begin(), order_.end(), 0u);
  std::stable_sort(order_.begin(), order_.end(),
                   [&](uint32_t a, uint32_t b) { return ranks_[a] < ranks_[b]; });
  ranked_ = nlist;
}

float IvfQuery::Base(uint32_t list, const CodebookView& codebook, const IvfFrame& frame) {
  int32_t fine = 0;
  kernels::Kernels().codes.dot8_block(fine_codes_.as<int8_t>(),
                                      codebook.centroids + list * codebook.centroid_stride(),
                                      codebook.centroid_blocks(), 1, &fine);
  const double dot = double{step_} * (sums_[list] - 128 * code_sum_) +
                     double{fine_step_} * (fine - 128 * fine_code_sum_);
  return static_cast<float>(double{frame.product_factor()} * codebook.factors[list].scale * dot);
}

void IvfQuery::MakeTables(const CodebookView& codebook, const IvfFrame& frame) {
  const auto& kernels = kernels::Kernels().pq;
  const uint32_t m = codebook.params.m;
  const size_t count = codebook.pq_count();
  starts_.resize(m + 1);
  for (uint32_t s = 0; s <= m; ++s) starts_[s] = codebook.start(s);
  floats_.resize(m * count);
  const float largest =
      kernels.dot_tables(values_.data(), codebook.pq, starts_.data(), m, count, floats_.data());
  const bool four = codebook.params.bits == 4;
  const float most = four ? 31.0f : 32767.0f;
  const float step = std::isfinite(largest) && largest > 1e-30f ? largest / most : 0;
  const float per_step = step > 0 ? 1 / step : 0;
  float middle = kernels::kPq4Middle;
  if (four) {
    tables_.Resize(2 * codebook.code_bytes());
    kernels.pack4(floats_.data(), m, per_step, codebook.code_bytes(), tables_.as<uint8_t>());
  } else {
    middle = 32768;
    const size_t all = codebook.code_bytes() / kernels::kPqBlockRows * 256;
    tables_.Resize(all * sizeof(uint16_t));
    auto* out = tables_.as<uint16_t>();
    for (size_t i = 0; i < m * count; ++i) {
      out[i] = static_cast<uint16_t>(static_cast<int>(floats_[i] * per_step + 32768.5f));
    }
    std::fill(out + m * count, out + all, uint16_t{0});
  }
  rounding_ = step * std::sqrt(static_cast<float>(m) / 12);
  scan_.tables = tables_.as<std::byte>();
  scan_.bias_factor = frame.bias_factor(framed_);
  scan_.factor = frame.product_factor() * step;
  scan_.offset = -scan_.factor * middle * static_cast<float>(m);
}

}  // namespace tarn::index
