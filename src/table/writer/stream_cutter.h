// SPDX-License-Identifier: Apache-2.0
//
// StreamCutter: a stream of batches of any size as batches of which each makes one file.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"
#include "iceberg/table_metadata.h"
#include "tarn/types.h"

namespace tarn {

/// Holds the rows of one file, and the batch of the stream that is being cut. One thread at a time.
class StreamCutter {
 public:
  /// `write.target-file-size-bytes`, at least 1 and at most 1 GiB; default 512 MiB.
  static int64_t TargetOf(const iceberg::TableMetadata& metadata);

  /// `batches` must outlive it. `vectors`: the table's; where the stream has such a column, each
  /// row of it counts with four bytes a dimension.
  StreamCutter(arrow::RecordBatchReader& batches, std::span<const VectorStoragePolicy> vectors,
               int64_t target_bytes);

  /// The next rows, as few as have the target's bytes, in the stream's order; nullptr at its end.
  /// Bytes are those that the rows take in memory, in the form they are stored in, all dictionaries
  /// and runs unfolded. Types that cannot be stored are passed on, for the writer to refuse.
  Result<std::shared_ptr<arrow::RecordBatch>> Next();

 private:
  Status Refill();
  Result<int64_t> BytesOf(const arrow::RecordBatch& rows) const;
  Status TakeSome();

  arrow::RecordBatchReader& batches_;
  std::shared_ptr<arrow::Schema> schema_;              ///< of what is given out
  std::vector<std::shared_ptr<arrow::Field>> stored_;  ///< to convert to; nullptr: stays
  std::vector<bool> is_vector_;
  int64_t vector_bytes_ = 0;  ///< of one row
  const int64_t target_bytes_;

  std::shared_ptr<arrow::RecordBatch> read_;  ///< as it came; nullptr: at an end
  int64_t read_rows_ = 0;                     ///< of it that went on
  std::shared_ptr<arrow::RecordBatch> rows_;  ///< the part that is being cut, converted
  int64_t bytes_ = 0;                         ///< of `rows_`
  std::vector<std::shared_ptr<arrow::RecordBatch>> taken_;
  int64_t taken_bytes_ = 0;
};

}  // namespace tarn
