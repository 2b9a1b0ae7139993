// SPDX-License-Identifier: Apache-2.0
//
// The counts in a snapshot's summary: what it adds, what it takes away, and what there is in all.
// Source: the Iceberg table specification, appendix "Optional Snapshot Summary Fields".
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "iceberg/manifest.h"
#include "iceberg/snapshot.h"

namespace tarn::iceberg {

/// What a set of files adds up to.
struct FileCounts {
  int64_t data_files = 0;
  int64_t records = 0;
  int64_t delete_files = 0;
  int64_t deletion_vectors = 0;  ///< among the delete files
  int64_t position_deletes = 0;
  int64_t equality_deletes = 0;
  int64_t bytes = 0;

  void Add(const DataFile& file);
  void Add(const FileCounts& other);
};

/// The counts for a snapshot with this parent (nullptr: the first). `before`: the lines of the
/// parent's manifest list, from which a parent without totals is counted as far as that goes: what
/// cannot be known is left out.
std::map<std::string, std::string> SummaryCounts(const Snapshot* parent,
                                                 const std::vector<ManifestFile>& before,
                                                 const FileCounts& added,
                                                 const FileCounts& removed);

}  // namespace tarn::iceberg
