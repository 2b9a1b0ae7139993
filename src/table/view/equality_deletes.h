// SPDX-License-Identifier: Apache-2.0
//
// EqualityDeletes: the equality delete files of a view that name the same columns. A row is deleted
// when one of the files that apply to it holds a record with the row's values in these columns.
// Source: the Iceberg table specification, "Equality Delete Files".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "iceberg/table_metadata.h"
#include "table/fit.h"
#include "tarn/ailake_file.h"

namespace tarn {

/// Thread-safe. Keeps the keys of each delete file once it was read.
class EqualityDeletes {
 public:
  /// kCorrupt when no schema of the table has one of the columns; kNotSupported for columns in
  /// lists and maps. The columns' types are those of the newest schema that has them, so that files
  /// from before and after a widening compare.
  static Result<std::unique_ptr<EqualityDeletes>> Make(const iceberg::TableMetadata& metadata,
                                                       const std::vector<int32_t>& field_ids);

  /// Whether a delete file was read.
  bool has(size_t number) const;
  /// Reads the keys of a delete file, once. kCorrupt when it lacks one of the columns.
  Status Load(size_t number, const AilakeFileReader& file);

  /// Calls `visit` for every row of a data file that one of the delete files deletes; these must
  /// have been loaded. `source` is the file's schema with field ids, `partition` what its partition
  /// says of columns it may lack.
  Status ForEachDeleted(const AilakeFileReader& data, const arrow::Schema& source,
                        const FillValues& partition, const std::vector<size_t>& numbers,
                        const std::function<void(int64_t row)>& visit) const;

 private:
  /// One of the columns: the way from a top-level column down to it.
  struct Column {
    std::shared_ptr<arrow::Field> top;  // with nothing in it but the way
    int depth = 0;                      // structs around the value
    int32_t id = 0;
  };
  Result<arrow::ArrayVector> Values(const AilakeFileReader& file, const arrow::Schema& source,
                                    const FillValues& partition) const;

  std::vector<Column> columns_;
  std::shared_ptr<arrow::Schema> target_;
  FillValues defaults_;
  mutable std::shared_mutex mutex_;
  // Guarded by mutex_.
  std::unordered_map<std::string, std::vector<size_t>> files_by_key_;
  std::set<size_t> loaded_;
};

}  // namespace tarn
