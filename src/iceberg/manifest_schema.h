// SPDX-License-Identifier: Apache-2.0
//
// The Avro schemas of the manifests and manifest lists that we write: fields, order, nullability
// and ids of the reference implementation.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "iceberg/partition.h"

namespace tarn::iceberg {

/// `partition` is the struct of the spec's partition values (PartitionType).
std::string ManifestEntrySchemaJson(int32_t format_version,
                                    const std::vector<NestedField>& partition);
std::string ManifestListSchemaJson(int32_t format_version);

/// The spec's fields array, as the header key "partition-spec" holds it.
std::string PartitionFieldsToJson(const std::vector<PartitionField>& fields);
Result<std::vector<PartitionField>> PartitionFieldsFromJson(const std::string& json,
                                                            const std::string& name);

}  // namespace tarn::iceberg
