// SPDX-License-Identifier: Apache-2.0
#include "table/file/vector_sections.h"

#include <cstring>
#include <utility>

#include "base/parallel.h"
#include "format/embedding_list.h"
#include "table/file/raw_vectors.h"

namespace tarn {
namespace {

/// The rows that have a vector, and where their vectors lie, in units of dim from `values`.
struct Gathered {
  const float* values = nullptr;
  std::vector<uint32_t> positions;
  std::vector<uint32_t> rows;
};

Gathered GatherVectors(const EmbeddingsView& embeddings) {
  Gathered out;
  for (int64_t row = 0; row < embeddings.rows(); ++row) {
    const float* vector = embeddings.Row(row);
    if (vector == nullptr) continue;
    if (out.values == nullptr) out.values = vector;
    out.positions.push_back(static_cast<uint32_t>((vector - out.values) / embeddings.dim()));
    out.rows.push_back(static_cast<uint32_t>(row));
  }
  return out;
}

bool SameBits(const EmbeddingsView& rounded, std::span<const float> vectors) {
  const auto dim = static_cast<size_t>(rounded.dim());
  size_t at = 0;
  for (int64_t row = 0; row < rounded.rows(); ++row) {
    const float* vector = rounded.Row(row);
    if (vector == nullptr) continue;
    if (std::memcmp(vector, vectors.data() + at, dim * sizeof(float)) != 0) return false;
    at += dim;
  }
  return true;
}

}  // namespace

Result<ColumnToWrite> ColumnToWrite::Make(const VectorColumn& column) {
  ColumnToWrite out;
  out.policy_ = column.policy;
  out.stored_ = column.embeddings;
  if (column.policy.precision == VectorPrecision::kF16) {
    ARROW_ASSIGN_OR_RAISE(format::HalfEmbeddings half, format::RoundToHalf(column.embeddings));
    out.stored_ = std::move(half.rounded);
    if (column.policy.keep_raw_for_reranking) out.halves_ = std::move(half.halves);
  } else if (column.policy.precision == VectorPrecision::kI8) {
    ARROW_ASSIGN_OR_RAISE(auto rounded, format::RoundToBytes(column.embeddings, column.policy));
    if (column.policy.keep_raw_for_reranking) out.bytes_ = EncodeByteVectors(rounded);
    out.stored_ = std::move(rounded.rounded);
  }
  out.valid_words_ = format::ValidWords(out.stored_);
  return out;
}

Result<ColumnToWrite> ColumnToWrite::MakeForeign(const VectorColumn& column,
                                                 std::span<const float> vectors) {
  ColumnToWrite out;
  out.policy_ = column.policy;
  out.stored_ = column.embeddings;
  out.foreign_ = true;
  out.valid_words_ = format::ValidWords(out.stored_);
  out.MapRows({});
  if (!column.policy.keep_raw_for_reranking) return out;
  // An engine that copied our rounded values left what the precision holds; of others we keep
  // floats.
  if (column.policy.precision == VectorPrecision::kF16) {
    ARROW_ASSIGN_OR_RAISE(auto half, format::RoundToHalf(column.embeddings));
    if (SameBits(half.rounded, vectors)) out.halves_ = std::move(half.halves);
  } else if (column.policy.precision == VectorPrecision::kI8) {
    ARROW_ASSIGN_OR_RAISE(auto bytes, format::RoundToBytes(column.embeddings, column.policy));
    if (SameBits(bytes.rounded, vectors)) out.bytes_ = EncodeByteVectors(bytes);
  }
  if (out.halves_.empty() && out.bytes_.empty()) out.floats_ = vectors;
  return out;
}

void ColumnToWrite::MapRows(const std::vector<format::VectorPage>& pages) {
  const auto rows = static_cast<uint64_t>(stored_.rows());
  page_map_ = format::EncodePageMap(rows, rows - static_cast<uint64_t>(stored_.null_count()), pages,
                                    valid_words_.empty() ? nullptr : &valid_words_);
}

Status ColumnToWrite::MapPages(const format::ParquetTail& tail) {
  std::vector<format::VectorPage> pages;
  if (policy_.precision == VectorPrecision::kF32) {
    ARROW_ASSIGN_OR_RAISE(
        pages, format::FindVectorPages(tail, policy_.column_name,
                                       static_cast<uint32_t>(policy_.dim), valid_words_));
  }
  MapRows(pages);
  return Status::OK();
}

Status ColumnToWrite::BuildIndex(const IndexRequest& request) {
  index::VectorSet vectors;
  vectors.dim = static_cast<uint32_t>(policy_.dim);
  vectors.count = static_cast<size_t>(stored_.rows() - stored_.null_count());
  vectors.values = stored_.ContiguousValues();
  Gathered gathered;
  if (vectors.values == nullptr && vectors.count > 0) {
    gathered = GatherVectors(stored_);
    vectors.values = gathered.values;
    vectors.positions = gathered.positions.data();
    vectors.rows = gathered.rows.data();
  }
  index::BuildOptions options;
  options.type = request.type;
  options.metric = policy_.metric;
  options.hnsw = request.hnsw;
  options.eight_bit_codes = !policy_.keep_raw_for_reranking || request.hnsw.code_bits == 8;
  options.threads = ResolveThreads(request.threads);
  options.stop = request.stop;
  if (request.type == IndexType::kIvfPq) {
    codebook_ = request.codebook;
    if (vectors.count == 0) {
      // Nothing to code: a scan of nothing needs no codebook.
      options.type = IndexType::kFlat;
      codebook_ = nullptr;
    } else if (codebook_ == nullptr) {
      ARROW_ASSIGN_OR_RAISE(codebook_, index::Codebook::Train(vectors, policy_.metric,
                                                              request.ivf_pq, options.threads));
    }
    options.codebook = codebook_;
  }
  ARROW_ASSIGN_OR_RAISE(index_, index::BuildIndex(vectors, options));
  indexed_ = options.type;
  return Status::OK();
}

format::SectionInfo ColumnToWrite::Info(format::SectionKind kind) const {
  format::SectionInfo info;
  info.kind = kind;
  info.dim = static_cast<uint32_t>(policy_.dim);
  info.precision = policy_.precision;
  info.metric = policy_.metric;
  info.record_count = static_cast<uint64_t>(stored_.rows() - stored_.null_count());
  if (!policy_.keep_raw_for_reranking) info.flags |= format::kFlagNoRaw;
  if (foreign_) info.flags |= format::kFlagForeign;
  if (kind == format::SectionKind::kVectorIndex) {
    if (indexed_ == IndexType::kFlat) info.flags |= format::kFlagFlat;
    if (indexed_ == IndexType::kIvfPq) info.flags |= format::kFlagIvfPq;
  }
  return info;
}

std::vector<format::KeyedSection> ColumnToWrite::Sections(bool primary) const {
  std::vector<format::KeyedSection> sections = {MapSection()};
  if (indexed_) sections.push_back(IndexSection(primary));
  return sections;
}

format::KeyedSection ColumnToWrite::MapSection() const {
  format::NewSection map{Info(format::SectionKind::kPageMap),
                         {{format::kPageTable, page_map_.table}}};
  if (!valid_words_.empty()) map.chunks.push_back({format::kRowBitmap, page_map_.bitmap});
  return {format::PageMapKey(policy_.column_name), std::move(map)};
}

format::KeyedSection ColumnToWrite::IndexSection(bool primary) const {
  format::NewSection section{Info(format::SectionKind::kVectorIndex), {}};
  if (!halves_.empty()) {
    section.chunks.push_back({format::kRawHalfVectors, std::as_bytes(std::span(halves_))});
  }
  if (!bytes_.empty()) section.chunks.push_back({format::kRawByteVectors, bytes_});
  if (!floats_.empty()) {
    section.chunks.push_back({format::kRawFloatVectors, std::as_bytes(floats_)});
  }
  for (const index::IndexChunk& chunk : index_) section.chunks.push_back({chunk.kind, chunk.bytes});
  return {primary ? std::string(format::kPrimarySectionKey)
                  : format::SecondarySectionKey(policy_.column_name),
          std::move(section)};
}

}  // namespace tarn
