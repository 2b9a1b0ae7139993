// SPDX-License-Identifier: Apache-2.0
//
// A small table in memory, with handles on each of its structures so that each can be damaged.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "iceberg/manifest.h"
#include "iceberg/snapshot.h"
#include "table/file/opened_file.h"
#include "tarn/catalog.h"
#include "tarn/store.h"
#include "tarn/table_info.h"

namespace tarn::testing {

/// One data file of 3,000 rows whose vectors have a null and a duplicate.
class DamagedTable {
 public:
  explicit DamagedTable(IndexType index = IndexType::kHnsw);

  // Whole objects.
  std::string Read(const std::string& path) const;
  void Write(const std::string& path, std::string_view bytes);
  void Remove(const std::string& path);
  void Flip(const std::string& path, size_t at);
  void Cut(const std::string& path, size_t bytes);
  void Replace(const std::string& path, const std::string& from, const std::string& to);

  /// Changes the manifest entry of the data file; everything else still fits.
  void EditEntry(const std::function<void(iceberg::DataFile&)>& edit);
  /// Changes the manifest's line in the manifest list.
  void EditLine(const std::function<void(iceberg::ManifestFile&)>& edit);

  /// Offset, in the data file, of the middle of a chunk of the vector section or the page map.
  size_t ChunkAt(uint32_t kind, bool page_map = false) const;
  size_t SectionAt(bool page_map) const;
  size_t SectionEnd(bool page_map) const;
  /// Inside the first data page of a Parquet column, counted from 0.
  size_t PageAt(int column) const;
  size_t OffsetIndexAt(int column) const;
  size_t FooterAt() const;
  size_t DataSize() const { return Read(data_path).size(); }

  /// What a fresh process finds. A table that cannot be loaded gives one finding without a path.
  std::vector<Finding> Verify() const;

  std::shared_ptr<MemoryStore> store = MemoryStore::Make();
  std::string metadata_path, hint_path, list_path, manifest_path, data_path;

 private:
  std::shared_ptr<const OpenedFile> Open() const;

  iceberg::Snapshot snapshot_;
  iceberg::ManifestFile line_;
};

}  // namespace tarn::testing
