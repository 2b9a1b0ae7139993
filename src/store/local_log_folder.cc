// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <utility>

#include "store/local_file.h"
#include "store/log_folder.h"

namespace tarn {
namespace {

/// Pieces that are handed to the system in one call.
constexpr size_t kMostPieces = 256;
static_assert(kMostPieces <= IOV_MAX);

Status WritePieces(int fd, uint64_t offset, std::vector<iovec> parts, const std::string& path) {
  iovec* next = parts.data();
  size_t left = parts.size();
  while (left > 0) {
    const ssize_t n = ::pwritev(fd, next, static_cast<int>(left), static_cast<off_t>(offset));
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(errno, "writing", path);
    }
    auto written = static_cast<size_t>(n);
    offset += written;
    for (; left > 0 && written >= next->iov_len; ++next, --left) written -= next->iov_len;
    if (left > 0 && written > 0) {
      next->iov_base = static_cast<char*>(next->iov_base) + written;
      next->iov_len -= written;
    }
  }
  return Status::OK();
}

/// Reserves the room of a file. Where the file system does not know how, writing zeros is as good.
Status Reserve(int fd, uint64_t size, const std::string& path) {
#ifdef __linux__
  for (;;) {
    if (::fallocate(fd, 0, 0, static_cast<off_t>(size)) == 0) return Status::OK();
    if (errno == EINTR) continue;
    if (errno != EOPNOTSUPP && errno != ENOSYS) return ErrnoStatus(errno, "reserving", path);
    break;
  }
#endif
  static const std::vector<std::byte> zeros(1 << 20);
  for (uint64_t at = 0; at < size; at += zeros.size()) {
    const auto n = static_cast<size_t>(std::min<uint64_t>(zeros.size(), size - at));
    ARROW_RETURN_NOT_OK(WriteAll(fd, std::span(zeros).first(n), path));
  }
  return Status::OK();
}

class LocalLogFile : public LogFile {
 public:
  LocalLogFile(FileDescriptor fd, std::string path, uint64_t size, bool durable)
      : fd_(std::move(fd)), path_(std::move(path)), size_(size), durable_(durable) {}

  uint64_t size() const override { return size_; }

  Status Write(uint64_t offset, std::span<const std::span<const std::byte>> pieces) override {
    std::vector<iovec> parts;
    uint64_t bytes = 0;
    for (const auto& piece : pieces) {
      if (parts.size() == kMostPieces) {
        ARROW_RETURN_NOT_OK(WritePieces(fd_.get(), offset, std::exchange(parts, {}), path_));
        offset += std::exchange(bytes, 0);
      }
      if (piece.empty()) continue;
      parts.push_back({const_cast<std::byte*>(piece.data()), piece.size()});
      bytes += piece.size();
    }
    return WritePieces(fd_.get(), offset, std::move(parts), path_);
  }

  Result<size_t> Read(uint64_t offset, std::span<std::byte> bytes) override {
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t n = ::pread(fd_.get(), bytes.data() + done, bytes.size() - done,
                                static_cast<off_t>(offset + done));
      if (n < 0) {
        if (errno == EINTR) continue;
        return ErrnoStatus(errno, "reading", path_);
      }
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    return done;
  }

  Status Sync() override {
    if (!durable_) return Status::OK();
#ifdef __linux__
    const int result = ::fdatasync(fd_.get());
#else
    const int result = ::fsync(fd_.get());
#endif
    return result == 0 ? Status::OK() : ErrnoStatus(errno, "syncing", path_);
  }

 private:
  const FileDescriptor fd_;
  const std::string path_;
  const uint64_t size_;
  const bool durable_;
};

class LocalLogLock : public StoreLock {
 public:
  explicit LocalLogLock(FileDescriptor fd) : fd_(std::move(fd)) {}
  // Unlocked by name, not by closing: a forked child may hold a copy of the descriptor.
  ~LocalLogLock() override { ::flock(fd_.get(), LOCK_UN); }

 private:
  FileDescriptor fd_;
};

/// What the holder of a lock wrote into its file: for a message, no more.
std::string HolderOf(int fd) {
  char text[64];
  const ssize_t n = ::pread(fd, text, sizeof(text), 0);
  const std::string holder(text, n > 0 ? static_cast<size_t>(n) : 0);
  const bool plain = !holder.empty() && std::all_of(holder.begin(), holder.end(),
                                                    [](char c) { return c >= ' ' && c <= '~'; });
  return plain ? holder : "another process";
}

class LocalLogFolder : public LogFolder {
 public:
  LocalLogFolder(std::string folder, bool durable)
      : folder_(std::move(folder)), durable_(durable) {}

