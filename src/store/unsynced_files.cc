// SPDX-License-Identifier: Apache-2.0
#include "store/unsynced_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <utility>

namespace tarn {
namespace {

/// Descriptors are few; a commit has three or four such files.
constexpr size_t kMostWaiting = 256;

}  // namespace

Status UnsyncedFiles::Add(FileDescriptor fd, std::string path) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(fd), std::move(path)});
    if (waiting_.size() <= kMostWaiting) return Status::OK();
  }
  return Sync();
}

Status UnsyncedFiles::Sync() {
  const std::lock_guard syncing(sync_mutex_);
  std::vector<File> files;
  {
    const std::lock_guard lock(mutex_);
    // The system tells of a lost write once; who asks again is told that all is well.
    ARROW_RETURN_NOT_OK(failed_);
    files.swap(waiting_);
  }
  const Status synced = SyncNow(std::move(files));
  if (synced.ok()) return synced;
  const std::lock_guard lock(mutex_);
  failed_ = WithContext(synced,
                        "what was written may be lost, so nothing more is published through this "
                        "store until it is opened again");
  return failed_;
}

Status UnsyncedFiles::SyncNow(std::vector<File> files) {
#ifdef SYNC_FILE_RANGE_WRITE
  // Only a hint, so that the disk is busy with all of them while the first is waited for.
  for (const File& file : files)
    (void)::sync_file_range(file.fd.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
#endif
  std::set<std::string> folders;
  for (File& file : files) {
    if (::fsync(file.fd.get()) != 0) return ErrnoStatus(errno, "syncing", file.path);
    if (const int error = file.fd.Close(); error != 0) {
      return ErrnoStatus(error, "closing", file.path);
    }
    folders.insert(ParentFolder(file.path));
  }
  for (const auto& folder : folders) ARROW_RETURN_NOT_OK(SyncFolder(folder));
  return Status::OK();
}

}  // namespace tarn
