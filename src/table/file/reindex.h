// SPDX-License-Identifier: Apache-2.0
//
// New indexes for a file that is already written: its row groups are copied byte for byte into a
// new file, nothing is decoded into Parquet again.
#pragma once

#include <map>
#include <string>

#include "table/file/index_request.h"
#include "tarn/ailake_file.h"
#include "tarn/store.h"

namespace tarn {

/// Writes `to`: the rows and page maps of `from`, the asked indexes for the columns named, and the
/// indexes that the others already have. `from` stays as it is. Nothing is visible under `to`
/// unless the call succeeds. kNotSupported when `from` is not a file of ours; kNotFound for a
/// column that it does not have; kAlreadyExists.
Result<WrittenFile> ReindexFile(Store& store, const std::string& from, const std::string& to,
                                const std::map<std::string, IndexRequest>& columns);

}  // namespace tarn
