// SPDX-License-Identifier: Apache-2.0
//
// Rows from the files people have: Parquet, Arrow IPC (file or stream), NDJSON, CSV.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "arrow/type_fwd.h"
#include "tarn/status.h"

namespace tarn::cli {

enum class InputFormat { kDetect, kParquet, kArrow, kNdjson, kCsv };

/// "auto", "parquet", "arrow", "ndjson" (or "json", "jsonl"), "csv".
Result<InputFormat> ParseInputFormat(const std::string& name);

struct BatchInput {
  std::shared_ptr<arrow::RecordBatchReader> reader;
  /// Where the format says it up front.
  std::optional<int64_t> total_rows;
};

/// Opens a file, or standard input for "-". Without a format it is told by the first bytes, then by
/// the name's ending. Standard input is streamed for every format but Parquet and Arrow files,
/// which are read whole first. kNotFound, kBadInput naming the file and what is wrong with it.
Result<BatchInput> OpenBatchInput(const std::string& path, InputFormat format);

/// Passes on the rows of `input` in batches of `rows` (the last may be shorter).
std::shared_ptr<arrow::RecordBatchReader> Rebatch(std::shared_ptr<arrow::RecordBatchReader> input,
                                                  int64_t rows);

}  // namespace tarn::cli
