// SPDX-License-Identifier: Apache-2.0
//
// Rows for tests of whole tables: ids, words and vectors that follow from the ids, so that any row
// that comes back can be checked against what it must be.
#pragma once

#include <memory>
#include <vector>

#include "tarn/catalog.h"
#include "tarn/embeddings.h"

namespace tarn::testing {

inline constexpr int32_t kSampleDim = 8;

/// {id: int64 required, word: utf8}; ids from `first` on.
std::shared_ptr<arrow::RecordBatch> SampleBatch(int64_t first, int64_t rows);

/// The vector of an id, reproducible everywhere.
std::vector<float> SampleVector(int64_t id);

/// The vectors of ids [first, first + rows), row-major.
std::vector<float> SampleVectors(int64_t first, int64_t rows);

/// A table of such rows: column "embedding", euclidean.
TableProperties SampleProperties();

/// All ids of a table, ascending; every row's word and vector are checked on the way.
Result<std::vector<int64_t>> ReadSampleIds(std::shared_ptr<CatalogProvider> catalog,
                                           const TableIdent& table);

}  // namespace tarn::testing
