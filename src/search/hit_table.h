// SPDX-License-Identifier: Apache-2.0
//
// Hits as the Arrow table that a caller sees: the asked columns, then `_distance`, `_file`, `_pos`.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"
#include "tarn/search_session.h"

namespace tarn {

/// Reads the columns of the hits' rows, file by file, and puts the rows back in the hits' order.
Result<std::shared_ptr<arrow::Table>> ReadHits(const ReadView& view,
                                               std::span<const SearchHit> hits,
                                               const std::vector<std::string>& columns);

/// The same for one answer a query, one after the other, with the query's number as the first
/// column
/// `_query` (int32).
Result<std::shared_ptr<arrow::Table>> ReadBatchHits(const ReadView& view,
                                                    std::span<const std::vector<SearchHit>> answers,
                                                    const std::vector<std::string>& columns);

}  // namespace tarn
