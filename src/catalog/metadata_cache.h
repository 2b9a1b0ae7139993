// SPDX-License-Identifier: Apache-2.0
//
// MetadataCache: parsed metadata by the location of its file. The files of a catalog that names
// them by uuid never change, so that what was parsed once holds.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "iceberg/table_metadata.h"

namespace tarn {

/// Thread-safe. Keeps the `capacity` files used last.
class MetadataCache {
 public:
  explicit MetadataCache(size_t capacity) : capacity_(capacity) {}

  /// nullptr when it is not there.
  std::shared_ptr<const iceberg::TableMetadata> Find(const std::string& location);
  void Put(const std::string& location, std::shared_ptr<const iceberg::TableMetadata> metadata);

 private:
  struct Entry {
    std::shared_ptr<const iceberg::TableMetadata> metadata;
    uint64_t used = 0;
  };
  const size_t capacity_;
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;  ///< guarded by mutex_
  uint64_t uses_ = 0;                     ///< guarded by mutex_
};

}  // namespace tarn
