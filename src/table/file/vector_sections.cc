// SPDX-License-Identifier: Apache-2.0
#include "table/file/vector_sections.h"

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

Status ColumnToWrite::MapPages(const format::ParquetTail& tail) {
  std::vector<format::VectorPage> pages;
  if (policy_.precision == VectorPrecision::kF32) {
    ARROW_ASSIGN_OR_RAISE(
        pages, format::FindVectorPages(tail, policy_.column_name,
                                       static_cast<uint32_t>(policy_.dim), valid_words_));
  }
  const auto rows = static_cast<uint64_t>(stored_.rows());
  page_map_ = format::EncodePageMap(rows, rows - static_cast<uint64_t>(stored_.null_count()), pages,
                                    valid_words_.empty() ? nullptr : &valid_words_);
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
  if (kind == format::SectionKind::kVectorIndex) {
    if (indexed_ == IndexType::kFlat) info.flags |= format::kFlagFlat;
    if (indexed_ == IndexType::kIvfPq) info.flags |= format::kFlagIvfPq;
  }
  return info;
}

std::vector<format::KeyedSection> ColumnToWrite::Sections(bool primary) const {
  std::vector<format::KeyedSection> sections;
  format::NewSection map{Info(format::SectionKind::kPageMap),
                         {{format::kPageTable, page_map_.table}}};
  if (!valid_words_.empty()) map.chunks.push_back({format::kRowBitmap, page_map_.bitmap});
  sections.push_back({format::PageMapKey(policy_.column_name), std::move(map)});
  if (indexed_) sections.push_back(IndexSection(primary));
  return sections;
}

format::KeyedSection ColumnToWrite::IndexSection(bool primary) const {
  format::NewSection section{Info(format::SectionKind::kVectorIndex), {}};
  if (!halves_.empty()) {
    section.chunks.push_back({format::kRawHalfVectors, std::as_bytes(std::span(halves_))});
  }
  if (!bytes_.empty()) section.chunks.push_back({format::kRawByteVectors, bytes_});
  for (const index::IndexChunk& chunk : index_) section.chunks.push_back({chunk.kind, chunk.bytes});
  return {primary ? std::string(format::kPrimarySectionKey)
                  : format::SecondarySectionKey(policy_.column_name),
          std::move(section)};
}

}  // namespace tarn
