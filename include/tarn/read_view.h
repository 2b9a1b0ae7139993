// SPDX-License-Identifier: Apache-2.0
//
// ReadView: one table at one snapshot, for as long as you hold it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"
#include "tarn/ailake_file.h"
#include "tarn/as_of.h"
#include "tarn/catalog.h"
#include "tarn/types.h"

namespace tarn {

/// A live data file of a view.
struct ViewFile {
  std::string path;  ///< in the catalog's store
  uint64_t size = 0;
  int64_t rows = 0;  ///< in the file, deleted ones included
  int64_t data_sequence_number = 0;
};

/// A delete file (or deletion vector) that applies to at least one file of a view.
struct ViewDeleteFile {
  enum class Kind { kPositions, kEquality, kVector };
  std::string path;  ///< in the catalog's store; vectors of several files may share one
  Kind kind = Kind::kPositions;
  int64_t records = 0;
};

/// Some rows of a file: bit r % 64 of word r / 64 stands for row r. Words for all of its rows.
struct RowBitmap {
  std::vector<uint64_t> words;
  uint64_t count = 0;
  bool contains(uint32_t row) const {
    return row / 64 < words.size() && (words[row / 64] >> (row % 64) & 1) != 0;
  }
  /// The row that has `rank` rows of the bitmap before it; `rank` must be below `count`.
  uint32_t Select(uint64_t rank) const;
};

/// Opened files by path, shared by views and sessions. Files are immutable, so an entry never goes
/// stale. Thread-safe.
class FileCache {
 public:
  explicit FileCache(size_t max_files = 4096);
  ~FileCache();
  Result<std::shared_ptr<AilakeFileReader>> Open(const std::shared_ptr<Store>& store,
                                                 const std::string& path);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Immutable and thread-safe: everything read through it is of one snapshot. Rows are those that
/// other Iceberg engines see: deleted ones (position and equality deletes, deletion vectors) are
/// left out, and columns are those of the schema by field id. What the deletes of a file are is
/// read when its rows first are, and kept. Errors while reading: kCorrupt for damaged files,
/// kNotSupported (Avro and ORC files, columns without field ids or name mapping).
class ReadView {
 public:
  /// The newest state, under the table's schema, or an older one: branches under the table's schema
  /// too, all else under the schema of its snapshot. kNotFound when the table has no such state.
  static Result<std::shared_ptr<const ReadView>> Open(std::shared_ptr<CatalogProvider> catalog,
                                                      const TableIdent& table,
                                                      std::shared_ptr<FileCache> cache = nullptr,
                                                      std::optional<AsOf> as_of = {});
  virtual ~ReadView() = default;

  virtual const TableState& state() const = 0;
  virtual SnapshotId snapshot() const = 0;  ///< 0 when the table is empty
  /// What tells views of one snapshot apart that show different fresh rows; 0: this shows none.
  virtual uint64_t fresh_mark() const { return 0; }
  virtual const std::vector<ViewFile>& files() const = 0;
  virtual const std::vector<ViewDeleteFile>& delete_files() const = 0;
  /// Rows of the files, deleted ones included: known without reading anything.
  virtual int64_t rows() const = 0;
  /// Rows that are not deleted. Reads the deletes of every file.
  virtual Result<int64_t> CountLiveRows() const = 0;
  /// The rows of a file that are not deleted; nullptr when none is.
  virtual Result<std::shared_ptr<const RowBitmap>> LiveRows(size_t file) const = 0;
  virtual const std::vector<VectorStoragePolicy>& vector_policies() const = 0;
  virtual const HnswConfig& hnsw() const = 0;  ///< the table's graph settings
  /// The table's Arrow schema, vector columns included.
  virtual const std::shared_ptr<arrow::Schema>& schema() const = 0;

  virtual Result<std::shared_ptr<AilakeFileReader>> OpenFile(size_t file) const = 0;
  /// What the file calls a column of the view; nullopt when it lacks the column.
  virtual Result<std::optional<std::string>> ColumnInFile(size_t file,
                                                          const std::string& column) const = 0;
  /// Columns of some rows of one file, as the view's schema has them, in the order given. No
  /// columns named: all. kNotFound names a row that is deleted.
  virtual Result<std::shared_ptr<arrow::Table>> ReadRows(
      size_t file, std::span<const uint32_t> rows,
      const std::vector<std::string>& columns) const = 0;
  /// The live rows of one file, in their order, as the view's schema has them. No columns named:
  /// all.
  virtual Result<std::shared_ptr<arrow::RecordBatch>> ReadFile(
      size_t file, const std::vector<std::string>& columns) const = 0;
  /// The live rows as the view's schema has them: one batch, which may be empty, for each of
  /// files(), in their order.
  virtual Result<std::shared_ptr<arrow::RecordBatchReader>> Scan(
      const std::vector<std::string>& columns) const = 0;
};

}  // namespace tarn
