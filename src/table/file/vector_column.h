// SPDX-License-Identifier: Apache-2.0
//
// StoredVectorColumn: what searching needs of one vector column of one file: its index, its exact
// vectors, and blocks of vectors for scans.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "index/codebook.h"
#include "index/vector_index.h"
#include "table/file/opened_file.h"
#include "table/file/raw_vectors.h"
#include "table/file/searchable_vectors.h"
#include "tarn/ailake_file.h"

namespace tarn {

struct DecodedVectors;

/// Thread-safe; what it opens or decodes is kept for as long as it lives.
class StoredVectorColumn : public SearchableVectors {
 public:
  /// The policy is the table's. kCorrupt when the file was written under another; kNotFound when
  /// the file has no such column, or not as lists of floats.
  static Result<std::shared_ptr<const StoredVectorColumn>> Open(
      std::shared_ptr<const OpenedFile> file, const VectorStoragePolicy& policy);
  StoredVectorColumn(const StoredVectorColumn&) = delete;
  ~StoredVectorColumn() override;

  const VectorStoragePolicy& policy() const override { return policy_; }
  uint64_t rows() const override;
  bool has_index() const;

  /// The opened index, or nullptr where the file has none.
  Result<const index::VectorIndex*> index() const;

  /// The codebook of a kIvfPq index, copied out of the file. kNotFound when the file has none.
  Result<std::shared_ptr<const index::Codebook>> CopyCodebook() const;

  Result<std::unique_ptr<index::RowSource>> NewRowSource() const override;
  VectorPrecision block_precision() const override;
  /// A file without a page map is decoded at the first call; its unusable rows are left out.
  Status ForEachBlock(const std::function<Status(const index::ExactBlock&)>& visit) const override;

  /// Rows that are never neighbours: null and (files of other engines) of a wrong length, not
  /// finite, or zero under cosine.
  Result<uint64_t> rows_without_vector() const;

 private:
  StoredVectorColumn(std::shared_ptr<const OpenedFile> file, const VectorStoragePolicy& policy);
  // Aligned; what must be copied for that goes to `copies`.
  std::vector<index::ChunkView> IndexChunks(std::vector<std::vector<std::byte>>* copies) const;
  bool ReadsPages() const;
  Result<const DecodedVectors*> DecodeOnce() const;
  Result<const std::vector<uint32_t>*> VectorRows() const;
  Status VisitPages(const std::function<Status(const index::ExactBlock&)>& visit) const;

  std::shared_ptr<const OpenedFile> file_;
  VectorStoragePolicy policy_;
  const ColumnSections* sections_ = nullptr;  // in *file_; nullptr for foreign files
  std::optional<RawVectors> raw_;             // in *file_

  mutable std::mutex mutex_;
  // Guarded by mutex_ until set; immutable afterwards.
  mutable std::optional<Result<std::unique_ptr<index::VectorIndex>>> index_;
  mutable std::vector<std::vector<std::byte>> realigned_;
  mutable std::optional<Result<std::unique_ptr<DecodedVectors>>> decoded_;
  mutable std::optional<std::vector<uint32_t>> vector_rows_;
};

}  // namespace tarn
