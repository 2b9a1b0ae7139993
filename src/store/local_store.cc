// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>

#include "base/crash_point.h"
#include "store/local_file.h"
#include "store/local_lock.h"
#include "store/local_writer.h"
#include "store/log_folder.h"
#include "store/store_bytes.h"
#include "store/store_path.h"
#include "store/thread_locks.h"
#include "store/unsynced_files.h"
#include "tarn/store.h"

namespace tarn {
namespace {

CrashPoint kStoreDeleteBefore("store/delete/before");
CrashPoint kStoreDeleteUnlinked("store/delete/unlinked");

struct OpenFile {
  FileDescriptor fd;
  uint64_t size = 0;
};

Result<OpenFile> OpenForRead(const std::string& path) {
  OpenFile file{FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), 0};
  if (!file.fd.valid()) return ErrnoStatus(errno, "opening", path);
  struct stat info;
  if (::fstat(file.fd.get(), &info) != 0) return ErrnoStatus(errno, "opening", path);
  if (!S_ISREG(info.st_mode)) return Error(ErrorKind::kNotFound, path, " is not a file");
  file.size = static_cast<uint64_t>(info.st_size);
  return file;
}

std::chrono::system_clock::time_point ModifiedTime(const struct stat& info) {
  return std::chrono::system_clock::time_point(std::chrono::seconds(info.st_mtim.tv_sec) +
                                               std::chrono::nanoseconds(info.st_mtim.tv_nsec));
}

/// One entry of a folder that callers may see.
struct FolderEntry {
  std::string name;
  bool is_folder = false;
};

/// A folder that is missing, or goes while it is read, is empty.
Result<std::vector<FolderEntry>> ReadFolder(const std::string& folder) {
  std::vector<FolderEntry> entries;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(folder.c_str()), &::closedir);
  if (dir == nullptr) {
    if (errno == ENOENT || errno == ENOTDIR) return entries;
    return ErrnoStatus(errno, "listing", folder);
  }
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) {
      if (errno != 0) return ErrnoStatus(errno, "listing", folder);
      return entries;
    }
    const std::string_view name = entry->d_name;
    if (name == "." || name == ".." || IsReservedName(name)) continue;
    bool is_folder = entry->d_type == DT_DIR;
    if (entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK) {
      struct stat info;
      if (::stat((folder + "/" + entry->d_name).c_str(), &info) != 0) continue;
      is_folder = S_ISDIR(info.st_mode);
    }
    entries.push_back({std::string(name), is_folder});
  }
}

class LocalStoreImpl : public LocalStore {
 public:
  LocalStoreImpl(std::string root, std::string real_root, Options options)
      : root_(std::move(root)), real_root_(std::move(real_root)), options_(options) {}

  Result<std::shared_ptr<StoreBytes>> Read(std::string_view path) override {
    ARROW_ASSIGN_OR_RAISE(const std::string full, FullPath(path));
    ARROW_ASSIGN_OR_RAISE(const auto file, OpenForRead(full));
    return ReadOpen(file, full, 0, file.size);
  }

  Result<std::shared_ptr<StoreBytes>> ReadRange(std::string_view path, uint64_t offset,
                                                uint64_t length) override {
    ARROW_ASSIGN_OR_RAISE(const std::string full, FullPath(path));
    ARROW_ASSIGN_OR_RAISE(const auto file, OpenForRead(full));
    if (offset > file.size || length > file.size - offset) {
      return Error(ErrorKind::kBadInput, full, " has ", file.size, " bytes; ", length, " bytes at ",
                   offset, " reach past its end");
    }
    return ReadOpen(file, full, offset, length);
  }

  Result<std::shared_ptr<StoreBytes>> Map(std::string_view path) override {
    ARROW_ASSIGN_OR_RAISE(const std::string full, FullPath(path));
    ARROW_ASSIGN_OR_RAISE(const auto file, OpenForRead(full));
    if (file.size == 0) return std::make_shared<HeapBytes>(std::vector<std::byte>());
    void* address = ::mmap(nullptr, file.size, PROT_READ, MAP_SHARED, file.fd.get(), 0);
    if (address == MAP_FAILED) return ErrnoStatus(errno, "mapping", full);
    return std::make_shared<MappedBytes>(address, file.size);
  }

