// SPDX-License-Identifier: Apache-2.0
//
// FaultStore: any store, made to misbehave by a script. For tests of what happens when storage
// fails at the worst moment.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "tarn/store.h"

namespace tarn {

/// The operations a script can name. An object's write counts once, when it is committed. Of a log
/// folder: every write, and a renaming, is a kWrite, making a file a kCreate, opening one a kRead.
enum class StoreOp { kAny, kRead, kStat, kWrite, kSync, kList, kDelete, kLock, kCreate };

enum class FaultKind {
  kFail,       ///< kIo; nothing happened
  kDelay,      ///< waits on the store's clock, then goes on
  kTear,       ///< a write: the first part is published, then kIo. Other operations: as kFail
  kLoseReply,  ///< the operation happens, then kIo
  kCrash,      ///< this operation and all later ones fail with kIo; nothing of them happens
  kPowerLoss,  ///< as kCrash, and what was written unsynced is gone
  kTearCrash,  ///< as kTear, then as kCrash
};

/// Fires at the `nth` operation (from 1) that matches, counted from when the fault was added; once,
/// or at every match from then on.
struct Fault {
  FaultKind kind = FaultKind::kFail;
  StoreOp op = StoreOp::kAny;
  std::string path_contains;
  int64_t nth = 1;
  bool repeat = false;
  std::chrono::milliseconds delay{0};
  double torn_fraction = 0.5;  ///< kTear: the part of the bytes that is published
  /// kPowerLoss: the share of a log's unsynced sectors that stay all the same, and which.
  double unsynced_kept = 0;
  uint64_t seed = 0;
};

/// Thread-safe, as the store beneath.
class FaultStore : public Store {
 public:
  static std::shared_ptr<FaultStore> Make(std::shared_ptr<Store> base,
                                          const Clock& clock = Clock::System());

  virtual void Add(Fault fault) = 0;
  /// Forgets all faults (and the crash); counters go on.
  virtual void Heal() = 0;
  /// Operations so far, those that failed too: a test can run once per step.
  virtual int64_t operations() const = 0;
  virtual int64_t faults_fired() const = 0;
};

}  // namespace tarn
