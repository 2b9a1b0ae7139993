// SPDX-License-Identifier: Apache-2.0
#include "table/indexing/index_pool.h"

#include <algorithm>
#include <utility>

#include "iceberg/table_metadata.h"

namespace tarn {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr size_t kFilesPerCommit = 64;
constexpr int kMostErrors = 5;
/// A table for which somebody waits is served before others that have waited less than so much
/// longer than it: they keep their turns, if fewer.
constexpr std::chrono::seconds kHeadStart{10};

Status OutcomeOf(const TableIndexer& indexer) {
  if (indexer.failures().empty()) return Status::OK();
  const IndexFailure& first = indexer.failures().front();
  return WithContext(first.status, std::to_string(indexer.failures().size()) +
                                       " files could not be indexed; the first, " + first.path);
}

}  // namespace

IndexPool& IndexPool::Shared() {
  static IndexPool pool;
  return pool;
}

IndexPool::~IndexPool() { Stop(); }

IndexPool::Job& IndexPool::JobOf(std::shared_ptr<CatalogProvider> catalog,
                                 const TableState& table) {
  auto& job = jobs_[table.metadata->table_uuid];
  if (job == nullptr) {
    job = std::make_shared<Job>();
    job->indexer = std::make_unique<TableIndexer>(
        std::move(catalog), table.ident, TableIndexer::Options{.threads = 0, .stop = &stop_});
  }
  if (!running_) {
    running_ = true;
    worker_ = std::thread([this] { Run(); });
  }
  return *job;
}

/// Nobody serves a job that Stop has forgotten.
bool IndexPool::IsForgotten(const std::string& table_uuid, const std::shared_ptr<Job>& job) const {
  const auto known = jobs_.find(table_uuid);
  return stop_ || known == jobs_.end() || known->second != job;
}

void IndexPool::Submit(std::shared_ptr<CatalogProvider> catalog, const TableState& table,
                       std::vector<OwnBacklog::File> files) {
  const std::lock_guard lock(mutex_);
  Job& job = JobOf(std::move(catalog), table);
  job.own.Add(std::move(files), ++job.asked);
  job.errors = 0;
  // There may be something to build while the commit is not due.
  if (std::exchange(job.only_commit, false)) job.due = steady_clock::now();
  changed_.notify_all();
}

std::chrono::nanoseconds IndexPool::WaitForRoom(const std::string& table_uuid, int64_t limit) {
  std::unique_lock lock(mutex_);
  const auto known = jobs_.find(table_uuid);
  if (known == jobs_.end()) return {};
  const std::shared_ptr<Job> job = known->second;
  const auto has_room = [&] {
    return job->own.waiting_bytes() <= limit || job->stuck || IsForgotten(table_uuid, job);
  };
  if (has_room()) return {};
  const Time start = steady_clock::now();
  ++job->writers;
  changed_.wait(lock, has_room);
  --job->writers;
  return steady_clock::now() - start;
}

Status IndexPool::Wait(std::shared_ptr<CatalogProvider> catalog, const TableIdent& table,
                       std::optional<milliseconds> timeout) {
  ARROW_ASSIGN_OR_RAISE(const auto state, catalog->LoadTable(table));
  std::unique_lock lock(mutex_);
  JobOf(std::move(catalog), state);
  const std::shared_ptr<Job> job = jobs_[state.metadata->table_uuid];
  const uint64_t mine = ++job->asked;
  job->errors = 0;
  job->due = Time();
  ++job->waiters;
  changed_.notify_all();
  const auto forgotten = [&] { return IsForgotten(state.metadata->table_uuid, job); };
  const auto done = [&] {
    return job->served >= mine || job->errors >= kMostErrors || forgotten();
  };
  bool in_time = true;
  if (timeout) {
    in_time = changed_.wait_for(lock, *timeout, done);
  } else {
    changed_.wait(lock, done);
  }
  --job->waiters;
  if (!in_time) {
    return Error(ErrorKind::kIo, "table ", table.ToString(), ": its indexes were not built within ",
                 timeout->count(), " ms; the builds go on");
  }
  if (job->served < mine && forgotten())
    return Error(ErrorKind::kCancelled, "background index builds were stopped");
  return job->outcome;
}

void IndexPool::Stop() {
  std::unique_lock lock(mutex_);
  if (stop_) changed_.wait(lock, [&] { return !running_; });
  if (!running_) return;
  stop_ = true;
  changed_.notify_all();
  lock.unlock();
  worker_.join();
  lock.lock();
  // What was submitted meanwhile waits in its table.
  jobs_.clear();
  running_ = false;
  stop_ = false;
  changed_.notify_all();
}

