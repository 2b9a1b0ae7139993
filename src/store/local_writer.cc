// SPDX-License-Identifier: Apache-2.0
#include "store/local_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/crash_point.h"
#include "base/random_id.h"
#include "store/store_path.h"

namespace tarn {
namespace {

CrashPoint kStoreWritePartial("store/write/partial");
CrashPoint kStoreWriteUnsynced("store/write/unsynced");
CrashPoint kStoreWriteSynced("store/write/synced");
CrashPoint kStoreWritePublished("store/write/published");

constexpr size_t kBufferBytes = 256 * 1024;
constexpr uint64_t kStartBytes = 2 << 20;

}  // namespace

LocalWriter::LocalWriter(std::string path, std::string temp, FileDescriptor fd, PutMode mode,
                         bool durable, UnsyncedFiles* later)
    : path_(std::move(path)),
      temp_(std::move(temp)),
      fd_(std::move(fd)),
      mode_(mode),
      durable_(durable),
      later_(later) {}

Result<std::unique_ptr<StoreWriter>> LocalWriter::Open(std::string path, PutMode mode, bool durable,
                                                       UnsyncedFiles* later) {
  const std::string folder = ParentFolder(path);
  std::string temp = folder + "/" + std::string(kTempPrefix) + NewUuid4();
  // Somebody who deletes the last object of a folder removes the folder too, perhaps just now.
  for (int tries = 0;; ++tries) {
    const Status made = MakeFolders(folder, durable);
    if (!made.ok() && (tries == 10 || !IsKind(made, ErrorKind::kNotFound))) return made;
    if (made.ok()) {
      FileDescriptor fd(::open(temp.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
      if (fd.valid()) {
        return std::unique_ptr<StoreWriter>(
            new LocalWriter(std::move(path), std::move(temp), std::move(fd), mode, durable, later));
      }
      if (errno != ENOENT || tries == 10) return ErrnoStatus(errno, "creating a file for", path);
    }
  }
}

LocalWriter::~LocalWriter() {
  if (!temp_.empty()) ::unlink(temp_.c_str());
}

Status LocalWriter::WriteOut(std::span<const std::byte> bytes) {
  ARROW_RETURN_NOT_OK(WriteAll(fd_.get(), bytes, path_));
  written_ += bytes.size();
#ifdef SYNC_FILE_RANGE_WRITE
  // A hint: the disk works while the rest is still being made.
  if (durable_ && written_ - started_ >= kStartBytes) {
    (void)::sync_file_range(fd_.get(), static_cast<off64_t>(started_),
                            static_cast<off64_t>(written_ - started_), SYNC_FILE_RANGE_WRITE);
    started_ = written_;
  }
#endif
  return Status::OK();
}

Status LocalWriter::Flush() {
  const Status written = WriteOut(buffer_);
  buffer_.clear();
  return written;
}

Status LocalWriter::Append(std::span<const std::byte> bytes) {
  ARROW_RETURN_NOT_OK(failed_);
  if (temp_.empty()) return Error(ErrorKind::kBadInput, path_, " was committed before");
  position_ += bytes.size();
  if (buffer_.size() + bytes.size() > kBufferBytes && !buffer_.empty()) failed_ = Flush();
  kStoreWritePartial.Reach();
  if (!failed_.ok()) return failed_;
  if (bytes.size() >= kBufferBytes) {
    failed_ = WriteOut(bytes);
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
  return failed_;
}

Status LocalWriter::Commit() {
  ARROW_RETURN_NOT_OK(failed_);
  if (temp_.empty()) return Error(ErrorKind::kBadInput, path_, " was committed before");
  kStoreWriteUnsynced.Reach();
  failed_ = Flush();
  const bool now = durable_ && later_ == nullptr;
  if (failed_.ok() && now && ::fsync(fd_.get()) != 0) {
    failed_ = ErrnoStatus(errno, "syncing", path_);
  }
  FileDescriptor waiting = durable_ && !now ? std::move(fd_) : FileDescriptor();
  if (const int error = fd_.Close(); failed_.ok() && error != 0) {
    failed_ = ErrnoStatus(error, "closing", path_);
  }
  ARROW_RETURN_NOT_OK(failed_);
  kStoreWriteSynced.Reach();
  failed_ = PublishFile(temp_, path_, mode_);
  ARROW_RETURN_NOT_OK(failed_);
  kStoreWritePublished.Reach();
  temp_.clear();
  if (waiting.valid()) return later_->Add(std::move(waiting), path_);
  return durable_ ? SyncFolder(ParentFolder(path_)) : Status::OK();
}

}  // namespace tarn
