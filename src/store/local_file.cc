// SPDX-License-Identifier: Apache-2.0
#include "store/local_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace tarn {
namespace {

/// Whether both names are the same file: a link whose reply was lost (network file systems repeat
/// the call and find their own link).
bool SameFile(const std::string& a, const std::string& b) {
  struct stat sa, sb;
  return ::stat(a.c_str(), &sa) == 0 && ::stat(b.c_str(), &sb) == 0 && sa.st_ino == sb.st_ino &&
         sa.st_dev == sb.st_dev;
}

Status Taken(const std::string& path) {
  return Error(ErrorKind::kAlreadyExists, path, " already exists");
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    Close();
    fd_ = other.Release();
  }
  return *this;
}

int FileDescriptor::Release() { return std::exchange(fd_, -1); }

int FileDescriptor::Close() {
  const int fd = Release();
  return fd >= 0 && ::close(fd) != 0 ? errno : 0;
}

Status ErrnoStatus(int error, std::string_view what, const std::string& path) {
  const bool missing = error == ENOENT || error == ENOTDIR;
  const char* remedy = "";
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      remedy = "; free some space and try again";
      break;
    case EROFS:
    case EACCES:
    case EPERM:
      remedy = "; the folder must be writable by this user";
      break;
    default:
      break;
  }
  return Error(missing ? ErrorKind::kNotFound : ErrorKind::kIo, what, " ", path, ": ",
               std::generic_category().message(error), remedy);
}

Status WriteAll(int fd, std::span<const std::byte> bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(errno, "writing", path);
    }
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return Status::OK();
}

Status ReadAllAt(int fd, std::span<std::byte> bytes, uint64_t offset, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(errno, "reading", path);
    }
    if (n == 0) return Error(ErrorKind::kIo, "reading ", path, ": the file became shorter");
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return Status::OK();
}

Status SyncFolder(const std::string& folder) {
  const FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "opening folder", folder);
  if (::fsync(fd.get()) != 0) return ErrnoStatus(errno, "syncing folder", folder);
  return Status::OK();
}

std::string ParentFolder(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

Status MakeFolders(const std::string& folder, bool durable) {
  if (::mkdir(folder.c_str(), 0777) == 0) {
    return durable ? SyncFolder(ParentFolder(folder)) : Status::OK();
  }
  if (errno == EEXIST) {
    struct stat info;
    if (::stat(folder.c_str(), &info) == 0 && !S_ISDIR(info.st_mode)) {
      return Error(ErrorKind::kIo, "creating folder ", folder, ": a file has that name");
    }
    return Status::OK();
  }
  if (errno == ENOTDIR) {
    return Error(ErrorKind::kIo, "creating folder ", folder, ": a file stands where a folder must");
  }
  if (errno != ENOENT || folder == "/") return ErrnoStatus(errno, "creating folder", folder);
  ARROW_RETURN_NOT_OK(MakeFolders(ParentFolder(folder), durable));
  if (::mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST) {
    return ErrnoStatus(errno, "creating folder", folder);
  }
  return durable ? SyncFolder(ParentFolder(folder)) : Status::OK();
}

Status PublishFile(const std::string& temp, const std::string& path, PutMode mode) {
  if (mode == PutMode::kReplace) {
    if (::rename(temp.c_str(), path.c_str()) != 0) return ErrnoStatus(errno, "publishing", path);
    return Status::OK();
  }
  if (::link(temp.c_str(), path.c_str()) == 0) {
    ::unlink(temp.c_str());
    return Status::OK();
  }
  if (errno == EEXIST) {
    if (!SameFile(temp, path)) return Taken(path);
    ::unlink(temp.c_str());
    return Status::OK();
  }
#ifdef RENAME_NOREPLACE
  // Some file systems have no hard links.
  if (errno == EPERM || errno == ENOTSUP || errno == ENOSYS || errno == EMLINK) {
    if (::renameat2(AT_FDCWD, temp.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0) {
      return Status::OK();
    }
    if (errno == EEXIST) return Taken(path);
  }
#endif
  return ErrnoStatus(errno, "publishing", path);
}

}  // namespace tarn
