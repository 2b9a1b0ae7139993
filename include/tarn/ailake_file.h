// SPDX-License-Identifier: Apache-2.0
//
// AilakeFileWriter and AilakeFileReader: one Parquet file with its vector indexes inside. Every
// Parquet reader sees an ordinary file; the indexes lie in sections that only footer keys name
// (docs/formats/ailk-v2.md).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"
#include "tarn/embeddings.h"
#include "tarn/hardware.h"
#include "tarn/store.h"
#include "tarn/types.h"

namespace parquet {
class FileMetaData;
}

namespace tarn {

namespace index {
class Codebook;
}

/// One embedding column of a batch: its policy and its rows.
struct VectorColumn {
  VectorStoragePolicy policy;
  EmbeddingsView embeddings;
};

/// What was written.
struct WrittenFile {
  std::string path;
  uint64_t size = 0;
  int64_t rows = 0;
  /// Bytes of all sections (index, page map), padding included.
  uint64_t section_bytes = 0;
  std::shared_ptr<parquet::FileMetaData> metadata;
  /// What the kIvfPq indexes were coded with, by column.
  std::map<std::string, std::shared_ptr<const index::Codebook>> codebooks;
};

/// Writes files. A writer is a set of options and may write any number of files; one thread at a
/// time.
///
/// The batch holds every column but the embeddings; types without an Iceberg counterpart are
/// refused (kBadInput, naming the field's path), others are stored as docs/formats/types.md says.
/// Fields keep the ids in their `PARQUET:field_id` metadata; all others are numbered. The embedding
/// columns follow the batch's, as list<float>. Nothing is visible under `path` unless the call
/// succeeds, and an existing file is never overwritten (kAlreadyExists).
class AilakeFileWriter {
 public:
  AilakeFileWriter(std::shared_ptr<Store> store, VectorStoragePolicy policy);
  /// For files without a primary vector column, or with several: see WriteMulti.
  explicit AilakeFileWriter(std::shared_ptr<Store> store);

  AilakeFileWriter& WithHnswConfig(HnswConfig config);
  /// Makes the index type kIvfPq. The settings are for training a codebook, where none is given.
  AilakeFileWriter& WithIvfPq(IvfPqConfig config = {});
  /// kHnsw unless set. kAuto is decided for each column by ChooseIndexType.
  AilakeFileWriter& WithIndexType(IndexType type);
  /// Makes the index type kAuto, for this hardware.
  AilakeFileWriter& WithAutoIndex(const Hardware& hardware = Hardware::Detect());
  /// Codes a column's kIvfPq index with this codebook. Without one, each file trains its own.
  AilakeFileWriter& WithCodebook(const std::string& column,
                                 std::shared_ptr<const index::Codebook> codebook);
  /// Threads of the index build; 0 = as many as this process may use. The bytes do not depend on
  /// it.
  AilakeFileWriter& WithThreads(int threads);
  /// Rows per Parquet row group; 0: chosen so that a group holds about 64 MiB.
  AilakeFileWriter& WithRowGroupRows(int64_t rows);
  /// Field ids of a vector column and of its list element; else numbered.
  AilakeFileWriter& WithVectorFieldId(const std::string& column, int32_t field_id,
                                      int32_t element_id);

  /// One more key and value in the Parquet footer.
  AilakeFileWriter& WithFooterKey(const std::string& key, std::string value);

  /// Parquet, page map and index, in one go.
  Result<WrittenFile> Write(const std::string& path, const arrow::RecordBatch& batch,
                            const EmbeddingsView& embeddings);
  /// Parquet and page map only: the file is searched by scanning until an index is added.
  Result<WrittenFile> WriteParquetOnly(const std::string& path, const arrow::RecordBatch& batch,
                                       const EmbeddingsView& embeddings);
  /// Several vector columns, the primary one first, each with an index (or none at all).
  Result<WrittenFile> WriteMulti(const std::string& path, const arrow::RecordBatch& batch,
                                 std::span<const VectorColumn> columns, bool build_indexes = true);

 private:
  std::shared_ptr<Store> store_;
  std::optional<VectorStoragePolicy> policy_;
  HnswConfig hnsw_;
  IvfPqConfig ivf_pq_;
  IndexType index_type_ = IndexType::kHnsw;
  std::optional<Hardware> hardware_;
  std::map<std::string, std::shared_ptr<const index::Codebook>> codebooks_;
  int threads_ = 0;
  int64_t row_group_rows_ = 0;
  std::map<std::string, std::pair<int32_t, int32_t>> vector_field_ids_;
  std::map<std::string, std::string> footer_keys_;
};

/// Index state of one vector column of one file.
struct VectorColumnInfo {
  VectorStoragePolicy policy;
  bool has_page_map = false;
  bool foreign_pages = false;  ///< another engine wrote the rows; the index came later
  bool has_index = false;
  IndexType index_type = IndexType::kFlat;
  uint64_t indexed_rows = 0;
  uint64_t distinct_vectors = 0;
  /// kIvfPq: the fingerprint of the codebook, and how well it fits this file's rows: their coding
  /// error over that of the rows it was trained on (1: as well).
  std::string codebook;
  double codebook_drift = 1;
  uint64_t section_bytes = 0;
  /// Null, wrong-length, non-finite or (cosine) zero rows, which are never neighbours. Known only
  /// for files with a page map.
  uint64_t rows_without_vector = 0;
};

/// An opened file: mapped, footer parsed, nothing else read. Immutable and thread-safe; searches
/// and reads of one reader may run at once.
class AilakeFileReader {
 public:
  /// kNotFound, kCorrupt (truncated, foreign or damaged: says what), kNotSupported (a newer
  /// section).
  static Result<std::shared_ptr<AilakeFileReader>> Open(std::shared_ptr<Store> store,
                                                        const std::string& path);
  virtual ~AilakeFileReader() = default;

  /// True when the primary (or the named) vector column has a vector section.
  virtual bool IsAilakeFile() const = 0;
  virtual bool IsAilakeFile(const std::string& column) const = 0;
  virtual std::vector<VectorColumnInfo> vector_columns() const = 0;

  virtual const std::string& path() const = 0;
  virtual int64_t rows() const = 0;
  virtual std::shared_ptr<arrow::Schema> schema() const = 0;
  virtual std::shared_ptr<parquet::FileMetaData> parquet_metadata() const = 0;

  /// The named top-level columns (all when empty) of the whole file.
  virtual Result<std::shared_ptr<arrow::Table>> ReadAll(
      const std::vector<std::string>& columns) const = 0;
  /// The named columns of some rows, in the order given; reads only the pages that hold them.
  virtual Result<std::shared_ptr<arrow::Table>> ReadRows(
      std::span<const uint32_t> rows, const std::vector<std::string>& columns) const = 0;

  /// Every checksum and cross-reference of every section, and every Parquet page header. The first
  /// thing found wrong is returned as kCorrupt, naming the structure.
  virtual Status Verify() const = 0;
};

}  // namespace tarn
