// SPDX-License-Identifier: Apache-2.0
#include "search/files_search.h"

#include <atomic>
#include <limits>
#include <mutex>

#include "base/parallel.h"
#include "search/file_plan.h"
#include "search/top_hits.h"

namespace tarn {
namespace {

/// One query on its way over the files.
class FilesSearch {
 public:
  FilesSearch(const ReadView& view, std::span<const SearchableFile> files, const FilesQuery& query)
      : view_(view), files_(files), query_(query), hits_(query.k) {}

  Result<std::vector<SearchHit>> Run() {
    const FilePlan plan = Plan();
    // A single file needs no bound, and without one returns k rows whatever their distance.
    bounded_ = plan.tasks.size() > 1;
    const int spread = std::max(plan.threads, 1);
    ParallelFor(plan.tasks.size(), 1, spread, [&](size_t begin, size_t end, int) {
      for (size_t i = begin; i < end; ++i) Ask(plan.tasks[i], spread > 1 ? 1 : query_.threads);
    });
    ARROW_RETURN_NOT_OK(failure_);
    return hits_.Take();
  }

 private:
  FilePlan Plan() const {
    std::vector<FileFacts> facts(files_.size());
    const bool alone = files_.size() == 1;
    for (size_t i = 0; i < files_.size(); ++i) {
      const SearchableFile& file = files_[i];
      if (file.vectors == nullptr) continue;
      const auto allowed = AllowedRows(file, i, query_.filter);
      facts[i].rows = allowed ? *allowed->count : file.vectors->rows();
      facts[i].least = -std::numeric_limits<float>::infinity();
      if (file.index == nullptr || query_.exact || IsScanned(i)) continue;
      facts[i].indexed = file.index->type() == IndexType::kHnsw;
      if (alone) continue;
      const auto reach = file.index->Reach(query_.query);
      facts[i].expected = reach.expected;
      facts[i].least = reach.least;
    }
    return PlanFiles(facts, query_.k, query_.ef, query_.threads);
  }

  bool IsScanned(size_t file) const {
    return query_.scanned != nullptr && query_.scanned->covers(file);
  }

  void Ask(const FileTask& task, int threads) {
    if (task.least > bound_.load(std::memory_order_relaxed)) return;
    Result<std::vector<index::Neighbor>> found =
        IsScanned(task.file) ? query_.scanned->nearest(task.file, query_.query_number)
                             : Search(task, threads);
    const std::lock_guard lock(mutex_);
    if (!found.ok()) {
      if (failure_.ok()) failure_ = WithContext(found.status(), view_.files()[task.file].path);
      return;
    }
    hits_.Add(task.file, *found);
    if (hits_.limit() < bound_.load(std::memory_order_relaxed)) {
      bound_.store(hits_.limit(), std::memory_order_relaxed);
    }
  }

  Result<std::vector<index::Neighbor>> Search(const FileTask& task, int threads) {
    FileQuery ask;
    ask.query = query_.query;
    ask.k = query_.k;
    ask.ef = task.ef;
    ask.beam = task.beam;
    ask.nprobe = query_.nprobe;
    ask.exact = query_.exact;
    ask.threads = threads;
    ask.bound = bounded_ ? &bound_ : nullptr;
    const auto allowed = AllowedRows(files_[task.file], task.file, query_.filter);
    ask.live = allowed ? &*allowed : nullptr;
    return SearchFile(files_[task.file], ask);
  }

  const ReadView& view_;
  const std::span<const SearchableFile> files_;
  const FilesQuery& query_;
  bool bounded_ = false;
  std::atomic<float> bound_{std::numeric_limits<float>::infinity()};
  std::mutex mutex_;
  TopHits hits_;    // guarded by mutex_
  Status failure_;  // guarded by mutex_
};

}  // namespace

Result<std::vector<SearchHit>> SearchFiles(const ReadView& view,
                                           std::span<const SearchableFile> files,
                                           const FilesQuery& query) {
  return FilesSearch(view, files, query).Run();
}

}  // namespace tarn
