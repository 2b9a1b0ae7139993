// SPDX-License-Identifier: Apache-2.0
//
// The vocabulary that every room shares: ids, metrics, precisions and the vector policy of a table.
// Plain values: copy them freely between threads.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "tarn/status.h"

namespace tarn {

/// An integer that cannot be mistaken for an integer of another meaning. Compares with plain
/// numbers, so that `snapshot > 0` reads well; converts to them only through value().
template <typename Tag>
class StrongId {
 public:
  constexpr StrongId() = default;
  constexpr explicit StrongId(int64_t value) : value_(value) {}
  constexpr int64_t value() const { return value_; }
  friend constexpr auto operator<=>(StrongId, StrongId) = default;
  friend constexpr bool operator==(StrongId, StrongId) = default;
  friend constexpr auto operator<=>(StrongId id, int64_t number) { return id.value_ <=> number; }
  friend constexpr bool operator==(StrongId id, int64_t number) { return id.value_ == number; }
  friend std::ostream& operator<<(std::ostream& out, StrongId id) { return out << id.value_; }

 private:
  int64_t value_ = 0;
};

/// An Iceberg snapshot id: a random positive 63-bit number; 0 means "no snapshot yet".
using SnapshotId = StrongId<struct SnapshotTag>;

/// How two vectors are compared. `_distance` is always smaller for nearer rows:
/// cosine and normalised cosine 1 - cos(q, x); euclidean ||q - x||; dot product -<q, x>.
/// Normalised cosine promises that stored rows have length 1 (the writer refuses others), so that
/// the distance is one dot product. The numbers are those of the file format (ailk-v2.md).
enum class VectorMetric : uint8_t {
  kCosine = 0,
  kEuclidean = 1,
  kDotProduct = 2,
  kNormalizedCosine = 3,
};

/// The precision to which embeddings are rounded, once, when they are written.
enum class VectorPrecision : uint8_t { kF32 = 0, kF16 = 1, kI8 = 2 };

enum class IndexType : uint8_t {
  kHnsw,   ///< graph over quantised codes
  kIvfPq,  ///< inverted lists of product-quantised codes
  kFlat,   ///< a scan of quantised codes
  kAuto,   ///< chosen by size and hardware
};

/// Product-quantiser settings of a policy: sub-vectors per row and bits per sub-vector code.
struct PqConfig {
  int32_t num_subvectors = 0;  ///< 0: chosen from the dimension
  int32_t bits = 8;
  friend bool operator==(const PqConfig&, const PqConfig&) = default;
};

/// How one embedding column is stored and searched. Fixed for the life of the column.
struct VectorStoragePolicy {
  std::string column_name;
  int32_t dim = 0;
  VectorMetric metric = VectorMetric::kCosine;
  VectorPrecision precision = VectorPrecision::kF32;
  std::optional<PqConfig> pq;
  /// Keep full-precision vectors where exact rerank can reach them. Without them results are
  /// ordered by code distance and marked approximate.
  bool keep_raw_for_reranking = true;
  friend bool operator==(const VectorStoragePolicy&, const VectorStoragePolicy&) = default;

  /// kBadInput unless the column is named and the dimension is in [1, 65536].
  Status Validate() const;
};

/// Graph index settings (Malkov & Yashunin 2018 for the names). The level-0 degree is 2 * m.
struct HnswConfig {
  int32_t m = 16;                 ///< in [4, 64]
  int32_t ef_construction = 100;  ///< candidates kept while building, in [2 * m, 2000]
  int32_t ef_search = 64;         ///< default candidates kept while searching
  /// 4, or 8: finer codes beside the coarse ones, half a byte more a dimension, so that a search
  /// fetches fewer exact vectors. For vectors that lie far away or do not fit into memory.
  int32_t code_bits = 4;
  friend bool operator==(const HnswConfig&, const HnswConfig&) = default;

  Status Validate() const;
};

/// Inverted-file index settings (Jégou et al., PAMI 2011; FastScan: André et al., TPAMI 2021). They
/// shape a codebook when it is trained; later files of a table take the table's codebook as it is.
struct IvfPqConfig {
  int32_t nlist = 0;     ///< inverted lists; 0: as ForDataset, for the vectors trained on
  int32_t nprobe = 0;    ///< lists a search looks into by default; 0: chosen from nlist
  int32_t m = 0;         ///< sub-vectors, at most dim; 0: about dim / 3 with 4 bits, dim / 8 with 8
  int32_t bits = 4;      ///< of a sub-vector's code: 4 (scanned in registers) or 8 (finer)
  bool residual = true;  ///< code what is left after the list's centroid is taken away
  uint64_t seed = 42;
  friend bool operator==(const IvfPqConfig&, const IvfPqConfig&) = default;

  /// Settings for n vectors: nlist about 4 sqrt(n), and fewer where lists would be nearly empty;
  /// nprobe follows when the codebook is trained.
  static IvfPqConfig ForDataset(int64_t n, int32_t dim);
  /// kBadInput names the setting that is out of its range for this dimension.
  Status Validate(int32_t dim) const;
};

// Names as they stand in table properties and file keys: "cosine", "euclidean", "dot_product",
// "normalized_cosine"; "f32", "f16", "i8"; "hnsw", "ivf_pq", "flat", "auto". Parsing also takes the
// spellings of version 1 ("dotproduct", "normalizedcosine") and fails with kBadInput otherwise.
std::string_view MetricName(VectorMetric metric);
std::string_view PrecisionName(VectorPrecision precision);
std::string_view IndexTypeName(IndexType type);
Result<VectorMetric> ParseMetric(std::string_view name);
Result<VectorPrecision> ParsePrecision(std::string_view name);
Result<IndexType> ParseIndexType(std::string_view name);

}  // namespace tarn
