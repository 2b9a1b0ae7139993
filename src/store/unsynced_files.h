// SPDX-License-Identifier: Apache-2.0
//
// UnsyncedFiles: files that are written and named, and not yet durable. Several that are synced
// together cost little more than one: the first commit of the file system's journal takes all of
// them along.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "store/local_file.h"
#include "tarn/status.h"

namespace tarn {

/// Thread-safe.
class UnsyncedFiles {
 public:
  /// Takes over a file with everything written to it, published under `path`. Where too many
  /// wait, syncs them all.
  Status Add(FileDescriptor fd, std::string path);
  /// Makes durable the files added before the call, and the folders that hold them. Waits for
  /// another thread's call that is at it. After a failure every call fails.
  Status Sync();

 private:
  struct File {
    FileDescriptor fd;
    std::string path;
  };
  Status SyncNow(std::vector<File> files);

  std::mutex sync_mutex_;  // held while syncing; taken before mutex_
  std::mutex mutex_;
  std::vector<File> waiting_;  // guarded by mutex_
  Status failed_;              // guarded by mutex_
};

}  // namespace tarn
