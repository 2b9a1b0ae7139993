// SPDX-License-Identifier: Apache-2.0
//
// ParquetWriter: row groups into a StoreWriter, with the end of the file held back so that sections
// can be put before the footer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"
#include "format/page_map.h"
#include "tarn/store.h"

namespace parquet {
class FileMetaData;
}

namespace tarn::format {

/// How the columns are encoded. Columns that are not named are compressed (zstd, dictionary or
/// PLAIN).
struct ParquetLayout {
  /// Top-level embedding columns stored as raw floats: PLAIN, uncompressed, without dictionary.
  std::vector<std::string> raw_embeddings;
  /// Top-level embedding columns of few distinct values (f16): dictionary, zstd.
  std::vector<std::string> coded_embeddings;
  /// Top-level flat columns of mostly distinct values, for which a dictionary is only a burden.
  std::vector<std::string> distinct_columns;
  /// No page holds more rows, so that reading one row decodes little.
  int64_t max_rows_per_page = 4096;
};

/// What Parquet writes after the last row group: page indexes, then the footer.
struct ParquetTail {
  uint64_t offset = 0;  ///< of `bytes` in the file
  std::vector<std::byte> bytes;
  uint32_t metadata_length = 0;
  std::shared_ptr<parquet::FileMetaData> metadata;

  std::span<const std::byte> page_indexes() const {
    return std::span(bytes).first(bytes.size() - 8 - metadata_length);
  }
  std::span<const std::byte> metadata_bytes() const {
    return std::span(bytes).last(8 + size_t{metadata_length}).first(metadata_length);
  }
};

/// One thread at a time. `out` must outlive the writer. After an error the file must be abandoned.
class ParquetWriter {
 public:
  /// `schema` is storable and has field ids everywhere (storable_schema.h).
  static Result<std::unique_ptr<ParquetWriter>> Open(StoreWriter* out,
                                                     const std::shared_ptr<arrow::Schema>& schema,
                                                     const ParquetLayout& layout);
  virtual ~ParquetWriter() = default;

  /// The batch becomes one row group.
  virtual Status WriteRowGroup(const arrow::RecordBatch& batch) = 0;
  /// Ends the Parquet part. The tail is not written: see FinishFile in sectioned_file.h.
  virtual Result<ParquetTail> Finish() = 0;
};

/// Where the floats of a raw embedding column lie, from the offset indexes of the tail.
/// `valid_words`: bit r set when row r has a vector; empty when all have.
Result<std::vector<VectorPage>> FindVectorPages(const ParquetTail& tail, const std::string& column,
                                                uint32_t dim,
                                                const std::vector<uint64_t>& valid_words);

/// The leaf column of a top-level list<float>, or -1.
int EmbeddingLeaf(const parquet::FileMetaData& metadata, const std::string& column);

}  // namespace tarn::format
