// SPDX-License-Identifier: Apache-2.0
#include <list>
#include <mutex>
#include <unordered_map>

#include "tarn/read_view.h"

namespace tarn {

/// Least recently used first out. Readers in use outlive their entry.
struct FileCache::Impl {
  struct Entry {
    std::string path;
    std::weak_ptr<Store> store;
    std::shared_ptr<AilakeFileReader> reader;
  };
  std::mutex mutex;
  size_t max_files;
  std::list<Entry> recent;  // newest first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_path;
};

FileCache::FileCache(size_t max_files) : impl_(std::make_unique<Impl>()) {
  impl_->max_files = max_files > 0 ? max_files : 1;
}

FileCache::~FileCache() = default;

Result<std::shared_ptr<AilakeFileReader>> FileCache::Open(const std::shared_ptr<Store>& store,
                                                          const std::string& path) {
  {
    std::lock_guard lock(impl_->mutex);
    const auto found = impl_->by_path.find(path);
    if (found != impl_->by_path.end() && found->second->store.lock() == store) {
      impl_->recent.splice(impl_->recent.begin(), impl_->recent, found->second);
      return found->second->reader;
    }
  }
  // Opened outside the lock: a slow file must not hold up the others. Two threads may open one
  // file; the later entry stays.
  ARROW_ASSIGN_OR_RAISE(auto reader, AilakeFileReader::Open(store, path));
  std::lock_guard lock(impl_->mutex);
  if (const auto old = impl_->by_path.find(path); old != impl_->by_path.end()) {
    impl_->recent.erase(old->second);
    impl_->by_path.erase(old);
  }
  impl_->recent.push_front({path, store, reader});
  impl_->by_path[path] = impl_->recent.begin();
  while (impl_->recent.size() > impl_->max_files) {
    impl_->by_path.erase(impl_->recent.back().path);
    impl_->recent.pop_back();
  }
  return reader;
}

}  // namespace tarn
