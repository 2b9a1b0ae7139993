// SPDX-License-Identifier: Apache-2.0
#include "tarn/search_session.h"

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "arrow/api.h"
#include "arrow/util/key_value_metadata.h"
#include "base/parallel.h"
#include "search/batch_scan.h"
#include "search/file_search.h"
#include "search/files_search.h"
#include "search/hit_table.h"
#include "search/query_check.h"
#include "table/file/file_reader.h"
#include "table/memtable/fresh_view.h"

namespace tarn {
namespace {

/// Files that are worth opening on several threads.
constexpr size_t kFilesWorthThreads = 8;

/// One vector column of one view, every file opened. Immutable.
struct OpenedColumn {
  VectorStoragePolicy policy;
  std::vector<SearchableFile> files;
  /// An index answers without exact vectors to compare with.
  bool approximate = false;
};

/// A view and what has been opened of it. A search holds on to the one it started with.
class OpenedView {
 public:
  explicit OpenedView(std::shared_ptr<const ReadView> view) : view_(std::move(view)) {}
  /// With fresh rows behind the files of `base`. `versions`: of their buffers, before they were
  /// looked at.
  OpenedView(std::shared_ptr<const FreshView> view, std::shared_ptr<OpenedView> base,
             std::vector<uint64_t> versions)
      : view_(view),
        fresh_(std::move(view)),
        base_(std::move(base)),
        versions_(std::move(versions)) {}

  const std::shared_ptr<const ReadView>& view() const { return view_; }
  uint32_t default_ef() const { return static_cast<uint32_t>(view_->hnsw().ef_search); }
  const std::shared_ptr<OpenedView>& base() const { return base_; }
  const std::vector<uint64_t>& versions() const { return versions_; }

  Result<std::shared_ptr<const OpenedColumn>> Column(const std::string& name, int threads);

 private:
  Result<std::shared_ptr<const OpenedColumn>> Open(const std::string& name, int threads) const;
  Result<SearchableFile> OpenFile(size_t file, const VectorStoragePolicy& policy) const;
  Result<std::shared_ptr<const OpenedColumn>> OpenFresh(const std::string& name, int threads) const;

