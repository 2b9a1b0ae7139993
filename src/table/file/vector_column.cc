// SPDX-License-Identifier: Apache-2.0
#include "table/file/vector_column.h"

#include <algorithm>
#include <cstring>

#include "arrow/api.h"
#include "parquet/arrow/reader.h"
#include "parquet/exception.h"
#include "table/file/decoded_vectors.h"

namespace tarn {
namespace {

constexpr uint32_t kFirstIndexKind = 0x100;
constexpr uint32_t kLastIndexKind = 0x1ff;
// Vectors in one block of a scan: enough to amortise the call, few enough to stay in the cache.
constexpr uint64_t kBlockVectors = 4096;

Status NoVector(const OpenedFile& file, const std::string& column, uint32_t row) {
  return Error(ErrorKind::kCorrupt, "file '", file.path, "', column '", column, "': row ", row,
               " has no vector");
}

/// f32 vectors straight from the Parquet pages.
class PageSource : public index::RowSource {
 public:
  PageSource(const OpenedFile& file, const ColumnSections& sections)
      : file_(file), sections_(sections) {}
  VectorPrecision precision() const override { return VectorPrecision::kF32; }
  Status Fetch(std::span<const uint32_t> rows, const std::byte** out) override {
    for (size_t i = 0; i < rows.size(); ++i) {
      out[i] = sections_.page_map.Find(rows[i]);
      if (out[i] == nullptr) return NoVector(file_, sections_.policy.column_name, rows[i]);
    }
    return Status::OK();
  }

 private:
  const OpenedFile& file_;
  const ColumnSections& sections_;
};

/// Vectors that the section keeps.
class RawSource : public index::RowSource {
 public:
  RawSource(const OpenedFile& file, const ColumnSections& sections, const RawVectors& raw)
      : file_(file), sections_(sections), raw_(raw) {}
  VectorPrecision precision() const override { return raw_.precision(); }
  float step() const override { return raw_.step(); }
  Status Fetch(std::span<const uint32_t> rows, const std::byte** out) override {
    const format::PageMap& map = sections_.page_map;
    for (size_t i = 0; i < rows.size(); ++i) {
      const bool known = rows[i] < map.rows() && map.HasVector(rows[i]);
      const uint64_t rank = known ? map.Rank(rows[i]) : map.vectors();
      if (rank >= raw_.count()) return NoVector(file_, sections_.policy.column_name, rows[i]);
      out[i] = raw_.row(rank);
    }
    return Status::OK();
  }

