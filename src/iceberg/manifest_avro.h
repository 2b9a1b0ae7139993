// SPDX-License-Identifier: Apache-2.0
//
// Manifests and manifest lists as Avro container files. Written with the field order, nullability
// and field ids of the reference implementation (other readers depend on all three); read by field
// id from whatever schema the writer chose. `name` is the file named in messages; broken bytes are
// kCorrupt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "iceberg/manifest.h"

namespace tarn::iceberg {

/// kBadInput when an entry breaks a rule of the format: an EXISTING or DELETED entry without
/// sequence numbers, partition values that do not fit the spec.
Result<std::string> ManifestToAvro(const Manifest& manifest);
/// Sequence numbers, snapshot ids and first row ids are as stored: see InheritFrom.
Result<Manifest> ManifestFromAvro(std::span<const std::byte> bytes, std::string_view name);

/// Fills in what entries inherit from their line in the list: sequence numbers and snapshot id of
/// ADDED entries, the spec id, v3 row ids. kCorrupt for an EXISTING or DELETED entry without
/// sequence numbers in a manifest of version 2 or later.
Status InheritFrom(const ManifestFile& line, std::string_view name, Manifest* manifest);

struct ManifestListHeader {
  int32_t format_version = 2;
  SnapshotId snapshot_id;
  std::optional<SnapshotId> parent_snapshot_id;
  int64_t sequence_number = 0;
  std::optional<int64_t> first_row_id;  ///< v3
};

Result<std::string> ManifestListToAvro(const ManifestListHeader& header,
                                       const std::vector<ManifestFile>& manifests);
Result<std::vector<ManifestFile>> ManifestListFromAvro(std::span<const std::byte> bytes,
                                                       std::string_view name);

}  // namespace tarn::iceberg
