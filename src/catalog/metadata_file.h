// SPDX-License-Identifier: Apache-2.0
//
// Metadata files: what all catalogs share about the JSON file that is one version of a table.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "iceberg/table_metadata.h"
#include "tarn/store.h"

namespace tarn {

/// The properties that keep metadata small, for new tables: old metadata files are deleted, the
/// last hundred stay; writers expire snapshots by age and count (docs/adr/0013-retention.md). What
/// the caller set is kept.
void AddMetadataDefaults(std::map<std::string, std::string>& properties);

/// How many earlier metadata files a table remembers (`write.metadata.previous-versions-max`).
int64_t PreviousVersionsKept(const iceberg::TableMetadata& metadata);
/// `write.metadata.delete-after-commit.enabled`.
bool DeletesOldMetadata(const iceberg::TableMetadata& metadata);

/// Notes in `next` which file it replaces, and cuts its log to the length it may have. Returns the
/// files that left the log.
std::vector<std::string> LogPrevious(const iceberg::TableMetadata& previous,
                                     const std::string& previous_location,
                                     iceberg::TableMetadata& next);

/// "00012-<uuid>.metadata.json", as all catalogs but Hadoop's name them.
std::string NewMetadataFileName(int64_t version);
/// The number before the dash; -1 when the name is not of that form.
int64_t VersionOfMetadataFile(std::string_view location);

/// What a metadata file holds, also where it is packed (`.gz.metadata.json`).
Result<std::shared_ptr<const iceberg::TableMetadata>> ParseMetadataFile(
    std::string_view bytes, const std::string& location);
/// Reads and parses.
Result<std::shared_ptr<const iceberg::TableMetadata>> ReadMetadataFile(Store& store,
                                                                       const std::string& location);

}  // namespace tarn