  Result<ObjectInfo> Stat(std::string_view path) override {
    ARROW_ASSIGN_OR_RAISE(const std::string full, FullPath(path));
    struct stat info;
    if (::stat(full.c_str(), &info) != 0) return ErrnoStatus(errno, "looking for", full);
    if (!S_ISREG(info.st_mode)) return Error(ErrorKind::kNotFound, full, " is not a file");
    return ObjectInfo{std::string(path), static_cast<uint64_t>(info.st_size), ModifiedTime(info)};
  }

  Result<std::unique_ptr<StoreWriter>> OpenWriter(std::string_view path, PutMode mode) override {
    ARROW_ASSIGN_OR_RAISE(const std::string full, FullPath(path));
    return LocalWriter::Open(full, mode, options_.durable);
  }

  Result<std::unique_ptr<StoreWriter>> OpenUnsyncedWriter(std::string_view path,
                                                          PutMode mode) override {
    ARROW_ASSIGN_OR_RAISE(const std::string full, FullPath(path));
    return LocalWriter::Open(full, mode, options_.durable, &unsynced_);
  }

  Status Sync() override { return unsynced_.Sync(); }

  Result<std::vector<ObjectInfo>> List(std::string_view prefix) override {
    const size_t slash = prefix.rfind('/');
    const std::string_view start =
        slash == std::string_view::npos ? std::string_view() : prefix.substr(0, slash);
    if (!start.empty()) ARROW_RETURN_NOT_OK(CheckStorePath(start));
    std::vector<ObjectInfo> found;
    ARROW_RETURN_NOT_OK(Walk(std::string(start), prefix, &found));
    std::sort(found.begin(), found.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    return found;
  }

  Result<std::vector<std::string>> ListFolder(std::string_view folder) override {
    ARROW_ASSIGN_OR_RAISE(folder, CheckStoreFolder(folder));
    ARROW_ASSIGN_OR_RAISE(const auto entries, ReadFolder(root_ + "/" + std::string(folder)));
    std::vector<std::string> names;
    for (const auto& entry : entries) {
      names.push_back(entry.is_folder ? entry.name + "/" : entry.name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  Status Delete(std::string_view path) override {
    kStoreDeleteBefore.Reach();
    ARROW_ASSIGN_OR_RAISE(const std::string full, FullPath(path));
    if (::unlink(full.c_str()) != 0) {
      // A folder is no object.
      if (errno == EISDIR || errno == EPERM) {
        struct stat info;
        if (::stat(full.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
          return Error(ErrorKind::kNotFound, full, " is not a file");
        }
        errno = EPERM;
      }
      return ErrnoStatus(errno, "deleting", full);
    }
    kStoreDeleteUnlinked.Reach();
    // Folders exist only by their objects: empty ones go, up to the root (or where that is set).
    for (std::string folder = ParentFolder(full); IsPruned(folder); folder = ParentFolder(folder)) {
      if (::rmdir(folder.c_str()) != 0) break;
    }
    return Status::OK();
  }

  Result<std::unique_ptr<StoreLock>> Lock(std::string_view path,
                                          std::chrono::milliseconds timeout) override {
    ARROW_RETURN_NOT_OK(CheckStorePath(path));
    std::string name;
    for (const char c : path) name += c == '/' ? std::string("%2F") : std::string(1, c);
    // Names of files are bounded; a shared lock file only makes unrelated locks wait.
    if (name.size() > 200) name = name.substr(name.size() - 200);
    const std::string folder = options_.lock_folder.empty() ? root_ + "/" + std::string(kLockFolder)
                                                            : options_.lock_folder;
    return AcquireFileLock(locks_, folder + "/" + name, timeout);
  }

  Result<std::shared_ptr<LogFolder>> OpenLogFolder(std::string_view path) override {
    ARROW_ASSIGN_OR_RAISE(const std::string full, FullPath(path));
    return OpenLocalLogFolder(full, options_.durable);
  }

  std::string UriOf(std::string_view path) const override {
    return std::string("file://").append(root_ == "/" ? "" : root_).append("/").append(path);
  }

  Result<std::string> PathOf(std::string_view uri) const override {
    std::string_view path = uri;
    if (path.substr(0, 5) == "file:") path.remove_prefix(5);
    if (path.substr(0, 12) == "//localhost/") path.remove_prefix(11);
    while (path.size() > 1 && path[0] == '/' && path[1] == '/') path.remove_prefix(1);
    for (const std::string& root : {root_, real_root_}) {
      const std::string prefix = root == "/" ? root : root + "/";
      if (path.substr(0, prefix.size()) != prefix && path != root) continue;
      std::string_view inside = path == root ? std::string_view() : path.substr(prefix.size());
      if (!inside.empty() && inside.back() == '/') inside.remove_suffix(1);
      if (!inside.empty()) ARROW_RETURN_NOT_OK(CheckStorePath(inside));
      return std::string(inside);
    }
    return Error(ErrorKind::kBadInput, "location '", uri, "' is not inside the folder ", root_);
  }

 private:
  bool IsPruned(const std::string& folder) const {
    const std::string& top = options_.prune_below ? *options_.prune_below : root_;
    if (top.empty()) return false;
    const std::string prefix = top.back() == '/' ? top : top + "/";
    return folder.size() > prefix.size() && folder.compare(0, prefix.size(), prefix) == 0;
  }

  Result<std::string> FullPath(std::string_view path) const {
    ARROW_RETURN_NOT_OK(CheckStorePath(path));
    return (root_ == "/" ? "" : root_) + "/" + std::string(path);
  }

  static Result<std::shared_ptr<StoreBytes>> ReadOpen(const OpenFile& file, const std::string& path,
                                                      uint64_t offset, uint64_t length) {
    std::vector<std::byte> bytes(length);
    ARROW_RETURN_NOT_OK(ReadAllAt(file.fd.get(), bytes, offset, path));
    return std::make_shared<HeapBytes>(std::move(bytes));
  }

  Status Walk(const std::string& folder, std::string_view prefix, std::vector<ObjectInfo>* found) {
    ARROW_ASSIGN_OR_RAISE(const auto entries, ReadFolder(root_ + "/" + folder));
    for (const auto& entry : entries) {
      const std::string path = folder.empty() ? entry.name : folder + "/" + entry.name;
      const size_t common = std::min(path.size(), prefix.size());
      if (path.compare(0, common, prefix.substr(0, common)) != 0) continue;
      if (entry.is_folder) {
        ARROW_RETURN_NOT_OK(Walk(path, prefix, found));
      } else if (path.size() >= prefix.size()) {
        auto info = Stat(path);
        if (info.ok()) {
          found->push_back(std::move(info).ValueUnsafe());
        } else if (!IsKind(info.status(), ErrorKind::kNotFound)) {
          return info.status();
        }
      }
    }
    return Status::OK();
  }

  const std::string root_;
  const std::string real_root_;  ///< with symbolic links resolved
  const Options options_;
  ThreadLocks locks_;
  UnsyncedFiles unsynced_;
};

}  // namespace

MappedBytes::~MappedBytes() { ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size()); }

Result<std::shared_ptr<LocalStore>> LocalStore::Make(const std::string& folder, Options options) {
  if (folder.empty()) {
    return Error(ErrorKind::kBadInput, "a local store needs the name of a folder");
  }
  std::error_code error;
  auto path = std::filesystem::absolute(folder, error).lexically_normal();
  if (error) return Error(ErrorKind::kIo, "finding folder ", folder, ": ", error.message());
  std::string root = path.string();
  while (root.size() > 1 && root.back() == '/') root.pop_back();
  const Status made = MakeFolders(root, options.durable);
  if (!made.ok()) return MakeStatus(ErrorKind::kIo, made.message());
  const auto real = std::filesystem::canonical(root, error);
  if (error) return Error(ErrorKind::kIo, "finding folder ", root, ": ", error.message());
  return std::make_shared<LocalStoreImpl>(root, real.string(), options);
}

}  // namespace tarn
