// SPDX-License-Identifier: Apache-2.0
//
// Snapshots and refs inside table metadata. Private to the _json files.
#pragma once

#include <string>

#include "iceberg/json_fields.h"
#include "iceberg/table_metadata.h"

namespace tarn::iceberg {

Json SnapshotJson(const Snapshot& snapshot, int32_t format_version);
Result<Snapshot> SnapshotOf(const Json& json, const std::string& where);
Json RefJson(const SnapshotRef& ref);
Result<SnapshotRef> RefOf(const Json& json, const std::string& where);
Result<SnapshotLogEntry> SnapshotLogEntryOf(const Json& json, const std::string& where);

}  // namespace tarn::iceberg
