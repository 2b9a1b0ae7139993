// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <set>
#include <utility>

#include "store/memory_log_folder.h"
#include "store/store_bytes.h"
#include "store/store_path.h"
#include "store/thread_locks.h"
#include "tarn/store.h"

namespace tarn {
namespace {

constexpr std::string_view kScheme = "memory:";

Status Missing(std::string_view path) {
  return Error(ErrorKind::kNotFound, "memory:///", path, " does not exist");
}

class MemoryStoreImpl : public MemoryStore, public std::enable_shared_from_this<MemoryStoreImpl> {
 public:
  Result<std::shared_ptr<StoreBytes>> Read(std::string_view path) override {
    ARROW_ASSIGN_OR_RAISE(const auto object, Find(path));
    return std::make_shared<SharedBytes>(object.bytes, 0, object.bytes->size());
  }

  Result<std::shared_ptr<StoreBytes>> ReadRange(std::string_view path, uint64_t offset,
                                                uint64_t length) override {
    ARROW_ASSIGN_OR_RAISE(const auto object, Find(path));
    const uint64_t size = object.bytes->size();
    if (offset > size || length > size - offset) {
      return Error(ErrorKind::kBadInput, "memory:///", path, " has ", size, " bytes; ", length,
                   " bytes at ", offset, " reach past its end");
    }
    return std::make_shared<SharedBytes>(object.bytes, offset, length);
  }

  Result<ObjectInfo> Stat(std::string_view path) override {
    ARROW_ASSIGN_OR_RAISE(const auto object, Find(path));
    return ObjectInfo{std::string(path), object.bytes->size(), object.modified};
  }

  Result<std::unique_ptr<StoreWriter>> OpenWriter(std::string_view path, PutMode mode) override;

  Result<std::vector<ObjectInfo>> List(std::string_view prefix) override {
    std::lock_guard guard(mutex_);
    std::vector<ObjectInfo> found;
    for (auto it = objects_.lower_bound(prefix);
         it != objects_.end() && it->first.substr(0, prefix.size()) == prefix; ++it) {
      found.push_back({it->first, it->second.bytes->size(), it->second.modified});
    }
    return found;
  }

  Result<std::vector<std::string>> ListFolder(std::string_view folder) override {
    ARROW_ASSIGN_OR_RAISE(folder, CheckStoreFolder(folder));
    const std::string prefix = folder.empty() ? std::string() : std::string(folder) + "/";
    std::lock_guard guard(mutex_);
    std::set<std::string> names;
    for (auto it = objects_.lower_bound(prefix);
         it != objects_.end() && it->first.substr(0, prefix.size()) == prefix; ++it) {
      const size_t slash = it->first.find('/', prefix.size());
      names.insert(it->first.substr(prefix.size(), slash == std::string::npos
                                                       ? std::string::npos
                                                       : slash + 1 - prefix.size()));
    }
    return std::vector<std::string>(names.begin(), names.end());
  }

  Status Delete(std::string_view path) override {
    ARROW_RETURN_NOT_OK(CheckStorePath(path));
    std::lock_guard guard(mutex_);
    const auto it = objects_.find(path);
    if (it == objects_.end()) return Missing(path);
    objects_.erase(it);
    return Status::OK();
  }

  Result<std::unique_ptr<StoreLock>> Lock(std::string_view path,
                                          std::chrono::milliseconds timeout) override {
    ARROW_RETURN_NOT_OK(CheckStorePath(path));
    auto lock = locks_.Acquire(path, timeout);
    if (lock == nullptr) {
      return Error(ErrorKind::kIo, "the lock of memory:///", path, " was not free within ",
                   timeout.count(), " ms");
    }
    return lock;
  }

  Result<std::shared_ptr<LogFolder>> OpenLogFolder(std::string_view path) override {
    ARROW_RETURN_NOT_OK(CheckStorePath(path));
    return logs_.Open(std::string(path));
  }

  std::string UriOf(std::string_view path) const override {
    return std::string("memory:///").append(path);
  }

  Result<std::string> PathOf(std::string_view uri) const override {
    std::string_view path = uri;
    if (path.substr(0, kScheme.size()) != kScheme) {
      return Error(ErrorKind::kBadInput, "location '", uri,
                   "' is not of a memory store (memory:///...)");
    }
    path.remove_prefix(kScheme.size());
    while (!path.empty() && path.front() == '/') path.remove_prefix(1);
    if (!path.empty() && path.back() == '/') path.remove_suffix(1);
    if (!path.empty()) ARROW_RETURN_NOT_OK(CheckStorePath(path));
    return std::string(path);
  }

  Status Publish(const std::string& path, std::vector<std::byte> bytes, PutMode mode) {
    Object object{std::make_shared<const std::vector<std::byte>>(std::move(bytes)),
                  std::chrono::system_clock::now()};
    std::lock_guard guard(mutex_);
    if (mode == PutMode::kIfAbsent) {
      if (!objects_.try_emplace(path, std::move(object)).second) {
        return Error(ErrorKind::kAlreadyExists, "memory:///", path, " already exists");
      }
    } else {
      objects_.insert_or_assign(path, std::move(object));
    }
    return Status::OK();
  }

 private:
  struct Object {
    std::shared_ptr<const std::vector<std::byte>> bytes;
    std::chrono::system_clock::time_point modified;
  };

  Result<Object> Find(std::string_view path) {
    ARROW_RETURN_NOT_OK(CheckStorePath(path));
    std::lock_guard guard(mutex_);
    const auto it = objects_.find(path);
    if (it == objects_.end()) return Missing(path);
    return it->second;
  }

  std::mutex mutex_;
  std::map<std::string, Object, std::less<>> objects_;
  ThreadLocks locks_;
  MemoryLogs logs_;
};

class MemoryWriter : public StoreWriter {
 public:
  MemoryWriter(std::shared_ptr<MemoryStoreImpl> store, std::string path, PutMode mode)
      : store_(std::move(store)), path_(std::move(path)), mode_(mode) {}

  Status Append(std::span<const std::byte> bytes) override {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return Status::OK();
  }
  uint64_t position() const override { return bytes_.size(); }
  Status Commit() override {
    if (committed_) {
      return Error(ErrorKind::kBadInput, "memory:///", path_, " was committed before");
    }
    committed_ = true;
    return store_->Publish(path_, std::move(bytes_), mode_);
  }

 private:
  std::shared_ptr<MemoryStoreImpl> store_;
  std::string path_;
  PutMode mode_;
  std::vector<std::byte> bytes_;
  bool committed_ = false;
};

Result<std::unique_ptr<StoreWriter>> MemoryStoreImpl::OpenWriter(std::string_view path,
                                                                 PutMode mode) {
  ARROW_RETURN_NOT_OK(CheckStorePath(path));
  return std::make_unique<MemoryWriter>(shared_from_this(), std::string(path), mode);
}

}  // namespace

std::shared_ptr<MemoryStore> MemoryStore::Make() { return std::make_shared<MemoryStoreImpl>(); }

}  // namespace tarn
