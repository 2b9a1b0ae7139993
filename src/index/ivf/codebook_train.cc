// SPDX-License-Identifier: Apache-2.0
#include "index/ivf/codebook_train.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "index/code_frame.h"
#include "index/ivf/ivf_margin.h"
#include "index/ivf/kmeans.h"
#include "index/ivf/row_coder.h"
#include "index/layout.h"

namespace tarn::index {
namespace {

constexpr size_t kRowsPerList = 64;
constexpr size_t kPqRows = 16384;
constexpr size_t kRotationRows = 4096;
constexpr int kListIterations = 8;
constexpr int kPqIterations = 12;
// The rotation must earn its keep against this: a tie goes to it, since it spreads what is large.
constexpr double kClearlyBetter = 0.97;

// Lists are told apart by the high bits of their centroids unless the low ones hold more than this
// share of what lies between a row and its centroid.
constexpr double kBlurred = 0.05;

// Lists to look into so that .95 of the ten nearest are among their rows, with queries that are a
// little unlike the rows (measured on embeddings of text).
int32_t DefaultProbes(int32_t nlist) {
  return std::clamp(static_cast<int32_t>(std::lround(44 + 1.5 * std::sqrt(nlist))), 1, nlist);
}

class Training {
 public:
  Training(const VectorSet& vectors, VectorMetric metric, const IvfPqConfig& config, int threads)
      : vectors_(vectors), metric_(metric), config_(config), threads_(threads), dim_(vectors.dim) {}

  std::shared_ptr<const Codebook> Run() {
    // Rows of normalised cosine have length 1 up to rounding: scaling them does no harm.
    statistics_ =
        MeasureRows(vectors_, ComparesAngles(metric_) ? VectorMetric::kCosine : metric_, threads_);
    TakeSample();
    FindLists();
    MakeResiduals();
    const bool rotated = RotationPays();
    Assemble(rotated);
    TrainQuantizer();
    Measure();
    book_->Seal();
    return book_;
  }

 private:
  bool angles() const { return ComparesAngles(metric_); }
  IvfFrame Frame(bool rotated) const {
    return IvfFrame(metric_, dim_, statistics_.mean.data(), statistics_.unit, rotated);
  }

  // Every n / size-th row, in order.
  void TakeSample() {
    const size_t wanted = kRowsPerList * static_cast<size_t>(config_.nlist);
    const size_t size = std::min(vectors_.count, std::max<size_t>(wanted, kPqRows));
    sample_.resize(size);
    for (size_t i = 0; i < size; ++i) {
      sample_[i] = static_cast<uint32_t>(uint64_t{i} * vectors_.count / size);
    }
    list_rows_ = std::min(size, wanted);
    rows_.resize(size * dim_);
    const IvfFrame frame = Frame(false);
    ParallelFor(size, 1024, threads_, [&](size_t begin, size_t end, int) {
      for (size_t i = begin; i < end; ++i) {
        float* out = rows_.data() + i * dim_;
        if (angles()) {
          frame.ScaleRow(vectors_.vector(sample_[i]), out);
        } else {
          frame.PrepareRow(vectors_.vector(sample_[i]), out);
        }
      }
    });
  }

  // Means of the lists, of rows as the sample holds them.
  void FindLists() {
    KmeansOptions options;
    options.clusters = static_cast<uint32_t>(config_.nlist);
    options.iterations = kListIterations;
    options.spherical = angles();
    options.seed = config_.seed;
    options.threads = threads_;
    if (list_rows_ == sample_.size()) {
      means_ = Kmeans(rows_.data(), list_rows_, dim_, options);
    } else {
      std::vector<float> some(list_rows_ * dim_);
      for (size_t i = 0; i < list_rows_; ++i) {
        std::copy_n(rows_.data() + (i * sample_.size() / list_rows_) * dim_, dim_,
                    some.data() + i * dim_);
      }
      means_ = Kmeans(some.data(), list_rows_, dim_, options);
    }
  }
  uint32_t nlist() const { return static_cast<uint32_t>(means_.size() / dim_); }

