// SPDX-License-Identifier: Apache-2.0
//
// The options by which a new table's vector columns are described, shared by create, ingest and
// stream, and what their writers do with vectors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"
#include "tarn/catalog.h"
#include "tarn/table_writer.h"

namespace CLI {
class App;
}

namespace tarn::cli {

/// NAME:DIM[:METRIC[:PRECISION]], as --add-vector takes it. kBadInput says what is wrong.
Result<VectorStoragePolicy> ParseVectorColumn(const std::string& text);

/// The dimension of a list column, from its first row that has a vector. kBadInput without one.
Result<int32_t> VectorLength(const arrow::RecordBatch& batch, const std::string& column);

/// "error", "null" or "drop".
Result<OnBadVectors> ParseOnBadVectors(const std::string& text);
/// The name of an index type; nullopt for "none".
Result<std::optional<IndexType>> ParseIndexChoice(const std::string& text);

struct VectorOptions {
  std::string column;
  int32_t dim = 0;
  std::string metric = "cosine";
  std::string precision = "f32";
  bool no_raw = false;
  std::vector<std::string> further;  ///< NAME:DIM[:METRIC[:PRECISION]]
  HnswConfig hnsw;
  IvfPqConfig ivf_pq;
  std::vector<std::string> properties;  ///< KEY=VALUE

  void AddTo(CLI::App& command);

  /// kBadInput names the option that is wrong. Without a column: a plain table.
  Result<TableProperties> ToProperties() const;
};

}  // namespace tarn::cli