  std::shared_ptr<const ReadView> view_;
  std::shared_ptr<const FreshView> fresh_;  // the same one; nullptr: it shows files alone
  std::shared_ptr<OpenedView> base_;        // of a fresh view
  std::vector<uint64_t> versions_;
  std::shared_mutex mutex_;
  std::map<std::string, std::shared_ptr<const OpenedColumn>> columns_;
};

Result<std::shared_ptr<const OpenedColumn>> OpenedView::Column(const std::string& name,
                                                               int threads) {
  {
    std::shared_lock lock(mutex_);
    if (const auto found = columns_.find(name); found != columns_.end()) return found->second;
  }
  ARROW_ASSIGN_OR_RAISE(auto column, Open(name, threads));
  std::unique_lock lock(mutex_);
  return columns_.emplace(name, std::move(column)).first->second;
}

Result<std::shared_ptr<const OpenedColumn>> OpenedView::Open(const std::string& name,
                                                             int threads) const {
  if (fresh_ != nullptr) return OpenFresh(name, threads);
  auto column = std::make_shared<OpenedColumn>();
  ARROW_ASSIGN_OR_RAISE(column->policy, ChoosePolicy(*view_, name));
  column->files.resize(view_->files().size());
  std::vector<Status> failures(column->files.size());
  ParallelFor(column->files.size(), 1, column->files.size() >= kFilesWorthThreads ? threads : 1,
              [&](size_t begin, size_t end, int) {
                for (size_t file = begin; file < end; ++file) {
                  failures[file] = OpenFile(file, column->policy).Value(&column->files[file]);
                }
              });
  for (const auto& status : failures) ARROW_RETURN_NOT_OK(status);
  for (const auto& file : column->files) {
    column->approximate |= file.index != nullptr && !column->policy.keep_raw_for_reranking;
  }
  return column;
}

/// The base's files, which are opened once for all fresh views, and the buffers.
Result<std::shared_ptr<const OpenedColumn>> OpenedView::OpenFresh(const std::string& name,
                                                                  int threads) const {
  auto column = std::make_shared<OpenedColumn>();
  ARROW_ASSIGN_OR_RAISE(column->policy, ChoosePolicy(*view_, name));
  ARROW_ASSIGN_OR_RAISE(const auto files, base_->Column(name, threads));
  column->files = files->files;
  column->approximate = files->approximate;
  for (size_t file = column->files.size(); file < view_->files().size(); ++file) {
    ARROW_ASSIGN_OR_RAISE(column->files.emplace_back().vectors,
                          fresh_->OpenVectors(file, column->policy));
  }
  return column;
}

Result<SearchableFile> OpenedView::OpenFile(size_t file, const VectorStoragePolicy& policy) const {
  ARROW_ASSIGN_OR_RAISE(auto reader, view_->OpenFile(file));
  SearchableFile opened;
  // The file may be older than the column, and has no neighbours to offer, or than its name.
  ARROW_ASSIGN_OR_RAISE(const auto column, view_->ColumnInFile(file, policy.column_name));
  if (!column) return opened;
  VectorStoragePolicy in_file = policy;
  in_file.column_name = *column;
  ARROW_ASSIGN_OR_RAISE(opened.live, view_->LiveRows(file));
  auto vectors = FileReader::Of(*reader).OpenVectorColumn(in_file);
  if (!vectors.ok() && IsKind(vectors.status(), ErrorKind::kNotFound)) return opened;
  ARROW_RETURN_NOT_OK(vectors.status());
  ARROW_ASSIGN_OR_RAISE(opened.index, (*vectors)->index());
  opened.vectors = *std::move(vectors);
  return opened;
}

class SearchSessionImpl : public SearchSession {
 public:
  SearchSessionImpl(std::shared_ptr<CatalogProvider> catalog, TableIdent table, Options options)
      : catalog_(std::move(catalog)),
        table_(std::move(table)),
        threads_(ResolveThreads(options.threads)),
        as_of_(std::move(options.as_of)),
        refresh_every_(options.refresh_every),
        fresh_(std::move(options.fresh)),
        cache_(std::make_shared<FileCache>()) {}

  Status Refresh() override { return Look().status(); }

  std::shared_ptr<const ReadView> view() const override { return Current()->view(); }

  Result<std::shared_ptr<arrow::Table>> Search(std::span<const float> query,
                                               const SearchRequest& request) override {
    ARROW_ASSIGN_OR_RAISE(const auto opened, Fresh(request));
    ARROW_ASSIGN_OR_RAISE(auto columns, ChooseColumns(*opened->view(), request.columns));
    ARROW_ASSIGN_OR_RAISE(auto column, opened->Column(request.column, threads_));
    ARROW_RETURN_NOT_OK(CheckFilter(*opened->view(), request));
    ARROW_ASSIGN_OR_RAISE(auto hits, SearchColumn(*opened, *column, query, request, threads_));
    ARROW_ASSIGN_OR_RAISE(auto table, ReadHits(*opened->view(), hits, columns));
    return WithMetadata(std::move(table), *column, request);
  }

  Result<std::vector<SearchHit>> SearchHits(std::span<const float> query,
                                            const SearchRequest& request) override {
    const auto opened = Current();
    ARROW_ASSIGN_OR_RAISE(auto column, opened->Column(request.column, threads_));
    ARROW_RETURN_NOT_OK(CheckFilter(*opened->view(), request));
    return SearchColumn(*opened, *column, query, request, threads_);
  }

  Result<std::vector<std::vector<SearchHit>>> SearchHitsBatch(
      const EmbeddingsView& queries, const SearchRequest& request) override {
    const auto opened = Current();
    ARROW_ASSIGN_OR_RAISE(auto column, opened->Column(request.column, threads_));
    ARROW_RETURN_NOT_OK(CheckFilter(*opened->view(), request));
    return SearchQueries(*opened, *column, queries, request);
  }

