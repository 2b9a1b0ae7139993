// SPDX-License-Identifier: Apache-2.0
//
// MovedDeletes: the position deletes of files that a commit replaces, pointed at the new files.
// Whatever a snapshot deletes by position from the old file is deleted from the new one; equality
// deletes need nothing, since the new file is as old as the old one.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "iceberg/delete_plan.h"
#include "iceberg/manifest_io.h"
#include "iceberg/snapshot_plan.h"
#include "iceberg/table_metadata.h"
#include "tarn/store.h"

namespace tarn {

/// Keeps what it wrote for later attempts. One thread at a time. What no committed plan names is
/// for the caller to delete: see written().
class MovedDeletes {
 public:
  explicit MovedDeletes(std::shared_ptr<Store> store) : store_(std::move(store)) {}

  /// Adds to `plan` what moving the row positions of the live entry `live.data[number]` to the file
  /// at `location` takes: a new delete file, and the removal of delete files of the old file alone.
  /// `deletes`: PlanDeletes' answer for that entry. kNotSupported for deletion vectors.
  Status Move(const iceberg::TableMetadata& metadata, const iceberg::LiveFiles& live, size_t number,
              const iceberg::FileDeletes& deletes, const std::string& location,
              iceberg::SnapshotPlan* plan);

  /// Store paths of every delete file written so far, by location.
  const std::map<std::string, std::string>& written() const { return written_; }

 private:
  Result<std::vector<int64_t>> PositionsIn(const std::string& delete_file,
                                           const std::string& data_file);
  Result<iceberg::DataFile> Write(const iceberg::TableMetadata& metadata,
                                  const std::string& location,
                                  const std::vector<int64_t>& positions);

  std::shared_ptr<Store> store_;
  /// By new data file and the delete files it comes from.
  std::map<std::pair<std::string, std::vector<std::string>>, iceberg::DataFile> moved_;
  std::map<std::string, std::string> written_;
};

}  // namespace tarn
