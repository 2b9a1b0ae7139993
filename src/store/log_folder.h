// SPDX-License-Identifier: Apache-2.0
//
// LogFolder: a folder of files that are written piece by piece and made durable when asked, for
// logs. Objects of a Store appear whole or not at all; these are the one exception, and no listing
// of the store's tables meets them.
//
// What a power loss takes: bytes that were written since the file's last Sync (any 512-byte sectors
// of them, the others stay), and names that were made, changed or deleted since the folder's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tarn/store.h"

namespace tarn {

/// One file. Reads may run beside everything else; writes are one thread's at a time. Bytes that
/// were never written are zeros.
class LogFile {
 public:
  virtual ~LogFile() = default;
  /// Bytes of the file, those that are only reserved too, as it was opened.
  virtual uint64_t size() const = 0;
  /// The pieces one after the other from `offset` on, seen at once by whoever reads. After kIo any
  /// part of them may be written.
  virtual Status Write(uint64_t offset, std::span<const std::span<const std::byte>> pieces) = 0;
  Status Write(uint64_t offset, std::span<const std::byte> bytes) {
    return Write(offset, std::span(&bytes, 1));
  }
  /// Fills `bytes` from `offset` on, fewer where the file ends; returns how many.
  virtual Result<size_t> Read(uint64_t offset, std::span<std::byte> bytes) = 0;
  /// Makes what was written durable. After kIo it must not be trusted, whatever a second call says.
  virtual Status Sync() = 0;
};

/// Thread-safe. Names are plain: no '/'. Errors: kNotFound, kAlreadyExists, kBadInput for a bad
/// name, kIo for the rest; every message names the file.
class LogFolder {
 public:
  virtual ~LogFolder() = default;

  /// A new file of `size` zeros whose room on the disk is reserved: where the file system can do
  /// so, later writes to it find the disk never full. kIo (full disk) leaves nothing behind. Makes
  /// the folder, and what is missing above it.
  virtual Result<std::unique_ptr<LogFile>> Create(std::string_view name, uint64_t size) = 0;
  virtual Result<std::unique_ptr<LogFile>> OpenToRead(std::string_view name) = 0;
  virtual Result<std::unique_ptr<LogFile>> OpenToWrite(std::string_view name) = 0;
  /// In place of what has the name `to`. Files that are open stay what they are.
  virtual Status Rename(std::string_view from, std::string_view to) = 0;
  /// Who has the file open can read it still.
  virtual Status Delete(std::string_view name) = 0;
  /// The files, ordered; none where there is no folder yet.
  virtual Result<std::vector<std::string>> List() = 0;
  /// The names of the log folders directly below this one, ordered.
  virtual Result<std::vector<std::string>> ListFolders() = 0;
  /// Makes durable which files there are, by which names.
  virtual Status Sync() = 0;
  /// The folder's only lock, held until it is destroyed or the process ends, however it ends.
  /// kCommitConflict, at once, where another process or another lock of this one holds it.
  virtual Result<std::unique_ptr<StoreLock>> Lock() = 0;
  /// For messages: the place of a file.
  virtual std::string PathOf(std::string_view name) const = 0;
};

/// A folder of the local file system, for logs of stores that have none themselves. `folder` is an
/// absolute path. Without `durable` Sync does nothing.
Result<std::shared_ptr<LogFolder>> OpenLocalLogFolder(const std::string& folder,
                                                      bool durable = true);

/// kBadInput unless the name is plain and not the lock's.
Status CheckLogFileName(std::string_view name);
inline constexpr std::string_view kLogLockName = "lock";

}  // namespace tarn