  Result<std::unique_ptr<LogFile>> Create(std::string_view name, uint64_t size) override {
    ARROW_RETURN_NOT_OK(CheckLogFileName(name));
    ARROW_RETURN_NOT_OK(MakeFolders(folder_, durable_));
    const std::string path = PathOf(name);
    FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!fd.valid()) {
      if (errno == EEXIST) return Error(ErrorKind::kAlreadyExists, path, " already exists");
      return ErrnoStatus(errno, "creating", path);
    }
    const Status reserved = Reserve(fd.get(), size, path);
    if (!reserved.ok()) {
      ::unlink(path.c_str());
      return reserved;
    }
    return std::make_unique<LocalLogFile>(std::move(fd), path, size, durable_);
  }

  Result<std::unique_ptr<LogFile>> OpenToRead(std::string_view name) override {
    return OpenFile(name, O_RDONLY);
  }
  Result<std::unique_ptr<LogFile>> OpenToWrite(std::string_view name) override {
    return OpenFile(name, O_RDWR);
  }

  Status Rename(std::string_view from, std::string_view to) override {
    ARROW_RETURN_NOT_OK(CheckLogFileName(from));
    ARROW_RETURN_NOT_OK(CheckLogFileName(to));
    if (std::rename(PathOf(from).c_str(), PathOf(to).c_str()) == 0) return Status::OK();
    return ErrnoStatus(errno, "renaming", PathOf(from));
  }

  Status Delete(std::string_view name) override {
    ARROW_RETURN_NOT_OK(CheckLogFileName(name));
    if (::unlink(PathOf(name).c_str()) == 0) return Status::OK();
    return ErrnoStatus(errno, "deleting", PathOf(name));
  }

  Result<std::vector<std::string>> List() override { return Entries(/*folders=*/false); }
  Result<std::vector<std::string>> ListFolders() override { return Entries(/*folders=*/true); }

  Status Sync() override { return durable_ ? SyncFolder(folder_) : Status::OK(); }

  Result<std::unique_ptr<StoreLock>> Lock() override {
    ARROW_RETURN_NOT_OK(MakeFolders(folder_, durable_));
    const std::string path = PathOf(kLogLockName);
    FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (!fd.valid()) return ErrnoStatus(errno, "opening the lock", path);
    while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno != EWOULDBLOCK) return ErrnoStatus(errno, "locking", path);
      return Error(ErrorKind::kCommitConflict, "the log in ", folder_, " is open in ",
                   HolderOf(fd.get()), ": close it there, or open another log");
    }
    const std::string holder = "process " + std::to_string(::getpid());
    // Only for the message above.
    if (::ftruncate(fd.get(), 0) == 0) {
      (void)!::pwrite(fd.get(), holder.data(), holder.size(), 0);
    }
    return std::make_unique<LocalLogLock>(std::move(fd));
  }

  std::string PathOf(std::string_view name) const override {
    return std::string(folder_).append("/").append(name);
  }

 private:
  Result<std::unique_ptr<LogFile>> OpenFile(std::string_view name, int flags) {
    ARROW_RETURN_NOT_OK(CheckLogFileName(name));
    const std::string path = PathOf(name);
    FileDescriptor fd(::open(path.c_str(), flags | O_CLOEXEC));
    if (!fd.valid()) return ErrnoStatus(errno, "opening", path);
    struct stat info;
    if (::fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, "opening", path);
    if (!S_ISREG(info.st_mode)) return Error(ErrorKind::kNotFound, path, " is not a file");
    return std::make_unique<LocalLogFile>(std::move(fd), path, static_cast<uint64_t>(info.st_size),
                                          durable_);
  }

  Result<std::vector<std::string>> Entries(bool folders) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(folder_.c_str()), &::closedir);
    if (dir == nullptr) {
      if (errno == ENOENT || errno == ENOTDIR) return names;
      return ErrnoStatus(errno, "listing", folder_);
    }
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(dir.get());
      if (entry == nullptr) {
        if (errno != 0) return ErrnoStatus(errno, "listing", folder_);
        std::sort(names.begin(), names.end());
        return names;
      }
      const std::string name = entry->d_name;
      if (name == "." || name == ".." || name == kLogLockName) continue;
      struct stat info;
      if (::stat(PathOf(name).c_str(), &info) != 0) continue;
      if (S_ISDIR(info.st_mode) == folders) names.push_back(name);
    }
  }

  const std::string folder_;
  const bool durable_;
};

}  // namespace

Status CheckLogFileName(std::string_view name) {
  if (!name.empty() && name != "." && name != ".." && name != kLogLockName &&
      name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos) {
    return Status::OK();
  }
  return Error(ErrorKind::kBadInput, "'", name, "' cannot be the name of a log's file");
}

Result<std::shared_ptr<LogFolder>> OpenLocalLogFolder(const std::string& folder, bool durable) {
  if (folder.empty() || folder.front() != '/') {
    return Error(ErrorKind::kBadInput, "the folder of a log is an absolute path, not '", folder,
                 "'");
  }
  return std::make_shared<LocalLogFolder>(folder, durable);
}

}  // namespace tarn
