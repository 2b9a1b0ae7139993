// SPDX-License-Identifier: Apache-2.0
#include "table/indexing/table_indexer.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/random_id.h"
#include "catalog/commit_attempt.h"
#include "iceberg/location.h"
#include "iceberg/table_metadata.h"
#include "table/current_properties.h"
#include "table/file/reindex.h"

namespace tarn {
namespace {

CrashPoint kIndexBuildBegun("index/build/begun");
CrashPoint kIndexBuildWritten("index/build/written");
CrashPoint kIndexCommitBefore("index/commit/before");
CrashPoint kIndexCommitAfter("index/commit/after");
CrashPoint kIndexCommitCleaned("index/commit/cleaned");

}  // namespace

TableIndexer::TableIndexer(std::shared_ptr<CatalogProvider> catalog, TableIdent table,
                           Options options)
    : catalog_(std::move(catalog)),
      table_(std::move(table)),
      options_(options),
      backlog_(catalog_->shared_store()),
      shelf_(*catalog_, table_) {}

TableIndexer::~TableIndexer() {
  for (const auto& built : built_) (void)catalog_->store().Delete(built.path);
}

Status TableIndexer::Refresh() {
  ARROW_ASSIGN_OR_RAISE(auto state, catalog_->LoadTable(table_));
  if (state_ && state_->metadata_path == state.metadata_path) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(properties_, CurrentProperties(*state.metadata));
  policy_ = IndexingPolicy::Of(*state.metadata);
  ARROW_RETURN_NOT_OK(backlog_.Look(state, options_.small_files, &pending_).status());
  std::set<std::string> locations;
  for (const BacklogFile& file : pending_) locations.insert(file.entry.data_file.file_path);
  std::erase_if(passed_over_, [&](const auto& gone) { return locations.count(gone) == 0; });
  // Oldest first: what was written first is searched by scanning for the longest time.
  std::stable_sort(pending_.begin(), pending_.end(), [](const auto& a, const auto& b) {
    return a.entry.sequence_number < b.entry.sequence_number;
  });
  state_ = std::move(state);
  return Status::OK();
}

std::map<std::string, bool> TableIndexer::Uncommitted() const {
  std::map<std::string, bool> waits;
  for (const BacklogFile& file : pending_) {
    const std::string& location = file.entry.data_file.file_path;
    const bool failed = std::any_of(failures_.begin(), failures_.end(),
                                    [&](const IndexFailure& f) { return f.path == file.path; });
    if (!failed && passed_over_.count(location) == 0) waits[location] = true;
  }
  for (const BuiltIndex& built : built_) {
    const auto found = waits.find(built.old.data_file.file_path);
    if (found != waits.end()) found->second = false;
  }
  return waits;
}

Result<bool> TableIndexer::FindNext(const std::set<std::string>& first) {
  next_ = nullptr;
  ARROW_RETURN_NOT_OK(Refresh());
  const auto uncommitted = Uncommitted();
  progress_.pending_files = progress_.pending_rows = 0;
  bool preferred = false;
  for (const BacklogFile& file : pending_) {
    const std::string& location = file.entry.data_file.file_path;
    const auto found = uncommitted.find(location);
    if (found == uncommitted.end() || !found->second) continue;
    ++progress_.pending_files;
    progress_.pending_rows += file.entry.data_file.record_count;
    if (next_ == nullptr || (!preferred && first.count(location) > 0)) {
      next_ = &file;
      preferred = first.count(location) > 0;
    }
  }
  return next_ != nullptr;
}

Status TableIndexer::BuildFound() {
  const BacklogFile& file = *next_;
  const Status status = Build(file);
  if (IsKind(status, ErrorKind::kCancelled)) return status;
  const int64_t rows = file.entry.data_file.record_count;
  --progress_.pending_files;
  progress_.pending_rows -= rows;
  if (!status.ok()) {
    failures_.push_back({file.path, status});
    return Status::OK();
  }
  ++progress_.built_files;
  progress_.built_rows += rows;
  return Status::OK();
}

Result<bool> TableIndexer::BuildNext() {
  ARROW_ASSIGN_OR_RAISE(const bool found, FindNext());
  if (found) ARROW_RETURN_NOT_OK(BuildFound());
  return found;
}

Result<std::map<std::string, IndexRequest>> TableIndexer::RequestsFor(const BacklogFile& file) {
  std::map<std::string, IndexRequest> requests;
  for (const auto& [policy, field_id, name] : file.columns) {
    IndexRequest request;
    const int64_t rows = file.entry.data_file.record_count;
    request.policy = policy;
    request.type = ChooseIndexType(*file.wanted.type, rows, Hardware::Detect());
    request.hnsw = properties_.hnsw;
    request.ivf_pq = file.wanted.ivf_pq;
    if (policy.pq && request.ivf_pq.m == 0) {
      request.ivf_pq.m = policy.pq->num_subvectors;
      request.ivf_pq.bits = policy.pq->bits;
    }
    request.threads = options_.threads;
    request.stop = options_.stop;
    if (request.type == IndexType::kIvfPq) {
      ARROW_ASSIGN_OR_RAISE(request.codebook, shelf_.For(policy, field_id, rows));
    }
    requests[name] = std::move(request);
  }
  return requests;
}

Status TableIndexer::Build(const BacklogFile& file) {
  kIndexBuildBegun.Reach();
  ARROW_ASSIGN_OR_RAISE(const auto requests, RequestsFor(file));
  const std::string uri = iceberg::DataFileLocation(*state_->metadata, NewUuid7() + ".parquet");
  ARROW_ASSIGN_OR_RAISE(const std::string path, catalog_->store().PathOf(uri));
  ARROW_ASSIGN_OR_RAISE(const auto written,
                        ReindexFile(catalog_->store(), file.path, path, requests));
  BuiltIndex built = Describe(written, uri, file.entry, file.columns);
  for (const auto& [policy, field_id, name] : file.columns) {
    const auto codebook = written.codebooks.find(name);
    if (codebook != written.codebooks.end()) {
      shelf_.Trained(policy, field_id, codebook->second, uri);
    }
  }
  kIndexBuildWritten.Reach();
  built_.push_back(std::move(built));
  return Status::OK();
}

BuiltIndex TableIndexer::Describe(const WrittenFile& written, const std::string& uri,
                                  const iceberg::ManifestEntry& old,
                                  std::vector<BacklogColumn> columns) {
  // The same row groups: counts, bounds and offsets are what they were.
  BuiltIndex built{old, written.path, old.data_file, std::move(columns)};
  built.file.file_path = uri;
  built.file.file_size_in_bytes = static_cast<int64_t>(written.size);
  for (const BacklogColumn& column : built.columns) {
    const auto codebook = written.codebooks.find(column.name);
    if (codebook != written.codebooks.end()) {
      built.codebooks[column.name] = codebook->second->fingerprint();
    }
  }
  return built;
}

/// Gives a built file the codebook that another writer's commit brought first.
Status TableIndexer::CodeAgain(BuiltIndex* built) {
  std::map<std::string, IndexRequest> requests;
  for (const auto& [policy, field_id, name] : built->columns) {
    const auto fingerprint = built->codebooks.find(name);
    if (fingerprint == built->codebooks.end()) continue;
    ARROW_ASSIGN_OR_RAISE(auto codebook, shelf_.For(policy, field_id, /*vectors=*/0));
    if (codebook == nullptr || codebook->fingerprint() == fingerprint->second) continue;
    IndexRequest request;
    request.type = IndexType::kIvfPq;
    request.codebook = std::move(codebook);
    request.threads = options_.threads;
    requests[name] = std::move(request);
  }
  if (requests.empty()) return Status::OK();
  const std::string uri = iceberg::DataFileLocation(*state_->metadata, NewUuid7() + ".parquet");
  ARROW_ASSIGN_OR_RAISE(const std::string path, catalog_->store().PathOf(uri));
  ARROW_ASSIGN_OR_RAISE(const auto written,
                        ReindexFile(catalog_->store(), built->path, path, requests));
  BuiltIndex coded = Describe(written, uri, built->old, built->columns);
  for (const auto& [name, fingerprint] : built->codebooks) {
    coded.codebooks.emplace(name, fingerprint);
  }
  shelf_.Moved(built->file.file_path, uri);
  (void)catalog_->store().Delete(built->path);
  *built = std::move(coded);
  return Status::OK();
}

/// The old file stays, without an index, for as long as its deletes cannot be moved.
void TableIndexer::NoteHindrance(const BuiltIndex& built) {
  const std::string& location = built.old.data_file.file_path;
  failures_.push_back({catalog_->store().PathOf(location).ValueOr(location), built.hindrance});
}

Result<Committed> TableIndexer::TryCommit(bool* in_doubt) {
  AppendCommit rest;
  shelf_.AddTo(&rest);
  MovedDeletes moved(catalog_->shared_store());
  std::set<std::string> named;  // by the newest plan
  CommitAttempt attempt(*catalog_, table_, [&](const TableState& base) -> Result<CommitPlan> {
    ARROW_ASSIGN_OR_RAISE(auto plan,
                          PlanIndexCommit(catalog_->store(), base, rest, &moved, &built_));
    named.clear();
    if (plan.snapshot) {
      for (const auto& added : plan.snapshot->added) named.insert(added.file.file_path);
    }
    return plan;
  });
  kIndexCommitBefore.Reach();
  auto done = attempt.Commit();
  *in_doubt = attempt.was_in_doubt();
  kIndexCommitAfter.Reach();
  const bool lost = IsKind(done.status(), ErrorKind::kCommitConflict) ||
                    IsKind(done.status(), ErrorKind::kValidationFailed);
  if (!*in_doubt && (done.ok() || lost)) {
    for (const auto& [location, path] : moved.written()) {
      if (lost || named.count(location) == 0) (void)catalog_->store().Delete(path);
    }
  }
  return done;
}

Status TableIndexer::Commit() {
  if (built_.empty()) return Status::OK();
  constexpr int kMostRounds = 5;
  for (int round = 1;; ++round) {
    for (BuiltIndex& built : built_) ARROW_RETURN_NOT_OK(CodeAgain(&built));
    bool in_doubt = false;
    auto done = TryCommit(&in_doubt);
    if (!done.ok()) {
      const Status status = done.status();
      if (IsKind(status, ErrorKind::kValidationFailed) && round < kMostRounds) {
        // Another writer's codebook, or another builder's file, was first.
        ARROW_RETURN_NOT_OK(shelf_.GiveWay().status());
        continue;
      }
      // Lost for certain: they may be committed later. Whether a failing store published them after
      // all is not known: then they stay, orphans at worst.
      const bool lost = IsKind(status, ErrorKind::kCommitConflict) ||
                        IsKind(status, ErrorKind::kValidationFailed);
      if (!lost || in_doubt) built_.clear();
      return status;
    }
    for (const BuiltIndex& built : built_) {
      if (built.replaced) {
        ++committed_files_;
        committed_rows_ += built.file.record_count;
      } else {
        if (built.hindrance.ok()) {
          passed_over_.insert(built.old.data_file.file_path);
        } else {
          NoteHindrance(built);
        }
        if (!in_doubt) (void)catalog_->store().Delete(built.path);
      }
    }
    kIndexCommitCleaned.Reach();
    if (done->snapshot != 0) {
      ++commits_;
      shelf_.Committed();
    }
    built_.clear();
    return Status::OK();
  }
}

}  // namespace tarn
