// SPDX-License-Identifier: Apache-2.0
//
// StagedFile: a data file that is durable in the store and waits for a commit. StagedFileWriter
// makes them, with their indexes.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "iceberg/manifest.h"
#include "table/codebook/codebook_shelf.h"
#include "table/writer/batch_plan.h"
#include "tarn/ailake_file.h"
#include "tarn/table_writer.h"

namespace tarn {

struct StagedFile {
  std::string path;  ///< in the store
  iceberg::DataFile file;
  /// No table can name it: it was never part of a commit, or only of one that lost for certain.
  bool surely_unused = true;
  /// Columns with an index that is coded with a codebook, and its fingerprint.
  std::map<std::string, std::string> codebooks = {};
  std::string batch_id = {};  ///< empty: none
  /// Of the vectors that are to be indexed after the commit, four a dimension; 0: none are.
  int64_t waiting_bytes = 0;
};

/// What indexes a file gets.
struct FileIndexing {
  std::optional<IndexType> type;
  IvfPqConfig ivf_pq;
  bool deferred = false;
  std::string batch_id = {};

  /// Whether a file with these vector columns is to be indexed after its commit.
  bool AwaitsIndex(std::span<const VectorColumn> vectors) const {
    return deferred && type && !vectors.empty();
  }
};

/// One thread at a time.
class StagedFileWriter {
 public:
  StagedFileWriter(std::shared_ptr<CatalogProvider> catalog, const TableIdent& table,
                   const TableWriterOptions& options)
      : catalog_(std::move(catalog)), options_(options), shelf_(*catalog_, table) {}

  /// Writes a batch as one file of the table.
  Result<StagedFile> Write(const iceberg::TableMetadata& metadata, const HnswConfig& hnsw,
                           const BatchPlan& plan, const FileIndexing& indexing);

  /// Gives a staged file the codebooks that the others of the table will have, where it was coded
  /// with one that came too late. `policies` and `schema`: those it was written under.
  Status CodeAgain(const iceberg::TableMetadata& metadata,
                   std::span<const VectorStoragePolicy> policies, const iceberg::Schema& schema,
                   StagedFile* staged);

  /// Deletes a staged file from the store, unless some table may name it; a codebook that it alone
  /// carries is not proposed any more.
  void Discard(const StagedFile& staged);

  /// The codebooks that the files are coded with.
  CodebookShelf& shelf() { return shelf_; }

 private:
  IndexType TypeFor(const VectorColumn& column, IndexType asked) const;
  Result<StagedFile> Describe(const iceberg::TableMetadata& metadata, const WrittenFile& written,
                              const std::string& uri, const iceberg::Schema& schema);

  std::shared_ptr<CatalogProvider> catalog_;
  TableWriterOptions options_;
  CodebookShelf shelf_;
};

}  // namespace tarn
