// SPDX-License-Identifier: Apache-2.0
//
// ViewDeletes: which rows of a view's files are live. A file's deletes are read when its rows are
// first asked for, as one bitmap, and kept (docs/adr/0012).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "iceberg/delete_plan.h"
#include "iceberg/table_metadata.h"
#include "table/view/equality_deletes.h"
#include "tarn/read_view.h"

namespace tarn {

/// A data file as applying deletes needs it.
struct DeletableFile {
  std::shared_ptr<AilakeFileReader> reader;
  std::shared_ptr<arrow::Schema> schema;  ///< with field ids
  FillValues partition;
};

/// Thread-safe. A failure is not kept: the next call tries again.
class ViewDeletes {
 public:
  using OpenDataFile = std::function<Result<DeletableFile>(size_t file)>;

  /// `data` and `deletes`: live entries of one snapshot; `paths` and `rows` are the data files',
  /// which `open` opens. kNotSupported for delete files that are neither Parquet nor Puffin.
  static Result<std::unique_ptr<ViewDeletes>> Make(
      std::shared_ptr<Store> store, std::shared_ptr<const iceberg::TableMetadata> metadata,
      std::span<const iceberg::ManifestEntry> data, std::vector<iceberg::ManifestEntry> deletes);

  /// Those that apply to a file, each once.
  const std::vector<ViewDeleteFile>& applied() const { return applied_; }

  /// The live rows of a file with `rows` rows; nullptr: all.
  Result<std::shared_ptr<const RowBitmap>> LiveRows(size_t file, int64_t rows,
                                                    const OpenDataFile& open) const;

 private:
  /// One data file's deletes and, once known, its live rows.
  struct Slot {
    std::mutex mutex;
    bool known = false;
    std::shared_ptr<const RowBitmap> live;
  };
  /// A position delete file: what it deletes, by number of the data file, once it was read.
  struct Positions {
    std::mutex mutex;
    bool read = false;
    std::unordered_map<size_t, std::vector<uint32_t>> rows;
  };
  using Words = std::vector<uint64_t>;

  ViewDeletes() = default;
  Status TakeApplied();
  Status MarkVector(size_t number, Words* deleted) const;
  Status MarkPositions(size_t number, size_t file, int64_t rows, Words* deleted) const;
  Status ReadPositions(size_t number, Positions* positions) const;
  Status MarkEqualities(const std::vector<size_t>& numbers, const DeletableFile& file,
                        Words* deleted) const;
  Result<EqualityDeletes*> EqualitiesOf(const std::vector<int32_t>& field_ids) const;
  Result<std::string> PathOf(size_t number) const;

  std::shared_ptr<Store> store_;
  std::shared_ptr<const iceberg::TableMetadata> metadata_;
  std::vector<iceberg::ManifestEntry> deletes_;
  std::vector<iceberg::FileDeletes> plan_;
  std::unordered_map<std::string, size_t> files_by_path_;
  std::vector<size_t> first_listed_;  // of files with the same path, for each file
  std::vector<ViewDeleteFile> applied_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<std::unique_ptr<Positions>> positions_;
  mutable std::mutex equalities_mutex_;
  // Guarded by equalities_mutex_; by ascending field ids.
  mutable std::map<std::vector<int32_t>, std::unique_ptr<EqualityDeletes>> equalities_;
};

}  // namespace tarn
