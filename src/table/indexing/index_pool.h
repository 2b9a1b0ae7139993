// SPDX-License-Identifier: Apache-2.0
//
// IndexPool: the background builds of a process. One build at a time, with all the threads it may
// have, and one file in memory; what waits for its turn lies in the tables, not in here.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "table/indexing/own_backlog.h"
#include "table/indexing/table_indexer.h"
#include "tarn/catalog.h"

namespace tarn {

/// Thread-safe. Commits of one table are at least its commit interval apart, unless somebody waits
/// for them; builds go on in between. An error of a table is tried again after pauses that grow,
/// five times; then it rests until the next Submit or Wait.
class IndexPool {
 public:
  /// `first_pause`: the pause after the first error is twice as long.
  explicit IndexPool(std::chrono::milliseconds first_pause = std::chrono::milliseconds(500))
      : first_pause_(first_pause) {}
  ~IndexPool();
  IndexPool(const IndexPool&) = delete;

  /// The one of this process.
  static IndexPool& Shared();

  /// Something may wait in this table: `files`, committed in this version or before, and what
  /// others have left there.
  void Submit(std::shared_ptr<CatalogProvider> catalog, const TableState& table,
              std::vector<OwnBacklog::File> files = {});
  /// Returns once no more than `limit` bytes of vectors that were submitted for the table wait for
  /// their index to be built: at once, where they do not. What has been built counts no more, nor
  /// what the newest look at the table found to need no index or could not be given one. Nobody
  /// waits for what does not go on: when the pool is stopped, when the table is gone, and from the
  /// time that it rests after its errors until it has gone well again. Returns the time it took.
  std::chrono::nanoseconds WaitForRoom(const std::string& table_uuid, int64_t limit);
  /// Submits, and returns when nothing waits any more: see WaitForIndexes.
  Status Wait(std::shared_ptr<CatalogProvider> catalog, const TableIdent& table,
              std::optional<std::chrono::milliseconds> timeout);
  /// See StopIndexBuilds.
  void Stop();

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Job {
    std::unique_ptr<TableIndexer> indexer;  // the worker's while it is busy
    uint64_t asked = 0;                     // times it was submitted
    uint64_t served = 0;  // of those, how many were before a look that found nothing left to do
    int waiters = 0;      // who want it committed now
    int writers = 0;      // who wait for room
    int errors = 0;       // in a row
    bool stuck = false;   // it rested, or was not found, and has not gone well since
    bool only_commit = false;  // is left, and was not due when it was last looked at
    Time due{};                // when it may go on
    std::optional<Time> first_built;
    std::optional<Time> last_commit;
    Status outcome;  // of the last round
    OwnBacklog own;
  };
  /// What a round is to know of its job, of when the lock was last held.
  struct Turn {
    uint64_t asked = 0;
    bool hurry = false;
    std::set<std::string> first;  // files to build before all others
  };

  Job& JobOf(std::shared_ptr<CatalogProvider> catalog, const TableState& table);
  bool IsForgotten(const std::string& table_uuid, const std::shared_ptr<Job>& job) const;
  void Run();
  std::map<std::string, std::shared_ptr<Job>>::iterator NextJob(Time now,
                                                                std::optional<Time>* wake);
  void Step(Job& job, std::unique_lock<std::mutex>& lock);
  enum class Round { kMore, kLater, kFinished };  // later: only the commit is left, not due yet
  Result<Round> Work(Job& job, const Turn& turn);
  void TakeStock(Job& job, uint64_t asked);
  void CommitAll();

  const std::chrono::milliseconds first_pause_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::shared_ptr<Job>> jobs_;  // by table uuid
  std::thread worker_;
  bool running_ = false;  // from the worker's start until Stop has seen its end
  std::atomic<bool> stop_{false};
};

}  // namespace tarn
