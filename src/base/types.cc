// SPDX-License-Identifier: Apache-2.0
#include "tarn/types.h"

#include <algorithm>
#include <cctype>
#include <cmath>

namespace tarn {
namespace {

constexpr int32_t kMaxDimension = 65536;

/// Lower case without separators, so that "Dot-Product", "dot_product" and "dotproduct" are one.
std::string Canonical(std::string_view name) {
  std::string out;
  for (char c : name) {
    if (c != '_' && c != '-' && c != ' ')
      out.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  return out;
}

}  // namespace

Status VectorStoragePolicy::Validate() const {
  if (column_name.empty()) {
    return Error(ErrorKind::kBadInput, "the vector policy names no column");
  }
  if (dim < 1 || dim > kMaxDimension) {
    return Error(ErrorKind::kBadInput, "vector column '", column_name, "' has dimension ", dim,
                 "; it must be between 1 and ", kMaxDimension);
  }
  return Status::OK();
}

Status HnswConfig::Validate() const {
  if (m < 4 || m > 64) {
    return Error(ErrorKind::kBadInput, "HNSW m is ", m, "; it must be between 4 and 64");
  }
  if (ef_construction < 2 * m || ef_construction > 2000) {
    return Error(ErrorKind::kBadInput, "HNSW ef_construction is ", ef_construction,
                 "; it must be between 2 * m = ", 2 * m, " and 2000");
  }
  if (ef_search < 1) {
    return Error(ErrorKind::kBadInput, "HNSW ef_search is ", ef_search, "; it must be at least 1");
  }
  if (code_bits != 4 && code_bits != 8) {
    return Error(ErrorKind::kBadInput, "HNSW code_bits is ", code_bits, "; it must be 4 or 8");
  }
  return Status::OK();
}

IvfPqConfig IvfPqConfig::ForDataset(int64_t n, int32_t dim) {
  IvfPqConfig config;
  // Lists of fewer than 16 rows would mostly be empty places.
  const auto rows = static_cast<double>(std::max<int64_t>(n, 1));
  const double lists = std::min(4 * std::sqrt(rows), rows / 16);
  config.nlist = static_cast<int32_t>(std::clamp(lists, 1.0, 1e6));
  config.m = dim <= 32 ? std::max(dim, 1) : std::min(dim, std::max(32, (dim + 23) / 24 * 8));
  return config;
}

Status IvfPqConfig::Validate(int32_t dim) const {
  constexpr int32_t kMostLists = 1 << 20;
  if (dim < 1 || dim > kMaxDimension) {
    return Error(ErrorKind::kBadInput, "IVF: the dimension is ", dim, "; it must be between 1 and ",
                 kMaxDimension);
  }
  if (nlist < 0 || nlist > kMostLists) {
    return Error(ErrorKind::kBadInput, "IVF nlist is ", nlist, "; it must be between 1 and ",
                 kMostLists, ", or 0 to be chosen");
  }
  if (nprobe < 0 || nprobe > kMostLists) {
    return Error(ErrorKind::kBadInput, "IVF nprobe is ", nprobe, "; it must be between 1 and ",
                 kMostLists, ", or 0 to be chosen");
  }
  if (bits != 4 && bits != 8) {
    return Error(ErrorKind::kBadInput, "IVF bits is ", bits, "; it must be 4 or 8");
  }
  if (m < 0 || m > dim) {
    return Error(ErrorKind::kBadInput, "IVF m is ", m, "; it must be between 1 and the dimension ",
                 dim, ", or 0 to be chosen");
  }
  return Status::OK();
}

std::string_view MetricName(VectorMetric metric) {
  switch (metric) {
    case VectorMetric::kCosine:
      return "cosine";
    case VectorMetric::kEuclidean:
      return "euclidean";
    case VectorMetric::kDotProduct:
      return "dot_product";
    case VectorMetric::kNormalizedCosine:
      return "normalized_cosine";
  }
  return "unknown";
}

std::string_view PrecisionName(VectorPrecision precision) {
  switch (precision) {
    case VectorPrecision::kF32:
      return "f32";
    case VectorPrecision::kF16:
      return "f16";
    case VectorPrecision::kI8:
      return "i8";
  }
  return "unknown";
}

std::string_view IndexTypeName(IndexType type) {
  switch (type) {
    case IndexType::kHnsw:
      return "hnsw";
    case IndexType::kIvfPq:
      return "ivf_pq";
    case IndexType::kFlat:
      return "flat";
    case IndexType::kAuto:
      return "auto";
  }
  return "unknown";
}

Result<VectorMetric> ParseMetric(std::string_view name) {
  const std::string key = Canonical(name);
  if (key == "cosine") return VectorMetric::kCosine;
  if (key == "euclidean" || key == "l2") return VectorMetric::kEuclidean;
  if (key == "dotproduct" || key == "dot" || key == "ip") return VectorMetric::kDotProduct;
  if (key == "normalizedcosine" || key == "normalisedcosine")
    return VectorMetric::kNormalizedCosine;
  return Error(ErrorKind::kBadInput, "unknown metric '", name,
               "'; use cosine, euclidean, dot_product or normalized_cosine");
}

Result<VectorPrecision> ParsePrecision(std::string_view name) {
  const std::string key = Canonical(name);
  if (key == "f32") return VectorPrecision::kF32;
  if (key == "f16") return VectorPrecision::kF16;
  if (key == "i8") return VectorPrecision::kI8;
  return Error(ErrorKind::kBadInput, "unknown vector precision '", name, "'; use f32, f16 or i8");
}

Result<IndexType> ParseIndexType(std::string_view name) {
  const std::string key = Canonical(name);
  if (key == "hnsw") return IndexType::kHnsw;
  if (key == "ivfpq") return IndexType::kIvfPq;
  if (key == "flat") return IndexType::kFlat;
  if (key == "auto") return IndexType::kAuto;
  return Error(ErrorKind::kBadInput, "unknown index type '", name,
               "'; use hnsw, ivf_pq, flat or auto");
}

}  // namespace tarn
