// SPDX-License-Identifier: Apache-2.0
#include "index/exact_batch.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>

#include "base/parallel.h"
#include "index/aligned.h"
#include "index/exact_distance.h"
#include "index/nearest_rows.h"
#include "index/score_frame.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"

namespace tarn::index {
namespace {

// The products of one tile stay in the second-level cache between the multiplication and the look
// at them.
constexpr size_t kTileRows = 512;
constexpr size_t kTileQueries = 256;
// Queries that are worked on together: what bounds the memory.
constexpr size_t kGroupQueries = 4096;
// Rows that a thread takes at a time, where there are enough of them.
constexpr size_t kPieceRows = 8192;

/// The queries as the products need them. Immutable.
struct PreparedQueries {
  PreparedQueries(const ExactBatchQuery& q, size_t first, size_t count)
      : frame(q.metric, q.dim), values(count * q.dim * sizeof(float)), terms(count) {
    for (size_t i = 0; i < count; ++i) {
      terms[i] =
          frame.PrepareQuery(q.queries + (first + i) * q.dim, values.as<float>() + i * q.dim);
    }
  }
  ScoreFrame frame;
  AlignedBytes values;
  std::vector<ScoreFrame::Query> terms;
};

/// Rows that are multiplied at once, wherever they lie.
class RowTile {
 public:
  explicit RowTile(const ExactBatchQuery& q)
      : precision_(q.precision),
        dim_(q.dim),
        zeros_(q.dim),
        values_(kTileRows * q.dim * sizeof(float)) {}

  size_t size() const { return rows_.size(); }
  float step() const { return step_; }
  /// Of the rows to come; the tile is empty.
  void UseStep(float step) { step_ = step; }
  bool full() const { return size() == kTileRows; }
  void Clear() { pointers_.clear(), rows_.clear(); }
  void Add(const std::byte* row, uint32_t number) {
    pointers_.push_back(row);
    rows_.push_back(number);
  }

  /// Fills in values, biases and most_squares.
  void Prepare(const ScoreFrame& frame) {
    const auto& kernels = kernels::Kernels();
    float pairs[2 * kTileRows];
    KernelsOf(kernels, precision_)
        .dot_norm_gather(zeros_.data(), dim_, pointers_.data(), size(), pairs);
    float scales[kTileRows];
    most_squares_ = 0;
    for (size_t i = 0; i < size(); ++i) {
      const float squares = pairs[2 * i + 1] * step_ * step_;
      const ScoreFrame::Row row = frame.PrepareRow(squares);
      scales[i] = row.scale * step_;
      biases_[i] = row.bias;
      if (!std::isnan(row.bias)) most_squares_ = std::max(most_squares_, squares);
    }
    const auto widen = precision_ == VectorPrecision::kF32   ? kernels.tiles.widen_f32
                       : precision_ == VectorPrecision::kF16 ? kernels.tiles.widen_f16
                                                             : kernels.tiles.widen_i8;
    widen(pointers_.data(), size(), dim_, scales, values_.as<float>());
  }

  const float* values() const { return values_.as<float>(); }
  const float* biases() const { return biases_; }
  float most_squares() const { return most_squares_; }
  const std::byte* pointer(size_t i) const { return pointers_[i]; }
  uint32_t row(size_t i) const { return rows_[i]; }

 private:
  VectorPrecision precision_;
  float step_ = 1;
  uint32_t dim_;
  std::vector<float> zeros_;
  AlignedBytes values_;
  float biases_[kTileRows] = {};
  float most_squares_ = 0;
  std::vector<const std::byte*> pointers_;
  std::vector<uint32_t> rows_;
};

/// What one thread has found for a group of queries.
class Worker {
 public:
  Worker(const ExactBatchQuery& query, const PreparedQueries& prepared, size_t first)
      : query_(query),
        prepared_(prepared),
        tile_(query),
        products_(kTileQueries * kTileRows * sizeof(float)) {
    for (size_t i = 0; i < prepared.terms.size(); ++i) {
      nearest_.emplace_back(query.k);
      const float bound = query.bounds != nullptr ? query.bounds[first + i]
                                                  : std::numeric_limits<float>::infinity();
      bounds_.push_back(bound);
      limits_.push_back(prepared.frame.Limit(prepared.terms[i], bound));
      distances_.emplace_back(query.metric, query.precision, query.dim,
                              query.queries + (first + i) * query.dim);
    }
  }

  /// Rows [begin, end) of the block.
  void Add(const ExactBlock& block, uint64_t begin, uint64_t end) {
    const size_t stride = query_.dim * ElementBytes(query_.precision);
    if (block.step != tile_.step()) {
      Flush();
      tile_.UseStep(block.step);
      for (ExactDistance& distance : distances_) distance.UseStep(block.step);
    }
    for (uint64_t i = begin; i < end; ++i) {
      const uint32_t row = block.rows ? block.rows[i] : static_cast<uint32_t>(block.first_row + i);
      if (query_.live != nullptr && !query_.live->contains(row)) continue;
      tile_.Add(block.values + i * stride, row);
      if (tile_.full()) Flush();
    }
  }

  void Flush() {
    if (tile_.size() == 0) return;
    tile_.Prepare(prepared_.frame);
    const size_t count = nearest_.size();
    for (size_t first = 0; first < count; first += kTileQueries) {
      const size_t queries = std::min(kTileQueries, count - first);
      float* products = products_.as<float>();
      kernels::MultiplyTransposed(prepared_.values.as<float>() + first * query_.dim, queries,
                                  tile_.values(), tile_.size(), query_.dim, products);
      for (size_t q = 0; q < queries; ++q) Look(first + q, products + q * tile_.size());
    }
    tile_.Clear();
  }