std::map<std::string, std::shared_ptr<IndexPool::Job>>::iterator IndexPool::NextJob(
    Time now, std::optional<Time>* wake) {
  wake->reset();
  auto best = jobs_.end();
  Time best_rank{};
  for (auto it = jobs_.begin(); it != jobs_.end(); ++it) {
    Job& job = *it->second;
    if (job.served >= job.asked || job.errors >= kMostErrors) continue;
    const Time due = job.waiters > 0 && job.errors == 0 ? Time() : job.due;
    if (due > now) {
      if (!*wake || due < **wake) *wake = due;
      continue;
    }
    const bool waited_for = job.waiters > 0 || job.writers > 0;
    const Time rank = waited_for ? job.due - kHeadStart : job.due;
    if (best != jobs_.end() && rank >= best_rank) continue;
    best = it;
    best_rank = rank;
  }
  return best;
}

void IndexPool::Run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    std::optional<Time> wake;
    const auto next = NextJob(steady_clock::now(), &wake);
    if (next != jobs_.end()) {
      const std::shared_ptr<Job> job = next->second;
      Step(*job, lock);
    } else if (wake) {
      changed_.wait_until(lock, *wake);
    } else {
      changed_.wait(lock);
    }
  }
  lock.unlock();
  CommitAll();
}

/// One build, or one commit, without the lock.
void IndexPool::Step(Job& job, std::unique_lock<std::mutex>& lock) {
  Turn turn{.asked = job.asked, .hurry = job.waiters > 0, .first = {}};
  // A writer is not to wait for what others have left in the table.
  if (job.writers > 0) turn.first = job.own.locations();
  lock.unlock();
  const Result<Round> round = Work(job, turn);
  lock.lock();
  const Time now = steady_clock::now();
  if (!round.ok()) {
    ++job.errors;
    job.outcome = round.status();
    job.due = now + first_pause_ * (1 << std::min(job.errors, 8));
    job.stuck |= job.errors >= kMostErrors || IsKind(round.status(), ErrorKind::kNotFound);
    job.only_commit = false;
  } else if (*round == Round::kFinished) {
    job.errors = 0;
    job.outcome = OutcomeOf(*job.indexer);
    job.served = turn.asked;
    job.stuck = job.only_commit = false;
    job.own.Update({}, turn.asked);
    // Whoever comes next may try them again.
    job.indexer->ForgetFailures();
  } else {
    job.errors = 0;
    job.stuck = false;
    // What was submitted during the round is to be built before the commit is due.
    job.only_commit = *round == Round::kLater && job.asked == turn.asked;
    job.due = now;
    if (job.only_commit) job.due = *job.last_commit + job.indexer->policy().commit_interval;
  }
  changed_.notify_all();
}

/// Tells the writers that wait what is left.
void IndexPool::TakeStock(Job& job, uint64_t asked) {
  const auto uncommitted = job.indexer->Uncommitted();
  const std::lock_guard lock(mutex_);
  job.own.Update(uncommitted, asked);
  changed_.notify_all();
}

Result<IndexPool::Round> IndexPool::Work(Job& job, const Turn& turn) {
  TableIndexer& indexer = *job.indexer;
  ARROW_ASSIGN_OR_RAISE(const bool found, indexer.FindNext(turn.first));
  TakeStock(job, turn.asked);
  if (found) {
    ARROW_RETURN_NOT_OK(indexer.BuildFound());
    TakeStock(job, turn.asked);
  }
  const Time now = steady_clock::now();
  if (indexer.built() > 0 && !job.first_built) job.first_built = now;
  const auto interval = indexer.policy().commit_interval;
  const bool early = job.last_commit && now < *job.last_commit + interval;
  const bool full = indexer.built() >= kFilesPerCommit;
  if (found) {
    if (!full && (!job.first_built || now < *job.first_built + interval)) return Round::kMore;
  } else if (early && !turn.hurry && !full && indexer.built() > 0) {
    return Round::kLater;
  }
  if (indexer.built() > 0) {
    ARROW_RETURN_NOT_OK(indexer.Commit());
    job.last_commit = steady_clock::now();
    job.first_built.reset();
  }
  return found ? Round::kMore : Round::kFinished;
}

void IndexPool::CommitAll() {
  std::unique_lock lock(mutex_);
  const auto jobs = jobs_;
  lock.unlock();
  for (const auto& [uuid, job] : jobs) (void)job->indexer->Commit();
}

}  // namespace tarn
