// SPDX-License-Identifier: Apache-2.0
//
// Whether a request can be answered, before any work is done.
#pragma once

#include <span>

#include "tarn/search_session.h"

namespace tarn {

/// The policy of the column that is searched. kBadInput: no such vector column.
Result<VectorStoragePolicy> ChoosePolicy(const ReadView& view, const std::string& column);

/// kBadInput: k = 0, another dimension, a value that is not finite, a zero query under cosine.
Status CheckQuery(std::span<const float> query, uint32_t k, const VectorStoragePolicy& policy);

/// kBadInput: the request's filter is of another snapshot.
Status CheckFilter(const ReadView& view, const SearchRequest& request);

/// The columns of the answer: those asked for (kBadInput for an unknown one), or all but the
/// vectors.
Result<std::vector<std::string>> ChooseColumns(const ReadView& view,
                                               const std::vector<std::string>& asked);

}  // namespace tarn
