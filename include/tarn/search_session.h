// SPDX-License-Identifier: Apache-2.0
//
// SearchSession: nearest neighbours over a table.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"
#include "tarn/fresh_rows.h"
#include "tarn/read_view.h"
#include "tarn/row_filter.h"

namespace tarn {

struct SearchRequest {
  /// Vector column; empty: the table's primary one.
  std::string column;
  uint32_t k = 10;      ///< at least 1; more than the table has gives what there is
  uint32_t ef = 0;      ///< candidates kept; below k, k is used; 0: the table's default
  uint32_t nprobe = 0;  ///< inverted lists looked into, where a file has them; 0: the default
  bool exact = false;   ///< scan every stored vector instead of using indexes
  /// Rows that may be returned; nullptr: all. It must be of the session's view (kBadInput).
  std::shared_ptr<const RowFilter> filter;
  /// Columns to return; empty: all but the vector columns.
  std::vector<std::string> columns;
};

/// A neighbour and where it lies: file `file` of the view, row `row` of that file.
struct SearchHit {
  float distance = 0;
  uint32_t file = 0;
  uint32_t row = 0;
};

/// Searches one ReadView at a time. Thread-safe: any number of threads may search one session;
/// a search keeps the view it started with.
class SearchSession {
 public:
  struct Options {
    int threads = 0;  ///< for one query over several files, and for batches; 0: as many as the
                      ///< process may use
    std::optional<AsOf> as_of = {};  ///< what to search; nullopt: the newest state
    /// Search and SearchBatch, where the request has no filter, refresh by themselves when the last
    /// look at the table is this long ago (0: each time). Unset: only Refresh does.
    std::optional<std::chrono::milliseconds> refresh_every = {};
    /// Rows that writers of this process have accepted and not committed yet: each Search and
    /// SearchBatch without a filter sees all that were accepted before it began, once, whatever is
    /// flushed meanwhile. They stand behind the files of the view, each writer's as one more. Only
    /// for the newest state of the table (kBadInput).
    std::vector<std::shared_ptr<const FreshRows>> fresh = {};
  };
  static Result<std::shared_ptr<SearchSession>> Open(std::shared_ptr<CatalogProvider> catalog,
                                                     const TableIdent& table, Options options);
  static Result<std::shared_ptr<SearchSession>> Open(std::shared_ptr<CatalogProvider> catalog,
                                                     const TableIdent& table) {
    return Open(std::move(catalog), table, Options());
  }
  virtual ~SearchSession() = default;

  /// Moves to what `as_of` now means, by default the newest snapshot. Opened files stay open.
  virtual Status Refresh() = 0;
  virtual std::shared_ptr<const ReadView> view() const = 0;

  /// The nearest rows as an Arrow table: the asked columns, then `_distance` (float, ascending),
  /// `_file` (string) and `_pos` (int64, position in the file). The schema's metadata says under
  /// "tarn.distances" whether they are "exact" or, where a column keeps no raw vectors,
  /// "approximate". kBadInput: k = 0, a query of another dimension, not finite or (cosine) zero,
  /// unknown columns.
  virtual Result<std::shared_ptr<arrow::Table>> Search(std::span<const float> query,
                                                       const SearchRequest& request) = 0;
  /// One table for all rows of `queries`, on all threads: `_query` (int32, the row of the query,
  /// ascending), then the columns of Search, nearest first within a query.
  virtual Result<std::shared_ptr<arrow::Table>> SearchBatch(const EmbeddingsView& queries,
                                                            const SearchRequest& request) = 0;
  /// The same without fetching columns.
  virtual Result<std::vector<SearchHit>> SearchHits(std::span<const float> query,
                                                    const SearchRequest& request) = 0;
  /// One result for each row of `queries`.
  virtual Result<std::vector<std::vector<SearchHit>>> SearchHitsBatch(
      const EmbeddingsView& queries, const SearchRequest& request) = 0;
};

}  // namespace tarn
