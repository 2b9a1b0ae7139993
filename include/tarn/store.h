// SPDX-License-Identifier: Apache-2.0
//
// Store: named, immutable-once-published byte objects, the only way Tarn touches storage.
//
// Paths are relative, '/'-separated, without empty, "." or ".." segments ("warehouse/db/t/data/x").
// An object appears whole or not at all: readers never see a partial write.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tarn/status.h"

namespace tarn {

/// Bytes that stay valid while the object lives: a heap buffer or a mapped file. Immutable.
class StoreBytes {
 public:
  virtual ~StoreBytes() = default;
  std::span<const std::byte> bytes() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }

 protected:
  std::span<const std::byte> bytes_;
};

struct ObjectInfo {
  std::string path;
  uint64_t size = 0;
  std::chrono::system_clock::time_point modified;
};

enum class PutMode {
  kReplace,   ///< atomically replaces what is there
  kIfAbsent,  ///< fails with kAlreadyExists, leaving what is there, if the path is taken
};

/// An object being written. Nothing is visible under its path before Commit succeeds; destroying
/// the writer without Commit discards the bytes. One thread at a time.
class StoreWriter {
 public:
  virtual ~StoreWriter() = default;
  virtual Status Append(std::span<const std::byte> bytes) = 0;
  /// Bytes appended so far.
  virtual uint64_t position() const = 0;
  /// Makes the object durable (where the store is) and publishes it. After a failure with kIo the
  /// object may or may not exist; with kAlreadyExists it is not this one.
  virtual Status Commit() = 0;
};

/// An advisory lock, released on destruction (and by the system when the process dies).
class StoreLock {
 public:
  virtual ~StoreLock() = default;
};

class LogFolder;

/// Thread-safe: any method may be called from several threads at once.
/// Errors: kNotFound for a missing object, kAlreadyExists, kBadInput for a malformed path, kIo for
/// the rest; every message names the path.
class Store {
 public:
  virtual ~Store() = default;

  /// The whole object.
  virtual Result<std::shared_ptr<StoreBytes>> Read(std::string_view path) = 0;
  /// `length` bytes from `offset`; kBadInput when the range reaches past the end.
  virtual Result<std::shared_ptr<StoreBytes>> ReadRange(std::string_view path, uint64_t offset,
                                                        uint64_t length) = 0;
  /// The whole object mapped into memory where the store can, else read. Pages are loaded on use.
  virtual Result<std::shared_ptr<StoreBytes>> Map(std::string_view path) { return Read(path); }
  virtual Result<ObjectInfo> Stat(std::string_view path) = 0;
  Result<bool> Exists(std::string_view path);

  virtual Result<std::unique_ptr<StoreWriter>> OpenWriter(std::string_view path, PutMode mode) = 0;
  /// One-call form of OpenWriter + Append + Commit.
  Status Put(std::string_view path, std::span<const std::byte> bytes,
             PutMode mode = PutMode::kReplace);
  Status Put(std::string_view path, std::string_view text, PutMode mode = PutMode::kReplace);

  /// As OpenWriter, but a power loss may lose or tear the object until the next Sync: for objects
  /// that nothing names before that.
  virtual Result<std::unique_ptr<StoreWriter>> OpenUnsyncedWriter(std::string_view path,
                                                                  PutMode mode) {
    return OpenWriter(path, mode);
  }
  Status PutUnsynced(std::string_view path, std::string_view text,
                     PutMode mode = PutMode::kReplace);
  /// Makes durable what was written unsynced, by any thread, before the call. kIo: nothing that
  /// names such objects may be published; every later call through this store fails too.
  virtual Status Sync() { return Status::OK(); }

  /// Every object whose path starts with `prefix`, at any depth, ordered by path. Unpublished
  /// writes are not listed.
  virtual Result<std::vector<ObjectInfo>> List(std::string_view prefix) = 0;
  /// The names (not paths) directly under a folder, folders marked by a trailing '/', ordered.
  virtual Result<std::vector<std::string>> ListFolder(std::string_view folder) = 0;
  /// kNotFound when there is no such object.
  virtual Status Delete(std::string_view path) = 0;

  /// Waits for, then holds, the advisory lock of that name among the processes that use this store.
  /// kIo when it cannot be had within `timeout`. Stores without locks return a lock that excludes
  /// only the threads of this process.
  virtual Result<std::unique_ptr<StoreLock>> Lock(std::string_view path,
                                                  std::chrono::milliseconds timeout) = 0;

  /// A folder of logs (`src/store/log_folder.h`): files that are written piece by piece, which
  /// objects cannot be. Nothing is created yet. kNotSupported where the store has no such files.
  virtual Result<std::shared_ptr<LogFolder>> OpenLogFolder(std::string_view path);

  /// The location other engines use for a path: "file:///data/lake/x" for a local store.
  virtual std::string UriOf(std::string_view path) const = 0;
  /// The path of a location of this store ("file:/x" and "file:///x" and "/x" are the same);
  /// kBadInput for a location outside it.
  virtual Result<std::string> PathOf(std::string_view uri) const = 0;
};

/// A folder of the local file system. Writes go to a temporary file of the same folder, which is
/// synced and renamed (or linked, for kIfAbsent); then the folder is synced.
class LocalStore : public Store {
 public:
  struct Options {
    /// Without it nothing is synced: a power loss may lose or tear recent objects.
    bool durable = true;
    /// Where lock files lie; "": `.tarn-locks` in the store's folder.
    std::string lock_folder;
    /// Folders that a deletion empties go too, below this one; nullopt: below the store's folder,
    /// "": nowhere.
    std::optional<std::string> prune_below;
  };
  /// Creates the folder when it is missing. kIo names it when that fails.
  static Result<std::shared_ptr<LocalStore>> Make(const std::string& folder, Options options);
  static Result<std::shared_ptr<LocalStore>> Make(const std::string& folder) {
    return Make(folder, Options());
  }
};

/// Objects in this process's memory. Locations are "memory:///path".
class MemoryStore : public Store {
 public:
  static std::shared_ptr<MemoryStore> Make();
};

}  // namespace tarn
