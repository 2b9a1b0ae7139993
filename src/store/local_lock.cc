// SPDX-License-Identifier: Apache-2.0
#include "store/local_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include "store/local_file.h"

namespace tarn {
namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;

class FileLock : public StoreLock {
 public:
  FileLock(std::unique_ptr<StoreLock> among_threads, FileDescriptor fd)
      : among_threads_(std::move(among_threads)), fd_(std::move(fd)) {}
  // Unlocked by name, not by closing: a forked child may hold a copy of the descriptor.
  ~FileLock() override { ::flock(fd_.get(), LOCK_UN); }

 private:
  std::unique_ptr<StoreLock> among_threads_;
  FileDescriptor fd_;
};

Status NotInTime(const std::string& file, std::chrono::milliseconds timeout) {
  return Error(ErrorKind::kIo, "the lock ", file, " was not free within ", timeout.count(),
               " ms: another writer holds it");
}

}  // namespace

Result<std::unique_ptr<StoreLock>> AcquireFileLock(ThreadLocks& threads, const std::string& file,
                                                   std::chrono::milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  auto among_threads = threads.Acquire(file, timeout);
  if (among_threads == nullptr) return NotInTime(file, timeout);
  ARROW_RETURN_NOT_OK(MakeFolders(ParentFolder(file), /*durable=*/false));
  FileDescriptor fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!fd.valid()) return ErrnoStatus(errno, "opening the lock", file);
  // flock has no time limit of its own, so it is asked again and again.
  microseconds pause(100);
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return ErrnoStatus(errno, "locking", file);
    if (steady_clock::now() >= deadline) return NotInTime(file, timeout);
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, microseconds(3000));
  }
  return std::make_unique<FileLock>(std::move(among_threads), std::move(fd));
}

}  // namespace tarn
