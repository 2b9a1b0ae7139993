// SPDX-License-Identifier: Apache-2.0
//
// FileReader: the AilakeFileReader of this library, with what the search room needs besides.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "table/file/opened_file.h"
#include "table/file/vector_column.h"
#include "tarn/ailake_file.h"

namespace tarn {

class FileReader : public AilakeFileReader {
 public:
  explicit FileReader(std::shared_ptr<const OpenedFile> file) : file_(std::move(file)) {}

  /// The reader behind the public interface. Every reader that AilakeFileReader::Open made is one.
  static const FileReader& Of(const AilakeFileReader& reader) {
    return dynamic_cast<const FileReader&>(reader);
  }

  /// The column under the table's policy, opened once and kept. Errors as StoredVectorColumn::Open.
  Result<std::shared_ptr<const StoredVectorColumn>> OpenVectorColumn(
      const VectorStoragePolicy& policy) const;

  /// The same for the column of a table whose field has this id, whatever it was called when the
  /// file was written. kNotFound, too, where another column of the file has the name. A file
  /// without field ids is asked by name.
  Result<std::shared_ptr<const StoredVectorColumn>> OpenVectorColumn(
      const VectorStoragePolicy& policy, int32_t field_id) const;

  const OpenedFile& file() const { return *file_; }

  bool IsAilakeFile() const override;
  bool IsAilakeFile(const std::string& column) const override;
  std::vector<VectorColumnInfo> vector_columns() const override;
  const std::string& path() const override { return file_->path; }
  int64_t rows() const override { return file_->rows(); }
  std::shared_ptr<arrow::Schema> schema() const override { return file_->schema; }
  std::shared_ptr<parquet::FileMetaData> parquet_metadata() const override {
    return file_->metadata;
  }
  Result<std::shared_ptr<arrow::Table>> ReadAll(
      const std::vector<std::string>& columns) const override;
  Result<std::shared_ptr<arrow::Table>> ReadRows(
      std::span<const uint32_t> rows, const std::vector<std::string>& columns) const override;
  Status Verify() const override;

 private:
  Result<std::vector<int>> FieldsOf(const std::vector<std::string>& columns) const;

  std::shared_ptr<const OpenedFile> file_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<const StoredVectorColumn>>
      columns_;  // guarded by mutex_
};

}  // namespace tarn
