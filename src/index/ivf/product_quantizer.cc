// SPDX-License-Identifier: Apache-2.0
#include "index/ivf/product_quantizer.h"

#include <algorithm>
#include <numeric>

#include "base/parallel.h"

namespace tarn::index {
namespace {

// Coordinates [begin, end) of n rows, one after the other, each padded to a whole tile.
void Transpose(const float* rows, size_t n, uint32_t dim, uint32_t begin, uint32_t end,
               size_t stride, float* out) {
  for (size_t i = 0; i < n; ++i) {
    for (uint32_t d = begin; d < end; ++d) out[(d - begin) * stride + i] = rows[i * dim + d];
  }
  for (uint32_t d = begin; d < end; ++d) {
    std::fill(out + (d - begin) * stride + n, out + (d - begin + 1) * stride, 0.0f);
  }
}

float HalfNorm(const float* v, size_t dim) {
  float sum = 0;
  for (size_t d = 0; d < dim; ++d) sum += v[d] * v[d];
  return sum / 2;
}

// One sub-vector's centroids by Lloyd's iterations.
class SubTrainer {
 public:
  SubTrainer(const float* rows, size_t n, uint32_t dim, uint32_t begin, uint32_t end,
             uint32_t count)
      : n_(n), dim_(end - begin), count_(count), stride_((n + 15) / 16 * 16) {
    columns_.resize(dim_ * stride_);
    Transpose(rows, n, dim, begin, end, stride_, columns_.data());
    codes_.resize(stride_);
  }

  // Value j of coordinate d becomes out[d * count + j].
  void Run(int iterations, float* out) {
    Start();
    for (int i = 0; i < iterations; ++i) {
      for (uint32_t j = 0; j < count_; ++j) {
        half_norms_[j] = HalfNorm(centroids_.data() + j * dim_, dim_);
      }
      kernels::Kernels().pq.nearest(columns_.data(), stride_, n_, centroids_.data(),
                                    half_norms_.data(), count_, dim_, codes_.data());
      Update();
    }
    for (uint32_t d = 0; d < dim_; ++d) {
      for (uint32_t j = 0; j < count_; ++j) out[d * count_ + j] = centroids_[j * dim_ + d];
    }
  }

 private:
  // Rows at equal steps through the order of their first coordinate: spread out, and distinct
  // where the rows are.
  void Start() {
    std::vector<uint32_t> order(n_);
    std::iota(order.begin(), order.end(), 0u);
    std::stable_sort(order.begin(), order.end(),
                     [&](uint32_t a, uint32_t b) { return columns_[a] < columns_[b]; });
    centroids_.resize(size_t{count_} * dim_);
    half_norms_.resize(count_);
    for (uint32_t j = 0; j < count_; ++j) {
      const size_t row = order[(2 * size_t{j} + 1) * n_ / (2 * size_t{count_})];
      for (uint32_t d = 0; d < dim_; ++d) centroids_[j * dim_ + d] = columns_[d * stride_ + row];
    }
  }

  void Update() {
    std::vector<double> sums(size_t{count_} * dim_), squares(count_);
    std::vector<uint32_t> sizes(count_);
    for (size_t i = 0; i < n_; ++i) {
      const uint8_t c = codes_[i];
      ++sizes[c];
      for (uint32_t d = 0; d < dim_; ++d) {
        const float v = columns_[d * stride_ + i];
        sums[size_t{c} * dim_ + d] += v;
        const double off = v - centroids_[size_t{c} * dim_ + d];
        squares[c] += off * off;
      }
    }
    for (uint32_t j = 0; j < count_; ++j) {
      if (sizes[j] == 0) continue;
      for (uint32_t d = 0; d < dim_; ++d) {
        centroids_[j * dim_ + d] = static_cast<float>(sums[size_t{j} * dim_ + d] / sizes[j]);
      }
    }
    for (uint32_t j = 0; j < count_; ++j) {
      if (sizes[j] == 0) Split(j, squares);
    }
  }

  // An empty cluster takes the farthest row of the widest one.
  void Split(uint32_t empty, std::vector<double>& squares) {
    const auto widest = static_cast<uint32_t>(
        std::max_element(squares.begin(), squares.end()) - squares.begin());
    if (!(squares[widest] > 0)) return;
    double farthest = -1;
    size_t row = 0;
    for (size_t i = 0; i < n_; ++i) {
      if (codes_[i] != widest) continue;
      double off = 0;
      for (uint32_t d = 0; d < dim_; ++d) {
        const double v = columns_[d * stride_ + i] - centroids_[widest * dim_ + d];
        off += v * v;
      }
      if (off > farthest) farthest = off, row = i;
    }
    for (uint32_t d = 0; d < dim_; ++d) centroids_[empty * dim_ + d] = columns_[d * stride_ + row];
    squares[widest] = 0;
  }

  size_t n_;
  uint32_t dim_;
  uint32_t count_;
  size_t stride_;
  std::vector<float> columns_;
  std::vector<float> centroids_;
  std::vector<float> half_norms_;
  std::vector<uint8_t> codes_;
};

}  // namespace

ProductQuantizer::ProductQuantizer(uint32_t dim, uint32_t m, uint32_t bits, const float* columns)
    : dim_(dim),
      m_(m),
      count_(1u << bits),
      columns_(columns),
      centroids_(size_t{dim} * count_),
      half_norms_(size_t{m} * count_) {
  for (uint32_t s = 0; s < m; ++s) {
    const size_t width = start(s + 1) - start(s);
    float* own = centroids_.data() + size_t{start(s)} * count_;
    for (uint32_t j = 0; j < count_; ++j) {
      for (size_t d = 0; d < width; ++d) {
        own[j * width + d] = columns[(start(s) + d) * count_ + j];
      }
      half_norms_[size_t{s} * count_ + j] = HalfNorm(own + j * width, width);
    }
  }
}

std::vector<float> ProductQuantizer::Train(const float* rows, size_t n, uint32_t dim, uint32_t m,
                                           uint32_t bits, int iterations, int threads) {
  const uint32_t count = 1u << bits;
  std::vector<float> columns(size_t{dim} * count);
  ParallelFor(m, 1, threads, [&](size_t s, size_t, int) {
    const auto begin = static_cast<uint32_t>(s * dim / m);
    const auto end = static_cast<uint32_t>((s + 1) * dim / m);
    SubTrainer(rows, n, dim, begin, end, count)
        .Run(iterations, columns.data() + size_t{begin} * count);
  });
  return columns;
}

void ProductQuantizer::Encode(const float* rows, size_t n, std::vector<float>& scratch,
                              uint8_t* codes) const {
  const size_t stride = (n + 15) / 16 * 16;
  scratch.resize(size_t{dim_} * stride);
  Transpose(rows, n, dim_, 0, dim_, stride, scratch.data());
  const auto& nearest = kernels::Kernels().pq.nearest;
  for (uint32_t s = 0; s < m_; ++s) {
    nearest(scratch.data() + size_t{start(s)} * stride, stride, n,
            centroids_.data() + size_t{start(s)} * count_,
            half_norms_.data() + size_t{s} * count_, count_, start(s + 1) - start(s),
            codes + size_t{s} * kPqTileRows);
  }
}

void ProductQuantizer::Decode(const uint8_t* codes, size_t i, float* out) const {
  for (uint32_t s = 0; s < m_; ++s) {
    const uint8_t code = codes[size_t{s} * kPqTileRows + i];
    for (uint32_t d = start(s); d < start(s + 1); ++d) {
      out[d] = columns_[size_t{d} * count_ + code];
    }
  }
}

}  // namespace tarn::index