  Result<std::shared_ptr<arrow::Table>> SearchBatch(const EmbeddingsView& queries,
                                                    const SearchRequest& request) override {
    ARROW_ASSIGN_OR_RAISE(const auto opened, Fresh(request));
    ARROW_ASSIGN_OR_RAISE(auto columns, ChooseColumns(*opened->view(), request.columns));
    ARROW_ASSIGN_OR_RAISE(auto column, opened->Column(request.column, threads_));
    ARROW_RETURN_NOT_OK(CheckFilter(*opened->view(), request));
    ARROW_ASSIGN_OR_RAISE(auto answers, SearchQueries(*opened, *column, queries, request));
    ARROW_ASSIGN_OR_RAISE(auto table, ReadBatchHits(*opened->view(), answers, columns));
    return WithMetadata(std::move(table), *column, request);
  }

 private:
  static std::shared_ptr<arrow::Table> WithMetadata(std::shared_ptr<arrow::Table> table,
                                                    const OpenedColumn& column,
                                                    const SearchRequest& request) {
    const bool exact = request.exact || !column.approximate;
    return table->ReplaceSchemaMetadata(
        arrow::key_value_metadata({"tarn.distances"}, {exact ? "exact" : "approximate"}));
  }

  std::shared_ptr<OpenedView> Current() const {
    std::shared_lock lock(mutex_);
    return opened_;
  }

  std::shared_ptr<OpenedView> Publish(std::shared_ptr<OpenedView> opened) {
    std::unique_lock lock(mutex_);
    opened_ = opened;
    return opened;
  }

  std::vector<uint64_t> FreshVersions() const {
    std::vector<uint64_t> versions;
    for (const auto& rows : fresh_) versions.push_back(FreshBuffer::Of(*rows).version());
    return versions;
  }

  /// Looks at buffers, then at the table, in this order: what is flushed in between is in both.
  Result<std::shared_ptr<OpenedView>> Look() {
    looked_ = std::chrono::steady_clock::now().time_since_epoch();
    auto versions = FreshVersions();
    auto buffers = TakeFresh();
    ARROW_ASSIGN_OR_RAISE(auto view, ReadView::Open(catalog_, table_, cache_, as_of_));
    auto opened = std::make_shared<OpenedView>(std::move(view));
    if (fresh_.empty()) return Publish(std::move(opened));
    return WithFresh(std::move(opened), std::move(buffers), std::move(versions));
  }

  std::vector<FreshBatches> TakeFresh() const {
    std::vector<FreshBatches> buffers;
    for (const auto& rows : fresh_) buffers.push_back(FreshBuffer::Of(*rows).Take());
    return buffers;
  }

  Result<std::shared_ptr<OpenedView>> WithFresh(std::shared_ptr<OpenedView> base,
                                                std::vector<FreshBatches> buffers,
                                                std::vector<uint64_t> versions) {
    ARROW_ASSIGN_OR_RAISE(auto view, FreshView::Make(base->view(), std::move(buffers)));
    return Publish(
        std::make_shared<OpenedView>(std::move(view), std::move(base), std::move(versions)));
  }

  /// A view that shows all rows that are in the buffers by now. The table is looked at only where
  /// the buffers have rows no more that the view's files do not have yet.
  Result<std::shared_ptr<OpenedView>> WithNewestBuffers() {
    auto versions = FreshVersions();
    const auto opened = Current();
    if (versions == opened->versions()) return opened;
    auto buffers = TakeFresh();
    ARROW_ASSIGN_OR_RAISE(const bool fits, FreshView::Fits(*opened->base()->view(), buffers));
    if (!fits) return Look();
    return WithFresh(opened->base(), std::move(buffers), std::move(versions));
  }

  /// The current view, after a look at the table if one is due, and at the buffers.
  Result<std::shared_ptr<OpenedView>> Fresh(const SearchRequest& request) {
    if (request.filter != nullptr) return Current();
    ARROW_ASSIGN_OR_RAISE(const auto opened, LookIfDue());
    return fresh_.empty() ? opened : WithNewestBuffers();
  }

