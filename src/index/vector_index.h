// SPDX-License-Identifier: Apache-2.0
//
// The index room's front door: vectors in, chunks of bytes out; chunks of bytes in, neighbours out.
//
// Rows are numbered by the caller (a row is a position in the file). An index knows a subset of
// them: rows without a vector are simply not in it. Chunk bytes hold no pointers, are little-endian
// and position-independent, and are used in place: opening parses and copies nothing.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tarn/types.h"

namespace tarn::index {

class Codebook;

/// The vectors to index: `count` vectors of `dim` f32 values, vector i belonging to row `rows[i]`.
/// All pointers must outlive the build.
struct VectorSet {
  const float* values = nullptr;  ///< row-major, `dim` floats each
  const uint32_t* positions =
      nullptr;                     ///< vector i lies at values + positions[i] * dim; nullptr: i
  const uint32_t* rows = nullptr;  ///< ascending; nullptr: row i
  size_t count = 0;
  uint32_t dim = 0;

  const float* vector(size_t i) const {
    return values + static_cast<size_t>(positions ? positions[i] : i) * dim;
  }
  uint32_t row(size_t i) const { return rows ? rows[i] : static_cast<uint32_t>(i); }
};

/// One piece of an index. Kinds are documented to the byte in docs/formats/index-chunks.md.
struct IndexChunk {
  uint32_t kind = 0;
  std::vector<std::byte> bytes;
};

struct BuildOptions {
  IndexType type = IndexType::kHnsw;  ///< kHnsw, kFlat or kIvfPq
  VectorMetric metric = VectorMetric::kCosine;
  HnswConfig hnsw;
  /// kIvfPq: the codebook to code with (codebook.h), made for this dimension and metric; the index
  /// holds a copy. nullptr: one is trained on these vectors with `ivf_pq`.
  std::shared_ptr<const Codebook> codebook;
  IvfPqConfig ivf_pq;
  /// Also store the low four bits of 8-bit codes: a finer order where no raw vectors can be
  /// reached, and fewer of them to fetch where they can. kHnsw and kFlat.
  bool eight_bit_codes = false;
  int threads = 1;  ///< the bytes are the same for any number
  /// Set by another thread: a graph that is being built is given up within a fiftieth of its time.
  const std::atomic<bool>* stop = nullptr;
};

/// Builds an index. Vectors must have passed CheckEmbeddings. An empty set gives a valid, empty
/// index.
Result<std::vector<IndexChunk>> BuildIndex(const VectorSet& vectors, const BuildOptions& options);

/// Rows that may be returned: bit r of word r / 64. Rows past the end are not live.
struct LiveRows {
  std::span<const uint64_t> words;
  std::optional<uint64_t> count = {};  ///< number of live rows, where the caller knows it
  bool contains(uint32_t row) const {
    return row / 64 < words.size() && (words[row / 64] >> (row % 64) & 1);
  }
};

/// Gives exact vectors for reranking. Implementations hand out pointers into mapped bytes.
class RowSource {
 public:
  virtual ~RowSource() = default;
  virtual VectorPrecision precision() const = 0;
  virtual float step() const { return 1; }  ///< kI8: what 1 stands for, a power of two
  /// Sets out[i] to the stored values (dim elements of `precision`, possibly unaligned) of rows[i].
  /// The pointers stay valid until the next call on the same `RowSource` or its end. kCorrupt when
  /// a row has no vector.
  virtual Status Fetch(std::span<const uint32_t> rows, const std::byte** out) = 0;
};

struct Neighbor {
  float distance = 0;  ///< as defined by VectorMetric
  uint32_t row = 0;
  friend bool operator==(const Neighbor&, const Neighbor&) = default;
};

struct SearchOptions {
  uint32_t k = 10;
  uint32_t ef = 0;                 ///< candidates kept (at least k is used); 0: the index's default
  uint32_t nprobe = 0;             ///< inverted lists looked into; 0: the index's default
  const LiveRows* live = nullptr;  ///< nullptr: every row
  /// Exact vectors. nullptr: the result is ordered by code distance and approximate.
  RowSource* source = nullptr;
  /// When several indexes are searched for one result: an upper bound of its k-th distance, which
  /// searches running at once read and lower. Rows farther than it may be left out, so that a
  /// search returns fewer than k; a row at most that far is left out no more often than without it.
  std::atomic<float>* bound = nullptr;
  /// With a bound: candidates that a traversal expands even where they lie beyond it, on its way to
  /// nearer ones; 0: as many as are kept.
  uint32_t beam = 0;
};

/// Scratch space of one searching thread, reused between queries and between indexes.
class SearchScratch {
 public:
  SearchScratch();
  ~SearchScratch();
  SearchScratch(SearchScratch&&) noexcept;
  SearchScratch& operator=(SearchScratch&&) noexcept;

