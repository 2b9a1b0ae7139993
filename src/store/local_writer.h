// SPDX-License-Identifier: Apache-2.0
//
// The writer of LocalStore: a temporary file beside the object, published on Commit.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "store/local_file.h"
#include "store/unsynced_files.h"
#include "tarn/store.h"

namespace tarn {

class LocalWriter : public StoreWriter {
 public:
  /// `path` is absolute. Creates the missing folders above it. `later`: who makes the file durable
  /// after Commit, in place of Commit; must outlive the writer. nullptr: Commit, if `durable`.
  static Result<std::unique_ptr<StoreWriter>> Open(std::string path, PutMode mode, bool durable,
                                                   UnsyncedFiles* later = nullptr);
  ~LocalWriter() override;

  Status Append(std::span<const std::byte> bytes) override;
  uint64_t position() const override { return position_; }
  Status Commit() override;

 private:
  LocalWriter(std::string path, std::string temp, FileDescriptor fd, PutMode mode, bool durable,
              UnsyncedFiles* later);
  Status Flush();
  Status WriteOut(std::span<const std::byte> bytes);

  std::string path_;
  std::string temp_;  ///< empty once published or given up
  FileDescriptor fd_;
  PutMode mode_;
  bool durable_;
  UnsyncedFiles* later_;
  uint64_t position_ = 0;
  uint64_t written_ = 0;           ///< by the system
  uint64_t started_ = 0;           ///< of those, what the disk was told to begin with
  std::vector<std::byte> buffer_;  ///< small appends are gathered
  Status failed_;                  ///< the first error: what follows it cannot be whole
};

}  // namespace tarn
