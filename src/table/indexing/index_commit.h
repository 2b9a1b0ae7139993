// SPDX-License-Identifier: Apache-2.0
//
// IndexCommit: files with an index take the place of the same files without one. The rows stay the
// same, in the same order, and as old as they were: a new file carries the data sequence number of
// the old, so that the same deletes apply.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "catalog/append.h"
#include "iceberg/manifest.h"
#include "table/indexing/index_backlog.h"
#include "table/indexing/moved_deletes.h"

namespace tarn {

/// A file that was built to replace another.
struct BuiltIndex {
  iceberg::ManifestEntry old;          ///< as it was when the build began
  std::string path;                    ///< of the new file, in the store
  iceberg::DataFile file;              ///< the new one
  std::vector<BacklogColumn> columns;  ///< that were indexed
  /// Fingerprints of the codebooks, by the column's name in the file.
  std::map<std::string, std::string> codebooks = {};
  bool replaced = false;  ///< by the newest plan
  Status hindrance = {};  ///< why the newest plan left it out, though its old file is live
};

/// The replacement of all built files whose old ones are live in `base`, position deletes included;
/// of the others, somebody else disposed, and `replaced` says so. A file whose position deletes
/// cannot be read or moved is left out too: see its `hindrance`. Empty when there is none. `rest`:
/// properties to set and to find; its files and schema are ignored.
Result<CommitPlan> PlanIndexCommit(Store& store, const TableState& base, const AppendCommit& rest,
                                   MovedDeletes* moved, std::vector<BuiltIndex>* built);

}  // namespace tarn
