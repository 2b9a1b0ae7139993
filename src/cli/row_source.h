// SPDX-License-Identifier: Apache-2.0
//
// RowSource: the rows of a stream, as they come: NDJSON or Arrow IPC.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"
#include "cli/live_input.h"
#include "tarn/status.h"

namespace tarn::cli {

/// What came together.
struct RowPiece {
  std::shared_ptr<arrow::RecordBatch> rows;  ///< nullptr: none, or `bad`
  Status bad;                                ///< kBadInput: why these are no rows of the table
  int64_t first = 1;                         ///< the number of its first line, or of its batch
  int64_t count = 0;                         ///< rows, or lines where they are bad
  bool ends_batch = false;                   ///< what comes next belongs to another batch
};

struct RowSourceOptions {
  /// NDJSON: lines of a piece at most, and how long to wait for the next one; ten times as long for
  /// all of them.
  int64_t most_lines = std::numeric_limits<int64_t>::max();
  std::chrono::milliseconds wait{10};
  bool single_bad_lines = false;  ///< instead of a bad piece: its lines one by one
  /// A field that rows have though the table may lack it; empty: none.
  std::string beside;
  /// The vector columns of the table, or of the one that is going to be made.
  std::function<std::vector<std::string>()> vector_columns;
  /// The table's schema, as it is now; nullptr: it has none yet.
  std::function<Result<std::shared_ptr<arrow::Schema>>()> table_schema;
};

/// One thread at a time.
class RowSource {
 public:
  virtual ~RowSource() = default;
  /// The next piece; nullopt when the input is at its end (after a piece that ends the last batch)
  /// or a stop was requested. An error: no more can be read.
  virtual Result<std::optional<RowPiece>> Next() = 0;
  /// Rows of the first pieces were refused: what they suggested about types counts no more.
  virtual void ForgetTypes() {}
  /// What RowPiece::first counts: "line" or "batch".
  virtual const char* unit() const = 0;
};

/// Lines of JSON objects. A piece ends at an empty line, at a limit, and where the producer pauses.
/// `input` must outlive the source.
std::unique_ptr<RowSource> MakeNdjsonSource(LiveInput& input, RowSourceOptions options);

/// One Arrow IPC stream, or several one after the other; each record batch is a piece.
std::unique_ptr<RowSource> MakeArrowSource(LiveInput& input);

}  // namespace tarn::cli
