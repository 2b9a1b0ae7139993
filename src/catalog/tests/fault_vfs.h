// SPDX-License-Identifier: Apache-2.0
//
// FaultVfs: SQLite's access to files, made to fail at one operation. While it lives it is the
// default of the process, so that the code under test knows nothing of it.
#pragma once

#include <sqlite3.h>

#include <cstdint>

namespace tarn {

enum class VfsFault {
  kFail,       ///< SQLITE_IOERR; nothing happened
  kFull,       ///< SQLITE_FULL, writes only; nothing happened
  kLoseReply,  ///< it happened, then SQLITE_IOERR
  kCrash,      ///< this operation and all later ones fail; nothing of them happens
};

/// One at a time, on one thread.
class FaultVfs {
 public:
  FaultVfs();
  ~FaultVfs();

  /// The nth operation from now (reads, writes, syncs, truncations, deletions) fails.
  void Arm(VfsFault kind, int64_t nth);
  /// Nothing fails any more. Returns whether the fault had come.
  bool Disarm();

 private:
  sqlite3_vfs* const real_;
  sqlite3_vfs own_;
};

}  // namespace tarn
