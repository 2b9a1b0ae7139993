// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/parallel.h"
#include "index/build_codes.h"
#include "index/code_frame.h"
#include "index/graph_builder.h"
#include "index/ivf/ivf_build.h"
#include "index/layout.h"
#include "index/margin.h"
#include "index/node_groups.h"

namespace tarn::index {
namespace {

// A chunk that is filled in place.
IndexChunk MakeChunk(ChunkKind kind, size_t bytes) { return {kind, std::vector<std::byte>(bytes)}; }
template <typename T>
T* Data(IndexChunk& chunk) {
  return reinterpret_cast<T*>(chunk.bytes.data());
}
template <typename T>
IndexChunk ChunkOf(ChunkKind kind, const std::vector<T>& values) {
  IndexChunk chunk = MakeChunk(kind, values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(chunk.bytes.data(), values.data(), chunk.bytes.size());
  return chunk;
}

// Scoring a pivot costs a third of scoring a node elsewhere; beyond about the fourth root of the
// nodes they shorten the way by less than they cost.
size_t PivotCount(size_t nodes, VectorMetric metric) {
  // Fewer nodes are scanned (512), or near each other anyway.
  if (nodes <= (metric == VectorMetric::kDotProduct ? 512 : 2048)) return 0;
  return static_cast<size_t>(14 * std::sqrt(std::sqrt(static_cast<double>(nodes))));
}

// Dot product: rows that are this many times as long as the middle one win products in directions
// that are not theirs, where no graph finds them; one node in so many at most.
constexpr double kLong = 2.5;
constexpr size_t kMostLong = 32;

Status CheckBuild(const VectorSet& vectors, const BuildOptions& options) {
  if (options.type == IndexType::kAuto) {
    return Error(ErrorKind::kNotSupported, "vector index: choose hnsw, ivf_pq or flat, not ",
                 IndexTypeName(options.type));
  }
  if (vectors.dim < 1 || vectors.dim > 65536) {
    return Error(ErrorKind::kBadInput, "vector index: the dimension is ", vectors.dim,
                 "; it must be in [1, 65536]");
  }
  if (vectors.count >= kMaxNodes) {
    return Error(ErrorKind::kNotSupported, "vector index: ", vectors.count,
                 " rows; one index holds fewer than 2^31. Split the file.");
  }
  if (options.type == IndexType::kHnsw) ARROW_RETURN_NOT_OK(options.hnsw.Validate());
  return Status::OK();
}

class IndexBuild {
 public:
  IndexBuild(const VectorSet& vectors, const BuildOptions& options)
      : vectors_(vectors), options_(options), threads_(std::max(1, options.threads)) {
    params_.type = static_cast<uint32_t>(options.type);
    params_.metric = static_cast<uint32_t>(options.metric);
    params_.dim = vectors.dim;
    params_.code_blocks = CodeBlocks(vectors.dim);
    params_.row_count = vectors.count;
    params_.default_ef = static_cast<uint32_t>(std::max(options.hnsw.ef_search, 1));
    params_.rotation_seed = CodeFrame::kRotationSeed;
  }

  Result<std::vector<IndexChunk>> Run() {
    statistics_ = MeasureRows(vectors_, options_.metric, threads_);
    params_.unit = statistics_.unit;
    BuildCodes codes = Quantise();
    groups_ = GroupVectors(vectors_, codes, threads_);
    params_.node_count = groups_.size();
    codes.Select(groups_.first);
    EncodeNodes();
    Graph graph;
    if (options_.type == IndexType::kHnsw) graph = MakeGraph(codes);
    if (IsStopped()) return Error(ErrorKind::kCancelled, "the build of a vector index was stopped");
    CalibrateMargins();
    return Assemble(graph);
  }

 private:
  bool IsStopped() const { return options_.stop != nullptr && *options_.stop; }

  CodeFrame Frame() const {
    return CodeFrame(options_.metric, vectors_.dim, statistics_.mean.data(), params_.unit,
                     params_.rotation_seed);
  }

  // Runs body(i, centred row, rotated row) of vector index_of(i), for i < n.
  template <class IndexOf, class Body>
  void ForRotated(size_t n, IndexOf index_of, Body body) {
    const CodeFrame frame = Frame();
    ParallelFor(n, 1024, threads_, [&](size_t begin, size_t end, int) {
      std::vector<float> scratch(vectors_.dim), rotated(vectors_.dim);
      for (size_t i = begin; i < end; ++i) {
        frame.RotateRow(vectors_.vector(index_of(i)), scratch.data(), rotated.data());
        body(i, scratch.data(), rotated.data());
      }
    });
  }

  BuildCodes Quantise() {
    BuildCodes codes(vectors_.dim, vectors_.count);
    std::vector<float> distances(vectors_.count);  // from the mean
    ForRotated(
        vectors_.count, [](size_t i) { return i; },
        [&](size_t i, const float* centred, const float* rotated) {
          const double inverse = InverseLength(centred, vectors_.dim);
          distances[i] = inverse > 0 ? static_cast<float>(1 / inverse) : 0;
          codes.Set(i, rotated);
        });
    const auto farthest = std::max_element(distances.begin(), distances.end());
    if (farthest != distances.end() && std::isfinite(*farthest)) {
      params_.compatible_features |= kHasRadius;
      params_.radius = *farthest;
    }
    return codes;
  }

  void EncodeNodes() {
    const size_t stride = size_t{params_.code_blocks} * 64;
    high_ = MakeChunk(kCodesChunk, groups_.size() * stride);
    if (options_.eight_bit_codes) low_ = MakeChunk(kLowCodesChunk, groups_.size() * stride);
    const CodeFrame frame = Frame();
    factors_.resize(groups_.size());
    low_factors_.resize(groups_.size());
    ForRotated(
        groups_.size(), [&](size_t i) { return groups_.first[i]; },
        [&](size_t i, const float* centred, const float* rotated) {
          uint8_t* low = options_.eight_bit_codes ? Data<uint8_t>(low_) + i * stride : nullptr;
          const RowFactors f = EncodeRow(rotated, vectors_.dim, frame.RowBias(centred),
                                         Data<uint8_t>(high_) + i * stride, low);
          factors_[i] = f.high;
          low_factors_[i] = f.all;
        });
  }

  Graph MakeGraph(BuildCodes& codes) {
    GraphOptions graph;
    graph.degree = static_cast<uint32_t>(options_.hnsw.m) * 2;
    graph.window = static_cast<uint32_t>(options_.hnsw.ef_construction);
    graph.threads = threads_;
    graph.stop = options_.stop;
    // Every traversal starts at the middle: the row nearest to the mean.
    for (uint32_t i = 1; i < codes.size(); ++i) {
      if (codes.factor(i).bias < codes.factor(graph.entry).bias) graph.entry = i;
    }
    if (options_.metric != VectorMetric::kDotProduct) {
      graph.starts = PivotCount(codes.size(), options_.metric);
    }
    params_.degree = graph.degree;
    params_.entry = graph.entry;
    if (options_.metric == VectorMetric::kDotProduct) codes.UseDirections();
    Graph made = BuildGraph(codes, graph);
    if (IsStopped()) return {};
    starts_ = made.starts;
    return made;
  }

  void CalibrateMargins() {
    const CodeFrame frame = Frame();
    const auto measure = [&](const MarginCodes& codes) {
      return MeasureMargin(vectors_, groups_.first, frame, options_.metric, codes);
    };
    params_.margin = measure({high_.bytes, nullptr, factors_});
    if (!options_.eight_bit_codes) return;
    params_.low_margin = measure({high_.bytes, &low_.bytes, low_factors_});
    params_.compatible_features |= kHasLowMargin;
  }

  bool RowsAreIdentity() const {
    if (groups_.size() != vectors_.count) return false;
    return vectors_.rows == nullptr || vectors_.count == 0 ||
           (vectors_.rows[0] == 0 && vectors_.rows[vectors_.count - 1] == vectors_.count - 1);
  }

  IndexChunk NodeRowsChunk() const {
    std::vector<uint32_t> words(groups_.offsets);
    for (size_t i = 0; i < groups_.size(); ++i) {
      if (groups_.copies[i]) words[i] |= kCopiesFlag;
    }
    for (uint32_t member : groups_.members) words.push_back(vectors_.row(member));
    return ChunkOf(kNodeRowsChunk, words);
  }

  // Nodes spread evenly over the file; under dot product as many of the longest, and all those far
  // longer than most.
  std::vector<uint32_t> ChoosePivots() const {
    const size_t nodes = groups_.size();
    const size_t spread = std::max(PivotCount(nodes, options_.metric), starts_);
    std::vector<uint32_t> pivots;
    for (size_t i = 0; i < spread; ++i) {
      pivots.push_back(static_cast<uint32_t>((2 * i + 1) * nodes / (2 * spread)));
    }
    if (spread == 0 || options_.metric != VectorMetric::kDotProduct) return pivots;
    std::vector<std::pair<double, uint32_t>> lengths(nodes);  // 1 / length: the longest first
    for (uint32_t i = 0; i < nodes; ++i) {
      const double inverse = InverseLength(vectors_.vector(groups_.first[i]), vectors_.dim);
      lengths[i] = {inverse > 0 ? inverse : std::numeric_limits<double>::infinity(), i};
    }
    std::sort(lengths.begin(), lengths.end());
    const double limit = lengths[nodes / 2].first / kLong;
    for (size_t i = 0; i < std::max(spread, nodes / kMostLong); ++i) {
      if (i < spread || lengths[i].first <= limit) pivots.push_back(lengths[i].second);
    }
    std::sort(pivots.begin(), pivots.end());
    pivots.erase(std::unique(pivots.begin(), pivots.end()), pivots.end());
    return pivots;
  }

  // Pivots with copies of their codes.
  void AddPivots(std::vector<IndexChunk>& chunks) {
    const std::vector<uint32_t> pivots = ChoosePivots();
    const size_t count = pivots.size();
    if (count == 0) return;
    const size_t stride = size_t{params_.code_blocks} * 64;
    std::vector<kernels::RowFactor> factors(count);
    IndexChunk codes = MakeChunk(kPivotCodesChunk, count * stride);
    for (size_t i = 0; i < count; ++i) {
      factors[i] = factors_[pivots[i]];
      std::memcpy(Data<uint8_t>(codes) + i * stride, Data<uint8_t>(high_) + pivots[i] * stride,
                  stride);
    }
    chunks.push_back(ChunkOf(kPivotsChunk, pivots));
    chunks.push_back(ChunkOf(kPivotFactorsChunk, factors));
    chunks.push_back(std::move(codes));
  }

  std::vector<IndexChunk> Assemble(const Graph& graph) {
    std::vector<IndexChunk> chunks;
    chunks.push_back(ChunkOf(kParamsChunk, std::vector<Params>{params_}));
    if (params_.node_count == 0) return chunks;
    chunks.push_back(ChunkOf(kMeanChunk, statistics_.mean));
    if (!RowsAreIdentity()) chunks.push_back(NodeRowsChunk());
    if (!graph.extra_entries.empty()) {
      chunks.push_back(ChunkOf(kExtraEntriesChunk, graph.extra_entries));
    }
    if (params_.degree != 0) {
      AddPivots(chunks);
      chunks.push_back(ChunkOf(kLinksChunk, graph.links));
    }
    chunks.push_back(ChunkOf(kFactorsChunk, factors_));
    chunks.push_back(std::move(high_));
    if (options_.eight_bit_codes) {
      chunks.push_back(ChunkOf(kLowFactorsChunk, low_factors_));
      chunks.push_back(std::move(low_));
    }
    return chunks;
  }

  const VectorSet& vectors_;
  const BuildOptions& options_;
  int threads_;
  Params params_;
  FrameStatistics statistics_;
  NodeGroups groups_;
  IndexChunk high_;
  IndexChunk low_;
  std::vector<kernels::RowFactor> factors_;
  std::vector<kernels::RowFactor> low_factors_;
  size_t starts_ = 0;  // that searches of the graph need
};

}  // namespace

Result<std::vector<IndexChunk>> BuildIndex(const VectorSet& vectors, const BuildOptions& options) {
  ARROW_RETURN_NOT_OK(CheckBuild(vectors, options));
  if (options.type == IndexType::kIvfPq) return BuildIvfIndex(vectors, options);
  return IndexBuild(vectors, options).Run();
}

}  // namespace tarn::index
