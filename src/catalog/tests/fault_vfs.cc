// SPDX-License-Identifier: Apache-2.0
#include "catalog/tests/fault_vfs.h"

#include <cstring>

namespace tarn {
namespace {

struct {
  bool armed = false;
  bool fired = false;
  VfsFault kind = VfsFault::kFail;
  int64_t left = 0;
} fault;

/// Whether this operation is the one, and what it is to answer.
bool Fails(bool is_write) {
  if (!fault.armed) return false;
  if (fault.fired) return fault.kind == VfsFault::kCrash;
  if (fault.kind == VfsFault::kFull && !is_write) return false;
  if (--fault.left > 0) return false;
  fault.fired = true;
  return true;
}

template <typename Operation>
int Do(int error, bool is_write, Operation operation) {
  if (!Fails(is_write)) return operation();
  if (fault.kind == VfsFault::kLoseReply) operation();
  return fault.kind == VfsFault::kFull ? SQLITE_FULL : error;
}

struct File {
  sqlite3_file base;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};
sqlite3_file* Real(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real(); }

sqlite3_io_methods Methods() {
  sqlite3_io_methods m{};
  m.iVersion = 2;  // shared memory for the write-ahead log, no mapped pages
  m.xClose = [](sqlite3_file* f) { return Real(f)->pMethods->xClose(Real(f)); };
  m.xRead = [](sqlite3_file* f, void* to, int size, sqlite3_int64 at) {
    return Do(SQLITE_IOERR_READ, false,
              [&] { return Real(f)->pMethods->xRead(Real(f), to, size, at); });
  };
  m.xWrite = [](sqlite3_file* f, const void* from, int size, sqlite3_int64 at) {
    return Do(SQLITE_IOERR_WRITE, true,
              [&] { return Real(f)->pMethods->xWrite(Real(f), from, size, at); });
  };
  m.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
    return Do(SQLITE_IOERR_TRUNCATE, false,
              [&] { return Real(f)->pMethods->xTruncate(Real(f), size); });
  };
  // Nothing here loses power, so nothing needs to wait for the disk.
  m.xSync = [](sqlite3_file*, int) {
    return Do(SQLITE_IOERR_FSYNC, false, [] { return SQLITE_OK; });
  };
  m.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
    return Real(f)->pMethods->xFileSize(Real(f), size);
  };
  m.xLock = [](sqlite3_file* f, int lock) { return Real(f)->pMethods->xLock(Real(f), lock); };
  m.xUnlock = [](sqlite3_file* f, int lock) { return Real(f)->pMethods->xUnlock(Real(f), lock); };
  m.xCheckReservedLock = [](sqlite3_file* f, int* held) {
    return Real(f)->pMethods->xCheckReservedLock(Real(f), held);
  };
  m.xFileControl = [](sqlite3_file* f, int op, void* argument) {
    return Real(f)->pMethods->xFileControl(Real(f), op, argument);
  };
  m.xSectorSize = [](sqlite3_file* f) { return Real(f)->pMethods->xSectorSize(Real(f)); };
  m.xDeviceCharacteristics = [](sqlite3_file* f) {
    return Real(f)->pMethods->xDeviceCharacteristics(Real(f));
  };
  m.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** to) {
    return Real(f)->pMethods->xShmMap(Real(f), page, size, extend, to);
  };
  m.xShmLock = [](sqlite3_file* f, int offset, int n, int flags) {
    return Real(f)->pMethods->xShmLock(Real(f), offset, n, flags);
  };
  m.xShmBarrier = [](sqlite3_file* f) { Real(f)->pMethods->xShmBarrier(Real(f)); };
  m.xShmUnmap = [](sqlite3_file* f, int remove) {
    return Real(f)->pMethods->xShmUnmap(Real(f), remove);
  };
  return m;
}

sqlite3_vfs* RealVfs(sqlite3_vfs* own) { return static_cast<sqlite3_vfs*>(own->pAppData); }

int Open(sqlite3_vfs* own, const char* name, sqlite3_file* file, int flags, int* out) {
  static const sqlite3_io_methods kMethods = Methods();
  sqlite3_vfs* real = RealVfs(own);
  const int code = real->xOpen(real, name, Real(file), flags, out);
  file->pMethods = Real(file)->pMethods == nullptr ? nullptr : &kMethods;
  return code;
}

int Delete(sqlite3_vfs* own, const char* name, int sync) {
  return Do(SQLITE_IOERR_DELETE, false,
            [&] { return RealVfs(own)->xDelete(RealVfs(own), name, sync); });
}

}  // namespace

FaultVfs::FaultVfs() : real_(sqlite3_vfs_find(nullptr)), own_(*real_) {
  own_.pNext = nullptr;
  own_.zName = "tarn-faults";
  own_.pAppData = real_;
  own_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
  own_.xOpen = Open;
  own_.xDelete = Delete;
  fault = {};
  sqlite3_vfs_register(&own_, 1);
}

FaultVfs::~FaultVfs() {
  sqlite3_vfs_unregister(&own_);
  sqlite3_vfs_register(real_, 1);
}

void FaultVfs::Arm(VfsFault kind, int64_t nth) { fault = {true, false, kind, nth}; }

bool FaultVfs::Disarm() {
  fault.armed = false;
  return fault.fired;
}

}  // namespace tarn