  // Turns some rows of the sample into what is coded of them, not rotated.
  void MakeResiduals() {
    const size_t n = std::min(sample_.size(), kPqRows);
    std::vector<float> some(n * dim_);
    for (size_t i = 0; i < n; ++i) {
      std::copy_n(rows_.data() + i * sample_.size() / n * dim_, dim_, some.data() + i * dim_);
    }
    std::vector<uint32_t> lists(n);
    AssignRows(some.data(), n, TableOfMeans(means_, dim_, angles()), threads_, lists.data(),
               nullptr);
    std::vector<double> lengths(n);
    for (size_t i = 0; i < n; ++i) {
      float* row = some.data() + i * dim_;
      for (uint32_t d = 0; d < dim_; ++d) {
        const double v = row[d] - (angles() ? statistics_.mean[d] : 0.0f);
        lengths[i] += v * v;
      }
      const float* mean = means_.data() + size_t{lists[i]} * dim_;
      for (uint32_t d = 0; d < dim_; ++d) {
        row[d] -= config_.residual ? mean[d] : angles() ? statistics_.mean[d] : 0.0f;
      }
    }
    std::vector<double> sorted = lengths;
    std::nth_element(sorted.begin(), sorted.begin() + n / 2, sorted.end());
    const double farthest = kFarSquared * sorted[n / 2];
    double sum = 0;
    size_t kept = 0;
    for (size_t i = 0; i < n; ++i) {
      if (lengths[i] > farthest) continue;
      sum += lengths[i];
      std::copy_n(some.data() + i * dim_, dim_, some.data() + kept++ * dim_);
    }
    variance_ = kept == 0 ? 0 : sum / static_cast<double>(kept);
    some.resize(kept * dim_);
    NormaliseRows(some.data(), kept, dim_);
    residuals_ = std::move(some);
  }

  std::vector<float> Rotated(const std::vector<float>& rows, size_t n) const {
    const IvfFrame frame = Frame(true);
    std::vector<float> out(n * dim_);
    for (size_t i = 0; i < n; ++i) frame.Rotate(rows.data() + i * dim_, out.data() + i * dim_);
    return out;
  }

  double ErrorOf(const std::vector<float>& rows, size_t n) const {
    const auto m = static_cast<uint32_t>(config_.m), bits = static_cast<uint32_t>(config_.bits);
    const auto columns =
        ProductQuantizer::Train(rows.data(), n, dim_, m, bits, kPqIterations / 2, threads_);
    const ProductQuantizer quantizer(dim_, m, bits, columns.data());
    std::vector<uint8_t> codes(m * kPqTileRows);
    std::vector<float> scratch, decoded(dim_);
    double error = 0;
    for (size_t begin = 0; begin < n; begin += kPqTileRows) {
      const size_t count = std::min(kPqTileRows, n - begin);
      quantizer.Encode(rows.data() + begin * dim_, count, scratch, codes.data());
      for (size_t i = 0; i < count; ++i) {
        quantizer.Decode(codes.data(), i, decoded.data());
        for (uint32_t d = 0; d < dim_; ++d) {
          const double off = double{rows[(begin + i) * dim_ + d]} - decoded[d];
          error += off * off;
        }
      }
    }
    return error;
  }

  bool RotationPays() const {
    if (dim_ < 2) return false;
    const size_t n = std::min(residuals_.size() / dim_, kRotationRows);
    return ErrorOf(residuals_, n) >= kClearlyBetter * ErrorOf(Rotated(residuals_, n), n);
  }

  void Assemble(bool rotated) {
    CodebookParams params;
    params.metric = static_cast<uint32_t>(metric_);
    params.dim = dim_;
    params.nlist = nlist();
    params.m = static_cast<uint32_t>(config_.m);
    params.bits = static_cast<uint32_t>(config_.bits);
    params.flags = (config_.residual ? CodebookParams::kResidual : 0) |
                   (rotated ? CodebookParams::kRotated : 0);
    params.nprobe = std::min(static_cast<uint32_t>(config_.nprobe), params.nlist);
    params.unit = statistics_.unit;
    params.seed = config_.seed;
    params.trained_rows = sample_.size();
    params.variance = variance_;
    book_ = std::make_shared<IvfCodebook>(params);
    std::copy(statistics_.mean.begin(), statistics_.mean.end(), book_->mean());
    const IvfFrame frame = Frame(rotated);
    std::vector<float> centroid(dim_);
    for (uint32_t l = 0; l < params.nlist; ++l) {
      for (uint32_t d = 0; d < dim_; ++d) {
        centroid[d] = means_[size_t{l} * dim_ + d] - (angles() ? statistics_.mean[d] : 0.0f);
      }
      frame.Rotate(centroid.data(), centroid.data());
      SetList(frame, l, centroid.data());
    }
    rotated_ = rotated;
  }

