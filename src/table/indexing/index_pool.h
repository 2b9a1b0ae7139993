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
#include <string>
#include <thread>

#include "table/indexing/table_indexer.h"
#include "tarn/catalog.h"

namespace tarn {

/// Thread-safe. Commits of one table are at least its commit interval apart, unless somebody waits.
/// An error of a table is tried again after pauses that grow, five times; then it rests until the
/// next Submit or Wait.
class IndexPool {
 public:
  IndexPool() = default;
  ~IndexPool();
  IndexPool(const IndexPool&) = delete;

  /// The one of this process.
  static IndexPool& Shared();

  /// Something may wait in this table.
  void Submit(std::shared_ptr<CatalogProvider> catalog, const TableState& table);
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
    int errors = 0;       // in a row
    Time due{};           // when it may go on
    std::optional<Time> first_built;
    std::optional<Time> last_commit;
    Status outcome;  // of the last round
  };

  Job& JobOf(std::shared_ptr<CatalogProvider> catalog, const TableState& table);
  void Run();
  std::map<std::string, std::shared_ptr<Job>>::iterator NextJob(Time now,
                                                                std::optional<Time>* wake);
  void Step(Job& job, std::unique_lock<std::mutex>& lock);
  enum class Round { kMore, kLater, kFinished };  // later: only the commit is left, not due yet
  Result<Round> Work(Job& job, bool hurry);
  void CommitAll();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::shared_ptr<Job>> jobs_;  // by table uuid
  std::thread worker_;
  bool running_ = false;  // from the worker's start until Stop has seen its end
  std::atomic<bool> stop_{false};
};

}  // namespace tarn
