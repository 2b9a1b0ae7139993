// SPDX-License-Identifier: Apache-2.0
//
// The sections of one vector column of a file that is being written: page map, index, raw vectors.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "format/parquet_writer.h"
#include "format/sectioned_file.h"
#include "index/vector_index.h"
#include "table/file/index_request.h"
#include "tarn/ailake_file.h"

namespace tarn {

/// One embedding column on its way into a file.
class ColumnToWrite {
 public:
  /// Rounds the values where the policy asks for it. The column's floats must outlive this object.
  static Result<ColumnToWrite> Make(const VectorColumn& column);

  /// A column whose pages another engine wrote: they stay as they are, so nothing is rounded, and
  /// the exact vectors are kept beside the index. `embeddings` has the rows that are vectors under
  /// the policy, `vectors` those alone, one after the other in the order of rows; both must outlive
  /// this object.
  static Result<ColumnToWrite> MakeForeign(const VectorColumn& column,
                                           std::span<const float> vectors);

  const VectorStoragePolicy& policy() const { return policy_; }
  /// What is stored: rounded, once, for Parquet and index alike.
  const EmbeddingsView& stored() const { return stored_; }

  /// After the Parquet part is written: the page map. Foreign columns have theirs from the start.
  Status MapPages(const format::ParquetTail& tail);
  /// Trains a codebook where the request needs one and brings none.
  Status BuildIndex(const IndexRequest& request);
  /// What a kIvfPq index was coded with; nullptr for others.
  const std::shared_ptr<const index::Codebook>& codebook() const { return codebook_; }

  /// The sections made so far, page map first. `primary`: the index goes under the primary key. The
  /// bytes stay this object's.
  std::vector<format::KeyedSection> Sections(bool primary) const;
  /// The index's section alone. BuildIndex must have succeeded.
  format::KeyedSection IndexSection(bool primary) const;
  format::KeyedSection MapSection() const;

 private:
  format::SectionInfo Info(format::SectionKind kind) const;
  void MapRows(const std::vector<format::VectorPage>& pages);

  VectorStoragePolicy policy_;
  EmbeddingsView stored_;
  std::vector<uint16_t> halves_;   // of kF16 columns that keep raw vectors
  std::vector<std::byte> bytes_;   // of kI8 columns: the chunk
  std::span<const float> floats_;  // of foreign columns, where the precision does not hold them
  bool foreign_ = false;
  std::vector<uint64_t> valid_words_;
  format::PageMapBytes page_map_;
  std::vector<index::IndexChunk> index_;
  std::optional<IndexType> indexed_;
  std::shared_ptr<const index::Codebook> codebook_;
};

}  // namespace tarn
