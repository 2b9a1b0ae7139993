// SPDX-License-Identifier: Apache-2.0
//
// ReadView: one table at one snapshot, for as long as you hold it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"
#include "tarn/ailake_file.h"
#include "tarn/catalog.h"
#include "tarn/types.h"

namespace tarn {

/// A live data file of a view.
struct ViewFile {
  std::string path;  ///< in the catalog's store
  uint64_t size = 0;
  int64_t rows = 0;
  int64_t data_sequence_number = 0;
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

/// Immutable and thread-safe: everything read through it is of one snapshot.
class ReadView {
 public:
  /// The newest snapshot, or the given one (kNotFound when the table does not have it).
  static Result<std::shared_ptr<const ReadView>> Open(std::shared_ptr<CatalogProvider> catalog,
                                                      const TableIdent& table,
                                                      std::shared_ptr<FileCache> cache = nullptr,
                                                      std::optional<SnapshotId> snapshot = {});
  virtual ~ReadView() = default;

  virtual const TableState& state() const = 0;
  virtual SnapshotId snapshot() const = 0;  ///< 0 when the table is empty
  virtual const std::vector<ViewFile>& files() const = 0;
  virtual int64_t rows() const = 0;
  virtual const std::vector<VectorStoragePolicy>& vector_policies() const = 0;
  virtual const HnswConfig& hnsw() const = 0;  ///< the table's graph settings
  /// The table's Arrow schema, vector columns included.
  virtual const std::shared_ptr<arrow::Schema>& schema() const = 0;

  virtual Result<std::shared_ptr<AilakeFileReader>> OpenFile(size_t file) const = 0;
  /// Columns of some rows of one file, as the view's schema has them (columns that the file lacks
  /// are null), in the order given. No columns named: all.
  virtual Result<std::shared_ptr<arrow::Table>> ReadRows(
      size_t file, std::span<const uint32_t> rows,
      const std::vector<std::string>& columns) const = 0;
  /// All rows as the view's schema has them: one batch for each of files(), in their order.
  virtual Result<std::shared_ptr<arrow::RecordBatchReader>> Scan(
      const std::vector<std::string>& columns) const = 0;
};

}  // namespace tarn
