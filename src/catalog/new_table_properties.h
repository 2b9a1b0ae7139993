// SPDX-License-Identifier: Apache-2.0
//
// What every new table is told about keeping its metadata small, in whatever catalog it is made
// (docs/adr/0013-retention.md).
#pragma once

#include <map>
#include <string>

namespace tarn {

/// Adds the properties that the caller did not give: old metadata files are deleted after a commit,
/// and writers expire snapshots by age and count.
void AddNewTableProperties(std::map<std::string, std::string>* properties);

}  // namespace tarn
