// SPDX-License-Identifier: Apache-2.0
#include "catalog/metadata_cache.h"

#include <algorithm>
#include <utility>

namespace tarn {

std::shared_ptr<const iceberg::TableMetadata> MetadataCache::Find(const std::string& location) {
  std::lock_guard guard(mutex_);
  const auto entry = entries_.find(location);
  if (entry == entries_.end()) return nullptr;
  entry->second.used = ++uses_;
  return entry->second.metadata;
}

void MetadataCache::Put(const std::string& location,
                        std::shared_ptr<const iceberg::TableMetadata> metadata) {
  std::lock_guard guard(mutex_);
  entries_[location] = {std::move(metadata), ++uses_};
  if (entries_.size() <= capacity_) return;
  entries_.erase(
      std::min_element(entries_.begin(), entries_.end(),
                       [](const auto& a, const auto& b) { return a.second.used < b.second.used; }));
}

}  // namespace tarn
