// SPDX-License-Identifier: Apache-2.0
#include "index/ivf/kmeans.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "base/parallel.h"

namespace tarn::index {
namespace {

// From this many clusters on they are found in two steps, which costs a fraction and gives up
// little: the rows of each of sqrt(clusters) groups are clustered by themselves.
constexpr uint32_t kTwoSteps = 4096;

// Rows by cluster: those of cluster c are members[offsets[c]] up to members[offsets[c + 1]].
struct Members {
  std::vector<uint32_t> offsets;
  std::vector<uint32_t> members;

  Members(const std::vector<uint32_t>& assigned, uint32_t clusters)
      : offsets(clusters + 1), members(assigned.size()) {
    for (uint32_t c : assigned) ++offsets[c + 1];
    std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
    std::vector<uint32_t> next(offsets.begin(), offsets.end() - 1);
    for (uint32_t i = 0; i < assigned.size(); ++i) members[next[assigned[i]]++] = i;
  }
  uint32_t size(uint32_t c) const { return offsets[c + 1] - offsets[c]; }
};

class Lloyd {
 public:
  Lloyd(const float* rows, size_t n, uint32_t dim, const KmeansOptions& options)
      : rows_(rows), n_(n), dim_(dim), options_(options), assigned_(n), scores_(n) {}

  std::vector<float> Run() {
    Start();
    for (int i = 0; i < options_.iterations; ++i) {
      Assign();
      Update(i + 1 < options_.iterations);
    }
    return std::move(means_);
  }

 private:
  uint32_t clusters() const { return static_cast<uint32_t>(means_.size() / dim_); }

  void Start() {
    // A sample without replacement.
    std::vector<uint32_t> order(n_);
    std::iota(order.begin(), order.end(), 0u);
    std::mt19937_64 random(options_.seed);
    const size_t k = std::min<size_t>(options_.clusters, n_);
    for (size_t i = 0; i < k; ++i) std::swap(order[i], order[i + random() % (n_ - i)]);
    means_.resize(k * dim_);
    for (size_t c = 0; c < k; ++c) {
      std::copy_n(rows_ + size_t{order[c]} * dim_, dim_, means_.data() + c * dim_);
    }
  }

  void Assign() {
    AssignRows(rows_, n_, TableOfMeans(means_, dim_, options_.spherical), options_.threads,
               assigned_.data(), scores_.data());
  }

  void Update(bool refill) {
    const Members members(assigned_, clusters());
    std::vector<double> spread(clusters());
    ParallelFor(clusters(), 8, options_.threads, [&](size_t begin, size_t end, int) {
      std::vector<double> sums(dim_);
      for (size_t c = begin; c < end; ++c) spread[c] = UpdateOne(members, c, sums);
    });
    std::vector<uint32_t> empty, full;
    for (uint32_t c = 0; c < clusters(); ++c) (members.size(c) == 0 ? empty : full).push_back(c);
    if (empty.empty()) return;
    if (refill) {
      Refill(members, spread, empty, full);
    } else {
      Remove(empty);
    }
  }

  // Returns the summed squared distance of the members from their mean.
  double UpdateOne(const Members& members, size_t c, std::vector<double>& sums) {
    const uint32_t begin = members.offsets[c], end = members.offsets[c + 1];
    if (begin == end) return 0;
    std::fill(sums.begin(), sums.end(), 0.0);
    double squares = 0;
    for (uint32_t i = begin; i < end; ++i) {
      const float* row = rows_ + size_t{members.members[i]} * dim_;
      for (uint32_t d = 0; d < dim_; ++d) sums[d] += row[d];
    }
    float* mean = means_.data() + c * dim_;
    for (uint32_t d = 0; d < dim_; ++d) mean[d] = static_cast<float>(sums[d] / (end - begin));
    for (uint32_t i = begin; i < end; ++i) {
      const float* row = rows_ + size_t{members.members[i]} * dim_;
      float sum = 0;
      for (uint32_t d = 0; d < dim_; ++d) sum += (row[d] - mean[d]) * (row[d] - mean[d]);
      squares += sum;
    }
    return squares;
  }

