// SPDX-License-Identifier: Apache-2.0
//
// A ReadView of a version of a table that is already at hand: what a commit looks at is exactly
// what it replaces.
#pragma once

#include <memory>

#include "iceberg/manifest_io.h"
#include "tarn/read_view.h"

namespace tarn {

/// `live`: the live files of the state's current snapshot, in which order they become the view's
/// files().
Result<std::shared_ptr<const ReadView>> OpenViewOf(std::shared_ptr<CatalogProvider> catalog,
                                                   TableState state, iceberg::LiveFiles live,
                                                   std::shared_ptr<FileCache> cache);

}  // namespace tarn
