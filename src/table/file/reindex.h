// SPDX-License-Identifier: Apache-2.0
//
// New indexes for a file that is already written, by Tarn or by another engine: its row groups are
// copied byte for byte into a new file, nothing is encoded as Parquet again. Where another engine
// wrote the pages, exact vectors are kept beside the index (docs/adr/0016-files-of-others.md).
#pragma once

#include <map>
#include <string>

#include "table/file/index_request.h"
#include "tarn/ailake_file.h"
#include "tarn/store.h"

namespace tarn {

/// Writes `to`: the rows and page maps of `from`, the asked indexes for the columns named, and the
/// indexes that the others already have. `from` stays as it is. Nothing is visible under `to`
/// unless the call succeeds. A column without a page map takes its policy from the request; its
/// rows that are no vectors under it stay as they are, and are no neighbours. kNotFound for a
/// column that the file does not have; kNotSupported for one that is no list of floats as Parquet
/// writes them today; kAlreadyExists.
Result<WrittenFile> ReindexFile(Store& store, const std::string& from, const std::string& to,
                                const std::map<std::string, IndexRequest>& columns);

}  // namespace tarn
