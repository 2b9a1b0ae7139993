// SPDX-License-Identifier: Apache-2.0
//
// SnapshotPlan: what a snapshot changes, as data. Appends, row deltas, overwrites, deletes and
// replacements differ in nothing else.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "iceberg/manifest.h"
#include "iceberg/snapshot.h"
#include "iceberg/table_requirement.h"
#include "iceberg/table_update.h"

namespace tarn::iceberg {

/// Values of the summary's "operation" (Iceberg specification, "Snapshots").
namespace operation {
inline constexpr char kAppend[] = "append";        ///< only data files came
inline constexpr char kReplace[] = "replace";      ///< the same rows in other files
inline constexpr char kOverwrite[] = "overwrite";  ///< rows came and went
inline constexpr char kDelete[] = "delete";        ///< rows went
}  // namespace operation

/// A data or delete file that a commit adds.
struct AddedFile {
  DataFile file;
  /// Set when the rows are older than the commit (rewritten files); else inherited from the commit.
  std::optional<int64_t> data_sequence_number;
  friend bool operator==(const AddedFile&, const AddedFile&) = default;
};

/// A live file that a commit takes away: a data file, a delete file, or, where `content_offset` is
/// set, one deletion vector of a Puffin file. The path is spelled as its manifest has it.
struct RemovedFile {
  std::string file_path;
  ManifestContent content = ManifestContent::kData;
  std::optional<int64_t> content_offset;
  friend auto operator<=>(const RemovedFile&, const RemovedFile&) = default;

  static RemovedFile Of(const DataFile& file);
};

struct SnapshotPlan {
  std::string operation = operation::kAppend;
  std::string branch = kMainBranch;
  std::vector<AddedFile> added;
  std::vector<RemovedFile> removed;
  std::map<std::string, std::string> summary;  ///< added to the standard counts
};

/// What one attempt commits: apply all of it in one swap.
struct SnapshotChange {
  std::vector<TableRequirement> requirements;
  std::vector<TableUpdate> updates;
  Snapshot snapshot;
};

}  // namespace tarn::iceberg
