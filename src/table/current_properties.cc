// SPDX-License-Identifier: Apache-2.0
#include "table/current_properties.h"

#include <algorithm>
#include <vector>

namespace tarn {
namespace {

/// The column that had the name when a column last had it.
const iceberg::NestedField* FindEarlier(const iceberg::TableMetadata& metadata,
                                        const std::string& name) {
  const iceberg::NestedField* found = nullptr;
  int32_t newest = -1;
  for (const auto& schema : metadata.schemas) {
    const auto* field = schema.FindColumn(name);
    if (field == nullptr || schema.schema_id <= newest) continue;
    found = field;
    newest = schema.schema_id;
  }
  return found;
}

}  // namespace

Result<TableProperties> CurrentProperties(const iceberg::TableMetadata& metadata) {
  ARROW_ASSIGN_OR_RAISE(auto properties, TableProperties::FromIceberg(metadata.properties));
  const iceberg::Schema& current = metadata.CurrentSchema();
  std::vector<VectorStoragePolicy> renamed;
  std::erase_if(properties.vectors, [&](VectorStoragePolicy& policy) {
    if (current.FindColumn(policy.column_name) != nullptr) return false;
    const auto* earlier = FindEarlier(metadata, policy.column_name);
    if (earlier == nullptr) return false;
    const auto now = std::find_if(current.fields.begin(), current.fields.end(),
                                  [&](const auto& field) { return field.id == earlier->id; });
    if (now == current.fields.end()) return true;
    policy.column_name = now->name;
    renamed.push_back(policy);
    return false;
  });
  std::erase_if(properties.vectors, [&](const VectorStoragePolicy& policy) {
    return std::any_of(renamed.begin(), renamed.end(), [&](const auto& other) {
      return other.column_name == policy.column_name && !(other == policy);
    });
  });
  return properties;
}

}  // namespace tarn
