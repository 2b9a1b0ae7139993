// SPDX-License-Identifier: Apache-2.0
//
// StreamSink: the table end of `tarn stream`. It opens the table, makes it if it is missing, hands
// batches to a MemTableWriter and keeps count.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cli/app.h"
#include "cli/progress.h"
#include "cli/vector_options.h"
#include "tarn/mem_table_writer.h"

namespace tarn::cli {

/// The options of the writer.
struct SinkSettings {
  VectorOptions vectors;  ///< of a table that is made
  int64_t flush_rows = 100'000;
  double flush_mb = 64;
  double flush_interval_seconds = 30;
  double memory_mb = 256;
  std::string sync = "every";
  std::string on_bad_vectors = "error";
  std::string index = "hnsw";
  std::string log_folder;
  int threads = 0;

  void AddTo(CLI::App& command);
  Result<MemTableConfig> ToConfig() const;
};

/// One thread at a time.
class StreamSink {
 public:
  /// Opens the table if there is one, and takes up what earlier streams left in their logs.
  static Result<std::unique_ptr<StreamSink>> Open(Session& session, const TableIdent& table,
                                                  const SinkSettings& settings);

  /// The table's, as it is now; nullptr while it has none.
  Result<std::shared_ptr<arrow::Schema>> Schema() const;
  /// The vector columns of the table, or of the one that is going to be made.
  std::vector<std::string> VectorColumns() const;

  /// As MemTableWriter::Insert. Makes the table before its first batch.
  Result<InsertResult> Insert(const arrow::RecordBatch& rows, const std::string& batch_id);
  /// Shows how things are on a terminal; says when flushes begin to fail.
  void Idle();
  /// Flushes, and says on `err` what became of it all.
  Status Close();

  int64_t accepted_batches() const { return batches_; }

 private:
  StreamSink(Session& session, const TableIdent& table, const SinkSettings& settings);
  Status OpenWriter();
  Status MakeTable(const arrow::RecordBatch& first);
  Status CheckVectors() const;
  std::string StatusLine() const;
  void Summarise(const MemTableMetrics& metrics);

  Session& session_;
  const TableIdent table_;
  const SinkSettings settings_;
  MemTableConfig config_;
  std::shared_ptr<CatalogProvider> catalog_;
  std::unique_ptr<MemTableWriter> writer_;  ///< nullptr until there is a table
  Progress progress_;
  std::string last_error_;  ///< of a flush, as it was said
  int64_t rows_ = 0;
  int64_t batches_ = 0;
  int64_t known_rows_ = 0;
  int64_t known_batches_ = 0;
};

}  // namespace tarn::cli
