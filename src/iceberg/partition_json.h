// SPDX-License-Identifier: Apache-2.0
//
// Partition specs and sort orders inside larger documents. Private to the _json files.
#pragma once

#include <string>
#include <vector>

#include "iceberg/json_fields.h"
#include "iceberg/partition.h"

namespace tarn::iceberg {

/// The fields array alone, as manifests and version 1 metadata hold it.
Json PartitionFieldsJson(const std::vector<PartitionField>& fields);
/// Takes a whole spec too (some writers put one where the array belongs).
Result<std::vector<PartitionField>> PartitionFieldsOf(const Json& json, const std::string& where);
Json SpecJson(const PartitionSpec& spec);
Result<PartitionSpec> SpecOf(const Json& json, const std::string& where);
Json SortOrderJson(const SortOrder& order);
Result<SortOrder> SortOrderOf(const Json& json, const std::string& where);

}  // namespace tarn::iceberg
