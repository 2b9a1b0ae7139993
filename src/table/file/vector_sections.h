// SPDX-License-Identifier: Apache-2.0
//
// The sections of one vector column of a file that is being written: page map, index, raw f16
// vectors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "format/parquet_writer.h"
#include "format/sectioned_file.h"
#include "index/vector_index.h"
#include "tarn/ailake_file.h"

namespace tarn {

/// One embedding column on its way into a file.
class ColumnToWrite {
 public:
  /// Rounds the values where the policy asks for it. The column's floats must outlive this object.
  static Result<ColumnToWrite> Make(const VectorColumn& column);

  const VectorStoragePolicy& policy() const { return policy_; }
  /// What is stored: rounded, once, for Parquet and index alike.
  const EmbeddingsView& stored() const { return stored_; }

  /// After the Parquet part is written: the page map.
  Status MapPages(const format::ParquetTail& tail);
  Status BuildIndex(IndexType type, const HnswConfig& hnsw, int threads);

  /// The sections made so far, page map first. `primary`: the index goes under the primary key. The
  /// bytes stay this object's.
  std::vector<format::KeyedSection> Sections(bool primary) const;

 private:
  format::SectionInfo Info(format::SectionKind kind) const;

  VectorStoragePolicy policy_;
  EmbeddingsView stored_;
  std::vector<uint16_t> halves_;
  std::vector<uint64_t> valid_words_;
  format::PageMapBytes page_map_;
  std::vector<index::IndexChunk> index_;
  bool indexed_ = false;
  bool flat_ = false;
};

}  // namespace tarn
