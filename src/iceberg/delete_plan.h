// SPDX-License-Identifier: Apache-2.0
//
// Which delete files apply to which data files of a snapshot. Pure: nothing is read.
// Source: the Iceberg table specification, "Scan Planning". Where it and the reference
// implementation differ on damaged tables (a deletion vector older than its data file, two vectors
// of one file) the table is refused, as the reference does.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "iceberg/manifest.h"
#include "iceberg/partition.h"

namespace tarn::iceberg {

inline constexpr char kPuffinFormat[] = "PUFFIN";

/// Whether a delete file is a deletion vector: a blob of a Puffin file.
bool IsDeletionVector(const DataFile& file);

/// The location of the one data file that a position delete file or deletion vector is about:
/// `referenced_data_file`, or bounds of its paths that are equal; nullopt when it may be about
/// several.
std::optional<std::string> ReferencedDataFile(const DataFile& file);

/// What to read for one data file: numbers of delete entries, ascending.
struct FileDeletes {
  std::optional<size_t> vector;    ///< a deletion vector; then there are no `positions`
  std::vector<size_t> positions;   ///< position delete files
  std::vector<size_t> equalities;  ///< equality delete files
  bool empty() const { return !vector && positions.empty() && equalities.empty(); }
  friend bool operator==(const FileDeletes&, const FileDeletes&) = default;
};

/// Two locations name the same file when this gives the same text for both.
using LocationKey = std::function<std::string(const std::string& location)>;

/// One answer for each data entry. Entries must be live and have sequence numbers (as ReadLiveFiles
/// gives them). kCorrupt names the delete file: a vector without place or data file, an equality
/// delete without field ids, an unknown partition spec.
Result<std::vector<FileDeletes>> PlanDeletes(const std::vector<PartitionSpec>& specs,
                                             std::span<const ManifestEntry> data,
                                             std::span<const ManifestEntry> deletes,
                                             const LocationKey& key);

}  // namespace tarn::iceberg
