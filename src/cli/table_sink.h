// SPDX-License-Identifier: Apache-2.0
//
// Where a command's rows go: an aligned table on standard output, NDJSON, or a Parquet file.
#pragma once

#include <memory>
#include <ostream>
#include <string>

#include "arrow/type_fwd.h"
#include "tarn/status.h"

namespace CLI {
class App;
}

namespace tarn::cli {

struct SinkOptions {
  bool json = false;
  std::string out;        ///< a Parquet file to make
  size_t max_width = 60;  ///< of an aligned cell; 0: never cut

  /// Adds --json, --out and --width.
  void AddTo(CLI::App& command);
};

/// Receives batches of one schema. One thread at a time.
class TableSink {
 public:
  /// kAlreadyExists when the Parquet file is there already. `text` must outlive the sink.
  static Result<std::unique_ptr<TableSink>> Open(const SinkOptions& options,
                                                 std::shared_ptr<arrow::Schema> schema,
                                                 std::ostream& text);
  virtual ~TableSink() = default;
  virtual Status Write(const arrow::RecordBatch& batch) = 0;
  virtual Status Close() = 0;
};

}  // namespace tarn::cli
