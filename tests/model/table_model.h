// SPDX-License-Identifier: Apache-2.0
//
// TableModel: a table as a child would keep it, to compare the real one with. Rows are known by
// their ids; every value follows from the id and the column.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"
#include "tarn/embeddings.h"
#include "tarn/types.h"

namespace tarn {

/// A column of numbers, beside "id". Its number stays when it is renamed.
struct ModelColumn {
  int number = 0;
  std::string name;
  bool wide = false;  ///< int64, else int32
};

class TableModel {
 public:
  static constexpr int32_t kDim = 4;

  struct Row {
    std::set<int> columns;  ///< numbers of the columns it was written with
  };
  using Rows = std::map<int64_t, Row>;

  static int32_t ValueOf(int64_t id, int column);
  static std::vector<float> VectorOf(int64_t id);

  /// New rows under the present columns: the batch, its vectors, and what they are in the model.
  struct Batch {
    std::shared_ptr<arrow::RecordBatch> batch;
    EmbeddingsView vectors;
    /// `batch` with the vectors as a column.
    std::shared_ptr<arrow::RecordBatch> whole;
    Rows rows;
  };
  Batch NewBatch(int64_t count);

  /// All rows with all columns, as the real table must give them, ordered by id.
  std::string ToText(const Rows& rows) const;
  /// The same of what was read: "id", the model's columns by name; other columns are left out.
  std::string ToText(const arrow::Table& read) const;

  Rows rows;
  std::vector<ModelColumn> columns;
  int next_column = 0;
  int64_t next_id = 0;
  std::set<std::string> batch_ids;
  std::map<SnapshotId, std::set<int64_t>> history;  ///< ids of each snapshot that is still there
};

}  // namespace tarn
