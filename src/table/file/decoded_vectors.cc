// SPDX-License-Identifier: Apache-2.0
#include "table/file/decoded_vectors.h"

#include <algorithm>

#include "arrow/api.h"
#include "parquet/arrow/reader.h"
#include "parquet/exception.h"
#include "tarn/embeddings.h"

namespace tarn {
namespace {

void AddRows(const arrow::ListArray& lists, uint32_t first_row, const VectorStoragePolicy& policy,
             DecodedVectors* out) {
  const auto& elements = static_cast<const arrow::FloatArray&>(*lists.values());
  for (int64_t i = 0; i < lists.length(); ++i) {
    if (lists.IsNull(i) || lists.value_length(i) != policy.dim) continue;
    const int64_t start = lists.value_offset(i);
    bool whole = true;
    for (int64_t k = 0; elements.null_count() > 0 && whole && k < policy.dim; ++k) {
      whole = elements.IsValid(start + k);
    }
    const float* values = elements.raw_values() + start;
    if (!whole || EmbeddingProblem(values, policy)) continue;
    out->values.insert(out->values.end(), values, values + policy.dim);
    out->rows.push_back(first_row + static_cast<uint32_t>(i));
  }
}

class DecodedSource : public index::RowSource {
 public:
  DecodedSource(const DecodedVectors& vectors, std::string path)
      : vectors_(vectors), path_(std::move(path)) {}
  VectorPrecision precision() const override { return VectorPrecision::kF32; }
  Status Fetch(std::span<const uint32_t> rows, const std::byte** out) override {
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto found = std::lower_bound(vectors_.rows.begin(), vectors_.rows.end(), rows[i]);
      if (found == vectors_.rows.end() || *found != rows[i]) {
        return Error(ErrorKind::kCorrupt, "file '", path_, "': row ", rows[i], " has no vector");
      }
      const auto position = static_cast<size_t>(found - vectors_.rows.begin());
      out[i] = reinterpret_cast<const std::byte*>(vectors_.values.data() + position * vectors_.dim);
    }
    return Status::OK();
  }

 private:
  const DecodedVectors& vectors_;
  std::string path_;
};

}  // namespace

Status DecodeVectors(const OpenedFile& file, const VectorStoragePolicy& policy,
                     DecodedVectors* out) {
  out->dim = static_cast<uint32_t>(policy.dim);
  const int field = file.schema->GetFieldIndex(policy.column_name);
  ARROW_ASSIGN_OR_RAISE(const auto reader, file.NewParquetReader());
  uint64_t row = 0;
  for (int group = 0; group < reader->num_row_groups(); ++group) {
    std::shared_ptr<arrow::ChunkedArray> column;
    Status status;
    BEGIN_PARQUET_CATCH_EXCEPTIONS
    status = reader->RowGroup(group)->Column(field)->Read(&column);
    END_PARQUET_CATCH_EXCEPTIONS
    if (!status.ok()) {
      return Error(ErrorKind::kCorrupt, "file '", file.path, "', column '", policy.column_name,
                   "': ", status.message());
    }
    for (const auto& chunk : column->chunks()) {
      AddRows(static_cast<const arrow::ListArray&>(*chunk), static_cast<uint32_t>(row), policy,
              out);
      row += static_cast<uint64_t>(chunk->length());
    }
  }
  if (row != static_cast<uint64_t>(file.rows())) {
    return Error(ErrorKind::kCorrupt, "file '", file.path, "', column '", policy.column_name,
                 "' holds ", row, " rows of ", file.rows());
  }
  return Status::OK();
}

std::unique_ptr<index::RowSource> NewDecodedSource(const DecodedVectors& vectors,
                                                   const std::string& path) {
  return std::make_unique<DecodedSource>(vectors, path);
}

}  // namespace tarn
