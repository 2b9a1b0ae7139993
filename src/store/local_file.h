// SPDX-License-Identifier: Apache-2.0
//
// The system calls behind LocalStore: descriptors, errors, folders, atomic publishing.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "tarn/status.h"
#include "tarn/store.h"

namespace tarn {

/// Owns a file descriptor.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.Release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor() { Close(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release();
  /// 0, or the errno of close(2).
  int Close();

 private:
  int fd_;
};

/// "doing <what> <path>: <cause>"; a missing file is kNotFound, all else kIo.
Status ErrnoStatus(int error, std::string_view what, const std::string& path);

Status WriteAll(int fd, std::span<const std::byte> bytes, const std::string& path);
Status ReadAllAt(int fd, std::span<std::byte> bytes, uint64_t offset, const std::string& path);

/// Makes the entries of a folder durable.
Status SyncFolder(const std::string& folder);
/// Creates a folder and what is missing above it. With `durable`, the parent of each new folder is
/// synced.
Status MakeFolders(const std::string& folder, bool durable);
/// The part before the last '/'.
std::string ParentFolder(const std::string& path);

/// Gives the written file `temp` its name `path`. kAlreadyExists when that is taken and the mode is
/// kIfAbsent. On success `temp` is gone.
Status PublishFile(const std::string& temp, const std::string& path, PutMode mode);

}  // namespace tarn
