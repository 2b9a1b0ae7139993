// SPDX-License-Identifier: Apache-2.0
//
// Which tables a writer can write, and whether one that exists is the one that a caller means.
#pragma once

#include <vector>

#include "tarn/catalog.h"

namespace tarn {

/// kNotSupported: another format version than 2, or partitioned.
Status CheckWritable(const TableState& state);

/// Whether a table may be written by somebody who knows it by these policies: each is of a column
/// that the table has or once had, under this name, and says of one that it still has what the
/// table says. The first is of the table's primary vector column, into which embeddings go that are
/// given without a name. Columns that came later are no obstacle. kBadInput names the policy that
/// does not fit.
Status CheckPolicies(const TableState& state, const std::vector<VectorStoragePolicy>& policies);

}  // namespace tarn