 private:
  const OpenedFile& file_;
  const ColumnSections& sections_;
  RawVectors raw_;
};

bool MayHoldVectors(const arrow::Schema& schema, const std::string& column) {
  const auto field = schema.GetFieldByName(column);
  return field != nullptr && field->type()->id() == arrow::Type::LIST &&
         field->type()->field(0)->type()->id() == arrow::Type::FLOAT;
}

}  // namespace

StoredVectorColumn::StoredVectorColumn(std::shared_ptr<const OpenedFile> file,
                                       const VectorStoragePolicy& policy)
    : file_(std::move(file)), policy_(policy), sections_(file_->Find(policy.column_name)) {}

StoredVectorColumn::~StoredVectorColumn() = default;

Result<std::shared_ptr<const StoredVectorColumn>> StoredVectorColumn::Open(
    std::shared_ptr<const OpenedFile> file, const VectorStoragePolicy& policy) {
  ARROW_RETURN_NOT_OK(policy.Validate());
  if (!MayHoldVectors(*file->schema, policy.column_name)) {
    return Error(ErrorKind::kNotFound, "file '", file->path, "' has no column '",
                 policy.column_name, "' of float lists");
  }
  auto column =
      std::shared_ptr<StoredVectorColumn>(new StoredVectorColumn(std::move(file), policy));
  if (const ColumnSections* sections = column->sections_) {
    const VectorStoragePolicy& stored = sections->policy;
    if (stored.dim != policy.dim || stored.metric != policy.metric ||
        stored.precision != policy.precision) {
      return Error(ErrorKind::kCorrupt, "file '", column->file_->path, "', column '",
                   policy.column_name, "' was written as ", stored.dim, " x ",
                   PrecisionName(stored.precision), ", ", MetricName(stored.metric),
                   "; the table says ", policy.dim, " x ", PrecisionName(policy.precision), ", ",
                   MetricName(policy.metric));
    }
    if (sections->index) {
      const Status raw = RawVectors::Check(*sections->index, sections->page_map.vectors());
      if (!raw.ok()) {
        return WithContext(
            raw, "file '" + column->file_->path + "', column '" + policy.column_name + "'");
      }
      column->raw_ = RawVectors::Of(*sections->index);
    }
  }
  return std::shared_ptr<const StoredVectorColumn>(std::move(column));
}

uint64_t StoredVectorColumn::rows() const { return static_cast<uint64_t>(file_->rows()); }

bool StoredVectorColumn::has_index() const {
  return sections_ != nullptr && sections_->index.has_value();
}

bool StoredVectorColumn::ReadsPages() const {
  return sections_ != nullptr && policy_.precision == VectorPrecision::kF32 &&
         sections_->page_map.has_floats();
}

std::vector<index::ChunkView> StoredVectorColumn::IndexChunks(
    std::vector<std::vector<std::byte>>* copies) const {
  std::vector<index::ChunkView> views;
  for (const format::SectionChunk& chunk : sections_->index->chunks()) {
    if (chunk.kind < kFirstIndexKind || chunk.kind > kLastIndexKind) continue;
    std::span<const std::byte> bytes = chunk.bytes;
    // Mapped files are aligned as the file is; bytes on the heap may not be.
    if (reinterpret_cast<uintptr_t>(bytes.data()) % format::kChunkAlignment != 0) {
      std::vector<std::byte>& copy = copies->emplace_back(bytes.size() + format::kChunkAlignment);
      const size_t shift = -reinterpret_cast<uintptr_t>(copy.data()) % format::kChunkAlignment;
      std::memcpy(copy.data() + shift, bytes.data(), bytes.size());
      bytes = std::span<const std::byte>(copy).subspan(shift, bytes.size());
    }
    views.push_back({chunk.kind, bytes});
  }
  return views;
}

Result<const index::VectorIndex*> StoredVectorColumn::index() const {
  if (!has_index()) return nullptr;
  const std::lock_guard lock(mutex_);
  if (!index_) index_ = index::VectorIndex::Open(IndexChunks(&realigned_), rows());
  if (!index_->ok()) return WithContext(index_->status(), "file '" + file_->path + "'");
  return (**index_).get();
}

Result<std::shared_ptr<const index::Codebook>> StoredVectorColumn::CopyCodebook() const {
  if (!has_index()) {
    return Error(ErrorKind::kNotFound, "file '", file_->path, "', column '", policy_.column_name,
                 "' has no index");
  }
  std::vector<std::vector<std::byte>> copies;
  auto codebook = index::Codebook::Copy(IndexChunks(&copies));
  if (!codebook.ok()) return WithContext(codebook.status(), "file '" + file_->path + "'");
  return codebook;
}

Result<std::unique_ptr<index::RowSource>> StoredVectorColumn::NewRowSource() const {
  if (!policy_.keep_raw_for_reranking) return nullptr;
  if (ReadsPages()) return std::make_unique<PageSource>(*file_, *sections_);
  if (raw_) return std::make_unique<RawSource>(*file_, *sections_, *raw_);
  ARROW_ASSIGN_OR_RAISE(const DecodedVectors* decoded, DecodeOnce());
  return NewDecodedSource(*decoded, file_->path);
}

VectorPrecision StoredVectorColumn::block_precision() const {
  return raw_ ? raw_->precision() : VectorPrecision::kF32;
}

Result<const DecodedVectors*> StoredVectorColumn::DecodeOnce() const {
  const std::lock_guard lock(mutex_);
  if (!decoded_) {
    auto decoded = std::make_unique<DecodedVectors>();
    const Status status = DecodeVectors(*file_, policy_, decoded.get());
    decoded_ = status.ok() ? Result<std::unique_ptr<DecodedVectors>>(std::move(decoded)) : status;
  }
  if (!decoded_->ok()) return decoded_->status();
  return (**decoded_).get();
}

Result<const std::vector<uint32_t>*> StoredVectorColumn::VectorRows() const {
  const std::lock_guard lock(mutex_);
  if (!vector_rows_) {
    const format::PageMap& map = sections_->page_map;
    std::vector<uint32_t> rows;
    rows.reserve(map.vectors());
    map.AppendRows(0, static_cast<uint32_t>(map.rows()), &rows);
    if (rows.size() != map.vectors()) {
      return Error(ErrorKind::kCorrupt, "file '", file_->path, "', column '", policy_.column_name,
                   "': the bitmap of null rows is damaged");
    }
    vector_rows_ = std::move(rows);
  }
  return &*vector_rows_;
}

Status StoredVectorColumn::VisitPages(
    const std::function<Status(const index::ExactBlock&)>& visit) const {
  const format::PageMap& map = sections_->page_map;
  const std::vector<uint32_t>* rows = nullptr;
  if (map.vectors() != map.rows()) {
    ARROW_ASSIGN_OR_RAISE(rows, VectorRows());
  }
  const auto visit_run = [&](const std::byte* values, uint64_t first, uint64_t count) {
    return visit({values, count, static_cast<uint32_t>(first),
                  rows ? rows->data() + first : nullptr, raw_ ? raw_->step() : 1});
  };
  if (raw_) {
    for (uint64_t first = 0; first < map.vectors(); first += kBlockVectors) {
      const uint64_t count = std::min(kBlockVectors, map.vectors() - first);
      ARROW_RETURN_NOT_OK(visit_run(raw_->row(first), first, count));
    }
    return Status::OK();
  }
  for (const format::VectorPage& page : map.pages()) {
    if (page.vector_count == 0) continue;
    const std::byte* values = file_->bytes->bytes().data() + page.floats_offset;
    ARROW_RETURN_NOT_OK(visit_run(values, page.first_vector, page.vector_count));
  }
  return Status::OK();
}

Status StoredVectorColumn::ForEachBlock(
    const std::function<Status(const index::ExactBlock&)>& visit) const {
  if (ReadsPages() || raw_) return VisitPages(visit);
  ARROW_ASSIGN_OR_RAISE(const DecodedVectors* decoded, DecodeOnce());
  for (uint64_t first = 0; first < decoded->rows.size(); first += kBlockVectors) {
    const uint64_t count = std::min<uint64_t>(kBlockVectors, decoded->rows.size() - first);
    const float* values = decoded->values.data() + first * policy_.dim;
    ARROW_RETURN_NOT_OK(visit(
        {reinterpret_cast<const std::byte*>(values), count, 0, decoded->rows.data() + first}));
  }
  return Status::OK();
}

Result<uint64_t> StoredVectorColumn::rows_without_vector() const {
  if (sections_ != nullptr) return sections_->page_map.rows() - sections_->page_map.vectors();
  ARROW_ASSIGN_OR_RAISE(const DecodedVectors* decoded, DecodeOnce());
  return rows() - decoded->rows.size();
}

}  // namespace tarn
