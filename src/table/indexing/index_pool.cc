// SPDX-License-Identifier: Apache-2.0
#include "table/indexing/index_pool.h"

#include <algorithm>

#include "iceberg/table_metadata.h"

namespace tarn {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr size_t kFilesPerCommit = 64;
constexpr int kMostErrors = 5;
constexpr milliseconds kFirstPause{500};

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

void IndexPool::Submit(std::shared_ptr<CatalogProvider> catalog, const TableState& table) {
  const std::lock_guard lock(mutex_);
  Job& job = JobOf(std::move(catalog), table);
  ++job.asked;
  job.errors = 0;
  changed_.notify_all();
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
  // Nobody serves a job that Stop has forgotten.
  const auto forgotten = [&] {
    const auto known = jobs_.find(state.metadata->table_uuid);
    return stop_ || known == jobs_.end() || known->second != job;
  };
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
  for (auto it = jobs_.begin(); it != jobs_.end(); ++it) {
    Job& job = *it->second;
    if (job.served >= job.asked || job.errors >= kMostErrors) continue;
    const Time due = job.waiters > 0 && job.errors == 0 ? Time() : job.due;
    if (due > now) {
      if (!*wake || due < **wake) *wake = due;
      continue;
    }
    if (best == jobs_.end() || job.due < best->second->due) best = it;
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
  const uint64_t asked = job.asked;
  const bool hurry = job.waiters > 0;
  lock.unlock();
  const Result<Round> round = Work(job, hurry);
  lock.lock();
  const Time now = steady_clock::now();
  if (!round.ok()) {
    ++job.errors;
    job.outcome = round.status();
    job.due = now + kFirstPause * (1 << std::min(job.errors, 8));
  } else if (*round == Round::kFinished) {
    job.errors = 0;
    job.outcome = OutcomeOf(*job.indexer);
    job.served = asked;
    // Whoever comes next may try them again.
    job.indexer->ForgetFailures();
  } else {
    job.errors = 0;
    job.due = now;
    if (*round == Round::kLater) job.due = *job.last_commit + job.indexer->policy().commit_interval;
  }
  changed_.notify_all();
}

Result<IndexPool::Round> IndexPool::Work(Job& job, bool hurry) {
  TableIndexer& indexer = *job.indexer;
  ARROW_ASSIGN_OR_RAISE(const bool found, indexer.BuildNext());
  const Time now = steady_clock::now();
  if (indexer.built() > 0 && !job.first_built) job.first_built = now;
  const auto interval = indexer.policy().commit_interval;
  const bool early = job.last_commit && now < *job.last_commit + interval;
  const bool full = indexer.built() >= kFilesPerCommit;
  if (found) {
    if (!full && (!job.first_built || now < *job.first_built + interval)) return Round::kMore;
  } else if (early && !hurry && !full && indexer.built() > 0) {
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
