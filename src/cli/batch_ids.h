// SPDX-License-Identifier: Apache-2.0
//
// BatchIds: rows that carry the id of their batch, put together into batches. An id names a whole
// batch: the table takes each once, so a batch must never be handed over in parts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"
#include "tarn/status.h"

namespace tarn::cli {

struct IdBatch {
  std::string id;
  std::shared_ptr<arrow::RecordBatch> rows;
  int64_t first = 1;  ///< where it begins in the input
  int64_t count = 0;  ///< of its rows, bad ones included
  Status bad;         ///< why it cannot be accepted; then there are no `rows`
};

/// One thread at a time.
class BatchIds {
 public:
  /// `drop`: rows are handed on without the field.
  BatchIds(std::string field, bool drop) : field_(std::move(field)), drop_(drop) {}

  /// Adds rows; `first`: where they begin in the input, `step`: how far it goes on with each row
  /// (0: all of them are at one place). Appends the batches that this completes.
  Status Add(const std::shared_ptr<arrow::RecordBatch>& rows, int64_t first, int64_t step,
             std::vector<IdBatch>* complete);
  /// Adds what is no rows. It spoils the batches on both sides, as nobody knows whose it is.
  void AddBad(const Status& why, int64_t first, int64_t count);
  /// The batch at the end is complete.
  void Close(std::vector<IdBatch>* complete);

 private:
  struct Open {
    std::optional<std::string> id;
    std::vector<std::shared_ptr<arrow::RecordBatch>> parts;
    int64_t first = 1;
    int64_t count = 0;
    int64_t bytes = 0;
    Status bad;
    bool ends_bad = false;
    bool goes_on = false;  ///< seems to belong to the batch before the last Close
  };

  void AddRun(std::string id, std::shared_ptr<arrow::RecordBatch> rows, int64_t first,
              std::vector<IdBatch>* complete);
  void Emit(bool more, std::vector<IdBatch>* complete);

  const std::string field_;
  const bool drop_;
  std::optional<Open> open_;
  int64_t emitted_ = 0;              ///< since the last Close
  std::optional<std::string> last_;  ///< the id before that
  bool last_was_split_ = false;      ///< there were others with it
};

}  // namespace tarn::cli
