// SPDX-License-Identifier: Apache-2.0
//
// TableWriter: batches in, committed snapshots out.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "arrow/type_fwd.h"
#include "tarn/ailake_file.h"
#include "tarn/catalog.h"
#include "tarn/embeddings.h"
#include "tarn/hardware.h"
#include "tarn/types.h"

namespace arrow::compute {
class Expression;
}

namespace tarn {

/// What a writer does with a row whose vector cannot be stored (CheckEmbeddings says which).
enum class OnBadVectors {
  kError,  ///< refuse the batch
  kNull,   ///< store the row with a null vector: kept, but never a neighbour
  kDrop,   ///< leave the row out
};

struct TableWriterOptions {
  /// Index built into each file by WriteBatch and WriteBatchMulti; nullopt: none, such files are
  /// scanned.
  std::optional<IndexType> index = IndexType::kHnsw;
  /// Write all batches as WriteBatchDeferred does: without waiting for an index.
  bool deferred = false;
  OnBadVectors on_bad_vectors = OnBadVectors::kError;
  int threads = 0;  ///< of index builds; 0: as many as the process may use
  /// Build the indexes of deferred batches in this process, after their commit. Otherwise they wait
  /// for BuildIndexes (tarn/indexing.h) or another process.
  bool index_in_background = true;
  /// Where they are built in this process, a deferred write waits, before it begins with its file,
  /// while vectors of more than so many bytes (four a dimension) that this process has committed to
  /// the table wait for their index: builds are slower than writes, and searches compare all that
  /// waits. 0: it never waits. See WriteBatchDeferred.
  int64_t max_pending_bytes = int64_t{4} << 30;
  /// What kAuto decides by; nullopt: what this process has (Hardware::Detect).
  std::optional<Hardware> hardware = {};
};

/// Makes an empty table with columns, where CatalogProvider::CreateTable leaves them to the first
/// batch. `schema` is as a batch would have it; the vector columns of the properties follow its
/// other columns.
/// kBadInput names a field that no table can hold; kAlreadyExists.
Result<TableState> CreateTableWithSchema(CatalogProvider& catalog, const TableIdent& table,
                                         const TableProperties& properties,
                                         const arrow::Schema& schema);

/// Writes to one table. Each WriteBatch stages one file, durable but invisible; Commit publishes
/// all staged files in one snapshot. Staged files that are never committed are deleted when the
/// writer goes, unless a commit of them failed in a way that leaves any doubt. A failed call
/// changes nothing: what was staged before stays staged. One thread at a time; any number of
/// writers, in any number of processes, may write the same table.
///
/// When the table's schema changes, files that are staged stay as they are and are read right, by
/// field id; the first batch after a commit, or one that only the newer schema fits, is written
/// under it.
class TableWriter {
 public:
  /// A writer of an existing table. kNotFound when there is none.
  static Result<std::unique_ptr<TableWriter>> Make(std::shared_ptr<CatalogProvider> catalog,
                                                   const TableIdent& table,
                                                   TableWriterOptions options = {});
  /// Creates the table if it is missing. One that exists may have changed since it was made: vector
  /// columns that were added or renamed are no obstacle, and its settings stay as they are.
  /// kBadInput if it never had one of the vector columns, if one that it has is of another
  /// dimension, metric or precision, or if the first is not its primary one any more.
  static Result<std::unique_ptr<TableWriter>> CreateOrOpen(std::shared_ptr<CatalogProvider> catalog,
                                                           const TableIdent& table,
                                                           const TableProperties& properties,
                                                           TableWriterOptions options = {});
  virtual ~TableWriter() = default;

  /// Commits succeed only while this is still the table's current snapshot (0: only while there is
  /// none); otherwise they fail with kValidationFailed. After a commit the writer's own snapshot is
  /// expected.
  virtual TableWriter& WithParentSnapshot(SnapshotId parent) = 0;

  /// Stages rows and their embeddings, the primary vector column. Columns are matched by name;
  /// missing optional columns become null; kBadInput names a column that does not fit the table.
  virtual Status WriteBatch(const arrow::RecordBatch& batch, const EmbeddingsView& embeddings) = 0;
  /// For tables without vectors, or batches that hold the vector columns as Arrow lists.
  virtual Status WriteBatch(const arrow::RecordBatch& batch) = 0;
  /// Stages rows with several vector columns. Policies must be those of the table.
  virtual Status WriteBatchMulti(const arrow::RecordBatch& batch,
                                 std::span<const VectorColumn> columns) = 0;

  /// WriteBatch with an inverted-file index, whatever the options say. All files of the table share
  /// one codebook for the column: it is taken from the table, or, if the table has none, trained on
  /// this batch with `config` (default: the table's settings) and shared from the next Commit on.
  /// When another writer's codebook gets there first, Commit codes the staged files again with
  /// that one. A codebook of few rows is replaced once a batch has 16 times as many.
  virtual Status WriteBatchIvfPq(const arrow::RecordBatch& batch, const EmbeddingsView& embeddings,
                                 const std::optional<IvfPqConfig>& config = {}) = 0;
  /// WriteBatch with the index type that ChooseIndexType picks for the batch.
  virtual Status WriteBatchAuto(const arrow::RecordBatch& batch,
                                const EmbeddingsView& embeddings) = 0;

