// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "index/exact_distance.h"
#include "index/nearest_rows.h"
#include "index/vector_index.h"

namespace tarn::index {

struct ExactScan::Impl {
  Impl(VectorMetric metric, VectorPrecision precision, uint32_t dim, const float* query, uint32_t k,
       const LiveRows* live_rows)
      : distance(metric, precision, dim, query), nearest(k), live(live_rows) {}

  ExactDistance distance;
  NearestRows nearest;
  const LiveRows* live;
  std::vector<const std::byte*> pointers;
  std::vector<uint32_t> rows;
  std::vector<float> distances;
};

ExactScan::ExactScan(VectorMetric metric, VectorPrecision precision, uint32_t dim,
                     const float* query, uint32_t k, const LiveRows* live)
    : impl_(std::make_unique<Impl>(metric, precision, dim, query, k, live)) {}

ExactScan::~ExactScan() = default;

void ExactScan::Add(const ExactBlock& block) {
  constexpr uint64_t kPiece = 256;
  Impl& s = *impl_;
  s.distance.UseStep(block.step);
  s.distances.resize(kPiece);
  const auto row_of = [&](uint64_t i) {
    return block.rows ? block.rows[i] : static_cast<uint32_t>(block.first_row + i);
  };
  for (uint64_t begin = 0; begin < block.count; begin += kPiece) {
    const uint64_t end = std::min(block.count, begin + kPiece);
    s.pointers.clear();
    s.rows.clear();
    for (uint64_t i = begin; i < end; ++i) {
      if (s.live && !s.live->contains(row_of(i))) continue;
      s.pointers.push_back(block.values + i * s.distance.row_bytes());
      s.rows.push_back(row_of(i));
    }
    if (s.rows.size() == end - begin) {
      s.distance.Block(s.pointers[0], s.rows.size(), s.distances.data());
    } else {
      s.distance.Gather(s.pointers.data(), s.rows.size(), s.distances.data());
    }
    for (size_t i = 0; i < s.rows.size(); ++i) s.nearest.Add(s.distances[i], s.rows[i]);
  }
}

std::vector<Neighbor> ExactScan::Finish() { return impl_->nearest.Take(); }

}  // namespace tarn::index