 private:
  friend class OpenedIndex;
  friend class IvfIndex;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Counters of one search, added to by each call.
struct SearchStats {
  uint64_t code_distances = 0;
  uint64_t pivot_distances = 0;  ///< by codes that lie in one run
  uint64_t expanded_nodes = 0;
  uint64_t exact_distances = 0;
};

/// A chunk as it lies in a mapped file. `bytes` must be 64-byte aligned.
struct ChunkView {
  uint32_t kind = 0;
  std::span<const std::byte> bytes;
};

/// An opened index. Immutable: any number of threads may search it, each with its own scratch.
class VectorIndex {
 public:
  /// Checks sizes and parameters, never the bulk of the data: an ordinal read from damaged bytes is
  /// checked when it is used. kCorrupt says what does not fit; kNotSupported for unknown encodings.
  /// The chunk bytes must outlive the index. `row_limit`: rows must be below it.
  static Result<std::unique_ptr<VectorIndex>> Open(std::span<const ChunkView> chunks,
                                                   uint64_t row_limit);
  virtual ~VectorIndex() = default;

  /// The nearest live rows, nearest first (ties by row), at most k. Fewer only when fewer live rows
  /// are indexed. `query` has dim() floats; it is normalised here when the metric asks for it.
  virtual Result<std::vector<Neighbor>> Search(const float* query, const SearchOptions& options,
                                               SearchScratch& scratch,
                                               SearchStats* stats = nullptr) const = 0;

  /// What the index as a whole says about its distance from a query.
  struct Distance {
    /// Roughly that of the middle of its rows, in no unit: smaller is nearer, among indexes of one
    /// metric.
    float expected = 0;
    /// No row is nearer than this. -infinity where nothing is known (dot product always).
    float least = -std::numeric_limits<float>::infinity();
  };
  virtual Distance Reach(const float* /*query*/) const { return {}; }

  /// Reads every byte and checks every cross-reference (ordinals, row map, reachability).
  virtual Status Verify() const = 0;

  virtual IndexType type() const = 0;
  virtual VectorMetric metric() const = 0;
  virtual uint32_t dim() const = 0;
  virtual uint64_t row_count() const = 0;       ///< indexed rows
  virtual uint64_t distinct_count() const = 0;  ///< nodes after exact duplicates were merged

  /// kIvfPq: which codebook the rows are coded with, and how well it fits them: the coding error of
  /// these rows over that of the codebook's own training sample (1: as well; empty otherwise).
  struct CodebookUse {
    std::string fingerprint;
    double drift = 1;
  };
  virtual std::optional<CodebookUse> codebook_use() const { return std::nullopt; }
};

/// Exact search over stored vectors without an index: a block of `count` consecutive vectors of
/// `precision` at `values` (possibly unaligned), vector i belonging to `rows[i]` or `first_row +
/// i`.
struct ExactBlock {
  const std::byte* values = nullptr;
  uint64_t count = 0;
  uint32_t first_row = 0;
  const uint32_t* rows = nullptr;
  float step = 1;  ///< kI8: what 1 stands for, a power of two
};

/// Keeps the k nearest rows over any number of blocks. One thread at a time.
class ExactScan {
 public:
  ExactScan(VectorMetric metric, VectorPrecision precision, uint32_t dim, const float* query,
            uint32_t k, const LiveRows* live);
  ~ExactScan();
  void Add(const ExactBlock& block);
  /// Nearest first, ties by row. Rows without a usable distance (NaN, or zero under cosine) are
  /// left out.
  std::vector<Neighbor> Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tarn::index