  /// The same without building an index: returns once the Parquet file is durable and staged. After
  /// Commit the rows are searched by comparing all of them, exactly, until an index is built in the
  /// background (tarn/indexing.h) and takes over. The index is that of WriteBatch.
  ///
  /// A writer that is faster than the builds waits here: see TableWriterOptions::max_pending_bytes.
  /// It waits for its own table alone, and for builds alone, not for their commits. Files that need
  /// no index any more, that somebody else has indexed or that cannot be indexed are not waited
  /// for. The wait never fails; it is over as well when StopIndexBuilds is called, when the table
  /// is gone, and when the builds have failed again and again, until one goes well.
  virtual Status WriteBatchDeferred(const arrow::RecordBatch& batch,
                                    const EmbeddingsView& embeddings) = 0;
  virtual Status WriteBatchDeferred(const arrow::RecordBatch& batch) = 0;
  /// The same with the index of WriteBatchIvfPq.
  virtual Status WriteBatchIvfPqDeferred(const arrow::RecordBatch& batch,
                                         const EmbeddingsView& embeddings,
                                         const std::optional<IvfPqConfig>& config = {}) = 0;

  /// WriteBatch, unless the batch is in the table already. Returns whether it was staged: false
  /// when a batch of this id was committed before, by any writer, or is staged in this one. Of
  /// writers that stage one id at the same time one commits it; the others' commits leave it out.
  ///
  /// The table remembers ids for 7 days, the last 4,096 of them (`tarn.batches.max-age-ms`,
  /// `tarn.batches.max-count`). Of ids of the form `producer:sequence`, with a decimal number, only
  /// ranges are kept, so that a producer that counts is remembered whole for as long as it is
  /// active. kBadInput for an id that is empty or longer than 1,024 bytes.
  virtual Result<bool> WriteBatchIdempotent(const arrow::RecordBatch& batch,
                                            const EmbeddingsView& embeddings,
                                            std::string_view batch_id) = 0;
  virtual Result<bool> WriteBatchIdempotent(const arrow::RecordBatch& batch,
                                            std::string_view batch_id) = 0;

  /// Stages the rows of a stream, whose batches hold the vector columns as Arrow lists, in as many
  /// files as they take; returns how many rows it staged. A file is full when its rows have the
  /// bytes of the table property `write.target-file-size-bytes` (512 MiB, at most 1 GiB) in memory,
  /// which the file seldom exceeds; however large the batches are, little more than the rows of one
  /// file is held beside them. Indexes are those of WriteBatch, or come later under
  /// TableWriterOptions::deferred. An error, of the stream or of its rows, stages none of them.
  virtual Result<int64_t> WriteStream(arrow::RecordBatchReader& batches) = 0;

  /// Publishes what is staged as one append snapshot, retrying lost races. Nothing staged: no new
  /// snapshot, returns the current id, 0 if there is none. On kCommitStateUnknown nothing is
  /// deleted and the staged files remain; calling again finds out whether they were committed.
  virtual Result<SnapshotId> Commit() = 0;

  /// Publishes what is staged in place of the rows for which `predicate` is true, in one snapshot:
  /// those of exactly the version that the commit replaces, as DeleteRows deletes them; staged rows
  /// themselves stay, whether they match or not. Nothing staged: deletes the rows that match;
  /// nothing matches either: no new snapshot. kBadInput for a predicate that does not fit the
  /// table: what was staged stays staged.
  ///
  /// Rows that match may be those that a batch with an id brought. So when all staged batches, and
  /// all that WriteBatchIdempotent refused since the last commit, are in the table already, nothing
  /// is replaced, and a pipeline may be run again from its start; when some are and others are not,
  /// the commit fails with kValidationFailed.
  ///
  /// On kCommitStateUnknown call it again with the same predicate, before staging more: if the rows
  /// were published after all, it returns their snapshot and deletes nothing. An earlier commit in
  /// doubt that turns out to have gone through is kValidationFailed otherwise, with nothing done
  /// beside it.
  virtual Result<SnapshotId> CommitOverwrite(const arrow::compute::Expression& predicate) = 0;

  /// Waits until this process has built the indexes that the table's committed files wait for: see
  /// tarn::WaitForIndexes.
  virtual Status WaitForIndexes(std::optional<std::chrono::milliseconds> timeout = {}) = 0;

  /// How long deferred writes of this writer have waited so far: TableWriterOptions::
  /// max_pending_bytes.
  virtual std::chrono::nanoseconds waited_for_indexes() const = 0;

  virtual int64_t staged_rows() const = 0;
};

}  // namespace tarn
