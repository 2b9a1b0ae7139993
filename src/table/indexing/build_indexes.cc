// SPDX-License-Identifier: Apache-2.0
#include "iceberg/table_metadata.h"
#include "table/indexing/index_pool.h"
#include "table/indexing/table_indexer.h"
#include "tarn/indexing.h"

namespace tarn {

int64_t IndexStatus::files(IndexState state) const {
  int64_t count = 0;
  for (const auto& column : columns) count += column.state == state;
  return count;
}

int64_t IndexStatus::rows(IndexState state) const {
  int64_t count = 0;
  for (const auto& column : columns) count += column.state == state ? column.rows : 0;
  return count;
}

Result<IndexStatus> DescribeIndexes(CatalogProvider& catalog, const TableIdent& table) {
  ARROW_ASSIGN_OR_RAISE(const auto state, catalog.LoadTable(table));
  return IndexBacklog(catalog.shared_store()).Look(state, /*small_files=*/false, nullptr);
}

Result<BuildIndexesResult> BuildIndexes(std::shared_ptr<CatalogProvider> catalog,
                                        const TableIdent& table,
                                        const BuildIndexesOptions& options) {
  TableIndexer indexer(std::move(catalog), table,
                       {.threads = options.threads, .small_files = options.small_files});
  const auto per_commit = static_cast<size_t>(std::max(options.files_per_commit, 1));
  for (bool more = true; more;) {
    if (options.progress && !options.progress(indexer.progress())) break;
    ARROW_ASSIGN_OR_RAISE(more, indexer.BuildNext());
    if (indexer.built() >= per_commit) ARROW_RETURN_NOT_OK(indexer.Commit());
  }
  ARROW_RETURN_NOT_OK(indexer.Commit());
  return BuildIndexesResult{indexer.committed_files(), indexer.committed_rows(), indexer.commits(),
                            indexer.failures()};
}

Status WaitForIndexes(std::shared_ptr<CatalogProvider> catalog, const TableIdent& table,
                      std::optional<std::chrono::milliseconds> timeout) {
  return IndexPool::Shared().Wait(std::move(catalog), table, timeout);
}

void StopIndexBuilds() { IndexPool::Shared().Stop(); }

}  // namespace tarn
