// SPDX-License-Identifier: Apache-2.0
//
// Which snapshot of a table to read, and under which schema. Pure functions of the metadata; what
// they point to lives as long as it.
#pragma once

#include <string>

#include "iceberg/table_metadata.h"

namespace tarn::iceberg {

/// What is read: `snapshot` is nullptr for a table without one.
struct ReadPoint {
  const Snapshot* snapshot = nullptr;
  const Schema* schema = nullptr;
};

/// The newest state of the table.
ReadPoint CurrentPoint(const TableMetadata& metadata);
/// A snapshot, under its own schema. kNotFound when the table does not have it (any more).
Result<ReadPoint> PointOfSnapshot(const TableMetadata& metadata, SnapshotId id);
/// The snapshot that was the current one at that time, under its own schema. kNotFound says how far
/// back the table's history goes.
Result<ReadPoint> PointAtTime(const TableMetadata& metadata, int64_t timestamp_ms);
/// A branch, under the table's schema, or a tag, under its snapshot's. kNotFound names the refs
/// there are.
Result<ReadPoint> PointOfRef(const TableMetadata& metadata, const std::string& name);

}  // namespace tarn::iceberg