  Result<std::shared_ptr<OpenedView>> LookIfDue() {
    if (!refresh_every_) return Current();
    using Time = std::chrono::steady_clock::duration;
    const Time now = std::chrono::steady_clock::now().time_since_epoch();
    Time last = looked_;
    // Of threads that come at once one looks; the others go on with what there is.
    if (now - last < *refresh_every_ || !looked_.compare_exchange_strong(last, now)) {
      return Current();
    }
    ARROW_ASSIGN_OR_RAISE(const auto state, catalog_->LoadTable(table_));
    if (state.metadata_path != Current()->view()->state().metadata_path) {
      ARROW_RETURN_NOT_OK(Refresh());
    }
    return Current();
  }

  static Result<std::vector<SearchHit>> SearchColumn(const OpenedView& opened,
                                                     const OpenedColumn& column,
                                                     std::span<const float> query,
                                                     const SearchRequest& request, int threads,
                                                     const BatchScan& scanned = {},
                                                     size_t query_number = 0);
  Result<std::vector<std::vector<SearchHit>>> SearchQueries(const OpenedView& opened,
                                                            const OpenedColumn& column,
                                                            const EmbeddingsView& queries,
                                                            const SearchRequest& request);

  std::shared_ptr<CatalogProvider> catalog_;
  TableIdent table_;
  int threads_;
  std::optional<AsOf> as_of_;
  std::optional<std::chrono::milliseconds> refresh_every_;
  const std::vector<std::shared_ptr<const FreshRows>> fresh_;
  std::atomic<std::chrono::steady_clock::duration> looked_{};
  std::shared_ptr<FileCache> cache_;
  mutable std::shared_mutex mutex_;
  std::shared_ptr<OpenedView> opened_;
};

Result<std::vector<SearchHit>> SearchSessionImpl::SearchColumn(
    const OpenedView& opened, const OpenedColumn& column, std::span<const float> query,
    const SearchRequest& request, int threads, const BatchScan& scanned, size_t query_number) {
  ARROW_RETURN_NOT_OK(CheckQuery(query, request.k, column.policy));
  FilesQuery ask;
  ask.query = query.data();
  ask.k = request.k;
  ask.ef = request.ef != 0 ? request.ef : opened.default_ef();
  ask.nprobe = request.nprobe;
  ask.exact = request.exact;
  ask.filter = request.filter.get();
  ask.threads = threads;
  ask.scanned = &scanned;
  ask.query_number = query_number;
  return SearchFiles(*opened.view(), column.files, ask);
}

Result<std::vector<std::vector<SearchHit>>> SearchSessionImpl::SearchQueries(
    const OpenedView& opened, const OpenedColumn& column, const EmbeddingsView& queries,
    const SearchRequest& request) {
  std::vector<std::vector<SearchHit>> answers(static_cast<size_t>(queries.rows()));
  std::vector<Status> failures(answers.size());
  ARROW_ASSIGN_OR_RAISE(
      const BatchScan scanned,
      BatchScan::Run(*opened.view(), column.files, column.policy, queries, request, threads_));
  ParallelFor(answers.size(), 16, threads_, [&](size_t begin, size_t end, int) {
    for (size_t q = begin; q < end; ++q) {
      const float* query = queries.Row(static_cast<int64_t>(q));
      if (query == nullptr) {
        failures[q] = Error(ErrorKind::kBadInput, "query ", q, " is null");
        continue;
      }
      auto hits = SearchColumn(opened, column, std::span(query, static_cast<size_t>(queries.dim())),
                               request, 1, scanned, q);
      if (hits.ok()) {
        answers[q] = *std::move(hits);
      } else {
        failures[q] = WithContext(hits.status(), "query " + std::to_string(q));
      }
    }
  });
  for (const auto& status : failures) ARROW_RETURN_NOT_OK(status);
  return answers;
}

}  // namespace

Result<std::shared_ptr<SearchSession>> SearchSession::Open(std::shared_ptr<CatalogProvider> catalog,
                                                           const TableIdent& table,
                                                           Options options) {
  if (options.as_of && !options.fresh.empty()) {
    return Error(ErrorKind::kBadInput,
                 "fresh rows belong to the newest state of the table, not to an older one");
  }
  auto session = std::make_shared<SearchSessionImpl>(std::move(catalog), table, options);
  ARROW_RETURN_NOT_OK(session->Refresh());
  return session;
}

}  // namespace tarn