  // Centroids are what their 8-bit codes say: nothing is lost later.
  void SetList(const IvfFrame& frame, uint32_t list, const float* centroid) {
    float largest = 0;
    for (uint32_t d = 0; d < dim_; ++d) largest = std::max(largest, std::abs(centroid[d]));
    const float scale = largest / 127;
    const float per_step = largest > 1e-30f ? 127 / largest : 0;
    double low_bits = 0;
    const size_t stride = book_->view().centroid_stride();
    uint8_t* high = book_->centroids() + list * stride;
    uint8_t* low = high + nlist() * stride;
    double squared = 0, with_mean = 0, full = 0;
    for (uint32_t d = 0; d < dim_; ++d) {
      const long code = std::lrintf(centroid[d] * per_step);
      const size_t at = size_t{d / 128} * 64 + d % 64;
      const int shift = d % 128 < 64 ? 0 : 4;
      high[at] |= static_cast<uint8_t>((128 + code) / 16 << shift);
      low[at] |= static_cast<uint8_t>((128 + code) % 16 << shift);
      const double value = double{scale} * static_cast<double>(code);
      const double low_part = scale * (static_cast<double>((128 + code) % 16) - 7.5);
      low_bits += low_part * low_part;
      const double mean = frame.rotated_mean()[d];
      squared += value * value;
      with_mean += value * mean;
      full += (value + mean) * (value + mean);
    }
    low_bits_ += low_bits / nlist();
    ListFactor& factor = book_->factors()[list];
    factor = {scale, 1, static_cast<float>(with_mean), 0};
    if (metric_ == VectorMetric::kEuclidean) {
      factor.rank = 2;
      factor.bias = static_cast<float>(std::max(-squared, -1e37));
    } else if (angles()) {
      factor.rank = full > 0 ? static_cast<float>(1 / std::sqrt(full)) : 0;
    }
  }

  void TrainQuantizer() {
    const size_t n = residuals_.size() / dim_;
    if (rotated_) residuals_ = Rotated(residuals_, n);
    const auto columns =
        ProductQuantizer::Train(residuals_.data(), n, dim_, book_->view().params.m,
                                book_->view().params.bits, kPqIterations, threads_);
    std::copy(columns.begin(), columns.end(), book_->pq());
  }

  // Training error, spread and margin, over a sample of rows coded as a build codes them.
  void Measure() {
    const size_t n = std::min(sample_.size(), kRotationRows);
    std::vector<uint32_t> positions(n);
    for (size_t i = 0; i < n; ++i) {
      const uint32_t vector = sample_[i * sample_.size() / n];
      positions[i] = vectors_.positions ? vectors_.positions[vector] : vector;
    }
    VectorSet some = vectors_;
    some.positions = positions.data();
    some.rows = nullptr;
    some.count = n;
    const RowCoder coder(book_->view());
    std::vector<CodedTile> tiles((n + kPqTileRows - 1) / kPqTileRows);
    std::vector<CodingError> errors(tiles.size());
    ParallelFor(n, kPqTileRows, threads_, [&](size_t begin, size_t end, int) {
      const size_t t = begin / kPqTileRows;
      errors[t] = coder.Code(some, begin, end, tiles[t]);
    });
    CodingError total;
    for (const auto& e : errors) total.Add(e);
    CodebookParams& params = book_->params();
    params.training_error = variance_ > 0 ? total.Mean(variance_) / variance_ : 0;
    params.spread =
        total.rows == 0
            ? 0
            : static_cast<float>(std::min(total.residuals / static_cast<double>(total.rows), 1e37));
    params.margin = MeasureIvfMargin(some, coder, tiles, params.spread, threads_);
    if (low_bits_ > kBlurred * params.spread) params.flags |= CodebookParams::kFineRanking;
  }

  const VectorSet& vectors_;
  VectorMetric metric_;
  const IvfPqConfig config_;
  int threads_;
  uint32_t dim_;
  FrameStatistics statistics_;
  std::vector<uint32_t> sample_;  // vectors
  std::vector<float> rows_;       // of the sample: of length 1 under both cosines, else centred
  size_t list_rows_ = 0;
  std::vector<float> means_;
  std::vector<float> residuals_;
  double variance_ = 0;
  bool rotated_ = false;
  double low_bits_ = 0;  // mean squared length of what the centroids' low four bits hold
  std::shared_ptr<IvfCodebook> book_;
};

}  // namespace

Result<std::shared_ptr<const Codebook>> Codebook::Train(const VectorSet& vectors,
                                                        VectorMetric metric,
                                                        const IvfPqConfig& config, int threads) {
  if (vectors.count == 0) {
    return Error(ErrorKind::kBadInput, "a codebook cannot be trained on no vectors");
  }
  ARROW_RETURN_NOT_OK(config.Validate(static_cast<int32_t>(vectors.dim)));
  const auto chosen = IvfPqConfig::ForDataset(static_cast<int64_t>(vectors.count),
                                              static_cast<int32_t>(vectors.dim));
  IvfPqConfig full = config;
  if (full.nlist == 0) full.nlist = chosen.nlist;
  full.nlist =
      static_cast<int32_t>(std::min<uint64_t>(static_cast<uint64_t>(full.nlist), vectors.count));
  if (full.nprobe == 0) full.nprobe = DefaultProbes(full.nlist);
  const auto dim = static_cast<int32_t>(vectors.dim);
  if (full.m == 0) full.m = full.bits == 4 ? chosen.m : std::min(dim, std::max(8, (dim + 7) / 8));
  return Training(vectors, metric, full, std::max(1, threads)).Run();
}

}  // namespace tarn::index