  NearestRows& nearest(size_t q) { return nearest_[q]; }

 private:
  // Compares the rows of the tile that may be among the nearest of query q.
  void Look(size_t q, const float* products) {
    size_t n = kernels::Kernels().tiles.select(products, tile_.biases(), tile_.size(), limits_[q],
                                               chosen_);
    if (n == 0) return;
    if (n > size_t{4} * query_.k + 16) n = Thin(q, products, n);
    for (size_t i = 0; i < n; ++i) pointers_[i] = tile_.pointer(chosen_[i]);
    distances_[q].Gather(pointers_, n, exact_);
    for (size_t i = 0; i < n; ++i) nearest_[q].Add(exact_[i], tile_.row(chosen_[i]));
    const float bound = std::min(bounds_[q], nearest_[q].limit());
    limits_[q] = prepared_.frame.Limit(prepared_.terms[q], bound);
  }

  // Of many candidates of one tile, those that k others are not certainly nearer than. Rows without
  // a finite score stay: nothing is known of them.
  size_t Thin(size_t q, const float* products, size_t n) {
    size_t known = 0;
    for (size_t i = 0; i < n; ++i) {
      const float score = products[chosen_[i]] + tile_.biases()[chosen_[i]];
      if (std::isfinite(score)) scores_[known++] = score;
    }
    if (known <= query_.k) return n;
    std::nth_element(scores_, scores_ + query_.k - 1, scores_ + known, std::greater<>());
    const float least =
        scores_[query_.k - 1] - prepared_.frame.Width(prepared_.terms[q], tile_.most_squares());
    size_t kept = 0;
    for (size_t i = 0; i < n; ++i) {
      const float score = products[chosen_[i]] + tile_.biases()[chosen_[i]];
      if (!(score < least)) chosen_[kept++] = chosen_[i];
    }
    return kept;
  }

  const ExactBatchQuery& query_;
  const PreparedQueries& prepared_;
  RowTile tile_;
  AlignedBytes products_;
  std::vector<NearestRows> nearest_;
  std::vector<float> bounds_;
  std::vector<float> limits_;
  std::vector<ExactDistance> distances_;
  uint32_t chosen_[kTileRows + kernels::kSelectPad];
  const std::byte* pointers_[kTileRows];
  float exact_[kTileRows];
  float scores_[kTileRows];
};

/// A run of rows of one block.
struct Piece {
  const ExactBlock* block;
  uint64_t begin;
  uint64_t end;
};

/// Cuts the blocks into tasks of about kPieceRows rows each, fewer where threads would stand idle.
std::vector<std::vector<Piece>> CutRows(std::span<const ExactBlock> blocks, int threads) {
  uint64_t rows = 0;
  for (const auto& block : blocks) rows += block.count;
  const uint64_t share = rows / (4 * static_cast<uint64_t>(std::max(1, threads)));
  const uint64_t most = std::clamp<uint64_t>(share, kTileRows, kPieceRows) / kTileRows * kTileRows;
  std::vector<std::vector<Piece>> tasks;
  uint64_t room = 0;
  for (const auto& block : blocks) {
    for (uint64_t begin = 0; begin < block.count;) {
      if (room == 0) {
        tasks.emplace_back();
        room = most;
      }
      const uint64_t taken = std::min(room, block.count - begin);
      tasks.back().push_back({&block, begin, begin + taken});
      begin += taken;
      room -= taken;
    }
  }
  return tasks;
}

void SearchGroup(const ExactBatchQuery& query, const std::vector<std::vector<Piece>>& tasks,
                 size_t first, std::span<std::vector<Neighbor>> out) {
  const PreparedQueries prepared(query, first, out.size());
  const auto threads = static_cast<size_t>(std::max(1, query.threads));
  std::vector<std::unique_ptr<Worker>> workers(
      std::min(threads, std::max<size_t>(tasks.size(), 1)));
  ParallelFor(tasks.size(), 1, static_cast<int>(workers.size()),
              [&](size_t begin, size_t end, int thread) {
                auto& worker = workers[static_cast<size_t>(thread)];
                if (!worker) worker = std::make_unique<Worker>(query, prepared, first);
                for (size_t task = begin; task < end; ++task) {
                  for (const Piece& piece : tasks[task]) {
                    worker->Add(*piece.block, piece.begin, piece.end);
                  }
                }
              });
  ParallelFor(workers.size(), 1, static_cast<int>(workers.size()), [&](size_t w, size_t, int) {
    if (workers[w]) workers[w]->Flush();
  });
  for (size_t q = 0; q < out.size(); ++q) {
    NearestRows all(query.k);
    for (const auto& worker : workers) {
      if (!worker) continue;
      for (const Neighbor& n : worker->nearest(q).Take()) all.Add(n.distance, n.row);
    }
    out[q] = all.Take();
  }
}

}  // namespace

std::vector<std::vector<Neighbor>> SearchExactBatch(const ExactBatchQuery& query,
                                                    std::span<const ExactBlock> blocks) {
  std::vector<std::vector<Neighbor>> answers(query.count);
  if (query.k == 0) return answers;
  const auto tasks = CutRows(blocks, query.threads);
  for (size_t first = 0; first < query.count; first += kGroupQueries) {
    const size_t count = std::min(kGroupQueries, query.count - first);
    SearchGroup(query, tasks, first, std::span(answers).subspan(first, count));
  }
  return answers;
}

}  // namespace tarn::index