  // Each empty cluster starts again at the farthest row of one of the widest clusters.
  void Refill(const Members& members, const std::vector<double>& spread,
              const std::vector<uint32_t>& empty, std::vector<uint32_t>& full) {
    std::stable_sort(full.begin(), full.end(),
                     [&](uint32_t a, uint32_t b) { return spread[a] > spread[b]; });
    for (size_t i = 0; i < empty.size() && i < full.size(); ++i) {
      const uint32_t from = full[i];
      if (!(spread[from] > 0) || members.size(from) < 2) break;
      const uint32_t* begin = members.members.data() + members.offsets[from];
      const uint32_t row = *std::min_element(
          begin, begin + members.size(from),
          [&](uint32_t a, uint32_t b) { return scores_[a] != scores_[b] ? scores_[a] < scores_[b] : a < b; });
      std::copy_n(rows_ + size_t{row} * dim_, dim_, means_.data() + size_t{empty[i]} * dim_);
    }
  }

  void Remove(const std::vector<uint32_t>& empty) {
    std::vector<float> kept;
    size_t next = 0;
    for (uint32_t c = 0; c < clusters(); ++c) {
      if (next < empty.size() && empty[next] == c) {
        ++next;
        continue;
      }
      kept.insert(kept.end(), means_.begin() + static_cast<ptrdiff_t>(size_t{c} * dim_),
                  means_.begin() + static_cast<ptrdiff_t>(size_t{c + 1} * dim_));
    }
    means_ = std::move(kept);
  }

  const float* rows_;
  size_t n_;
  uint32_t dim_;
  const KmeansOptions& options_;
  std::vector<float> means_;
  std::vector<uint32_t> assigned_;
  std::vector<float> scores_;
};

std::vector<float> InTwoSteps(const float* rows, size_t n, uint32_t dim,
                              const KmeansOptions& options) {
  KmeansOptions first = options;
  first.clusters = static_cast<uint32_t>(std::sqrt(double{1.0} * options.clusters));
  const auto groups = Lloyd(rows, n, dim, first).Run();
  const CentroidTable table = TableOfMeans(groups, dim, options.spherical);
  std::vector<uint32_t> assigned(n);
  AssignRows(rows, n, table, options.threads, assigned.data(), nullptr);
  const Members members(assigned, table.count());
  std::vector<std::vector<float>> parts(table.count());
  ParallelFor(table.count(), 1, options.threads, [&](size_t g, size_t, int) {
    const uint32_t size = members.size(static_cast<uint32_t>(g));
    if (size == 0) return;
    std::vector<float> own(size_t{size} * dim);
    for (uint32_t i = 0; i < size; ++i) {
      std::copy_n(rows + size_t{members.members[members.offsets[g] + i]} * dim, dim,
                  own.data() + size_t{i} * dim);
    }
    KmeansOptions second = options;
    second.threads = 1;
    second.clusters = std::max<uint32_t>(
        1, static_cast<uint32_t>(std::lround(double{1.0} * options.clusters * size / n)));
    parts[g] = Lloyd(own.data(), size, dim, second).Run();
  });
  std::vector<float> means;
  for (const auto& part : parts) means.insert(means.end(), part.begin(), part.end());
  return means;
}

}  // namespace

CentroidTable TableOfMeans(const std::vector<float>& means, uint32_t dim, bool spherical) {
  CentroidTable table;
  table.values = means;
  table.dim = dim;
  table.offsets.resize(means.size() / dim);
  for (size_t c = 0; c < table.offsets.size(); ++c) {
    float* mean = table.values.data() + c * dim;
    double squared = 0;
    for (uint32_t d = 0; d < dim; ++d) squared += double{mean[d]} * mean[d];
    if (!spherical) {
      table.offsets[c] = static_cast<float>(std::min(squared / 2, 1e37));
      continue;
    }
    const double inverse = squared > 0 ? 1 / std::sqrt(squared) : 0;
    for (uint32_t d = 0; d < dim; ++d) mean[d] = static_cast<float>(mean[d] * inverse);
  }
  return table;
}

std::vector<float> Kmeans(const float* rows, size_t n, uint32_t dim, const KmeansOptions& options) {
  if (options.clusters > kTwoSteps && n > options.clusters) {
    return InTwoSteps(rows, n, dim, options);
  }
  return Lloyd(rows, n, dim, options).Run();
}

}  // namespace tarn::index
