// SPDX-License-Identifier: Apache-2.0
#include "index/ivf/ivf_margin.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/parallel.h"
#include "index/exact_distance.h"

namespace tarn::index {
namespace {

constexpr size_t kQueries = 48;
constexpr size_t kNear = 12;

struct Errors {
  double squares = 0;
  uint32_t count = 0;
};

class MarginMeasure {
 public:
  MarginMeasure(const VectorSet& vectors, const RowCoder& coder,
                const std::vector<CodedTile>& tiles, float spread)
      : vectors_(vectors),
        coder_(coder),
        tiles_(tiles),
        spread_(spread),
        dim_(vectors.dim),
        coded_(vectors.count * dim_) {}

  // Row i as its code has it.
  void Decode(const ProductQuantizer& quantizer, size_t i, std::vector<float>& centroid) {
    const CodedTile& tile = tiles_[i / kPqTileRows];
    const size_t at = i % kPqTileRows;
    float* out = coded_.data() + i * dim_;
    quantizer.Decode(tile.codes.data(), at, out);
    coder_.Reference(tile.lists[at], centroid.data());
    for (uint32_t d = 0; d < dim_; ++d) out[d] = tile.factors[at].scale * out[d] + centroid[d];
  }

  Errors OfQuery(size_t self) const {
    const IvfFrame& frame = coder_.frame();
    const CodebookView& book = coder_.codebook();
    std::vector<float> query(dim_);
    FramedQuery framed;
    Errors errors;
    if (!frame.PrepareQuery(vectors_.vector(self), query.data(), framed)) return errors;
    auto keys = Keys(self, query, framed);
    const size_t near = std::min(kNear, keys.size());
    std::partial_sort(keys.begin(), keys.begin() + static_cast<ptrdiff_t>(near), keys.end());
    for (size_t j = 0; j < near; ++j) {
      const double exact = ExactInDouble(book.metric(), vectors_.vector(self),
                                         vectors_.vector(keys[j].second), dim_);
      const double key = frame.KeyOfDistance(framed, exact);
      const double unit = frame.ErrorUnit(spread_, framed, key);
      const double error = (keys[j].first - key) / unit;
      if (!std::isfinite(error) || !(unit > 0)) continue;
      errors.squares += error * error;
      ++errors.count;
    }
    return errors;
  }

 private:
  std::vector<std::pair<double, uint32_t>> Keys(size_t self, const std::vector<float>& query,
                                                const FramedQuery& framed) const {
    const double product_factor = coder_.frame().product_factor();
    const double bias_factor = coder_.frame().bias_factor(framed);
    std::vector<std::pair<double, uint32_t>> keys;
    for (uint32_t r = 0; r < vectors_.count; ++r) {
      if (r == self) continue;
      double dot = 0;
      for (uint32_t d = 0; d < dim_; ++d) dot += double{query[d]} * coded_[size_t{r} * dim_ + d];
      const auto& factors = tiles_[r / kPqTileRows].factors[r % kPqTileRows];
      keys.emplace_back(product_factor * dot + bias_factor * factors.bias, r);
    }
    return keys;
  }

  const VectorSet& vectors_;
  const RowCoder& coder_;
  const std::vector<CodedTile>& tiles_;
  float spread_;
  uint32_t dim_;
  std::vector<float> coded_;
};

}  // namespace

float MeasureIvfMargin(const VectorSet& vectors, const RowCoder& coder,
                       const std::vector<CodedTile>& tiles, float spread, int threads) {
  const CodebookView& book = coder.codebook();
  const ProductQuantizer quantizer(book.dim(), book.params.m, book.params.bits, book.pq);
  MarginMeasure measure(vectors, coder, tiles, spread);
  ParallelFor(vectors.count, 64, threads, [&](size_t begin, size_t end, int) {
    std::vector<float> centroid(book.dim());
    for (size_t i = begin; i < end; ++i) measure.Decode(quantizer, i, centroid);
  });
  const size_t queries = std::min(kQueries, vectors.count);
  std::vector<Errors> errors(queries);
  ParallelFor(queries, 1, threads, [&](size_t i, size_t, int) {
    errors[i] = measure.OfQuery(i * vectors.count / queries);
  });
  Errors total;
  for (const Errors& e : errors) total.squares += e.squares, total.count += e.count;
  if (total.count == 0) return 0;
  return static_cast<float>(std::min(std::sqrt(total.squares / total.count), 1e30));
}

}  // namespace tarn::index
