// SPDX-License-Identifier: Apache-2.0
//
// TableRequirement: what must still hold of a table for a commit to go through, as data. The eight
// requirements of the REST catalog protocol.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "iceberg/table_metadata.h"

namespace tarn::iceberg {

namespace requirement {

/// The table does not exist.
struct AssertCreate {};
struct AssertTableUuid {
  std::string uuid;
};
/// The ref names this snapshot; nullopt: the ref does not exist.
struct AssertRefSnapshotId {
  std::string ref;
  std::optional<SnapshotId> snapshot_id;
};
struct AssertLastAssignedFieldId {
  int32_t last_assigned_field_id = 0;
};
struct AssertCurrentSchemaId {
  int32_t current_schema_id = 0;
};
struct AssertLastAssignedPartitionId {
  int32_t last_assigned_partition_id = 0;
};
struct AssertDefaultSpecId {
  int32_t default_spec_id = 0;
};
struct AssertDefaultSortOrderId {
  int32_t default_sort_order_id = 0;
};

}  // namespace requirement

struct TableRequirement {
  std::variant<requirement::AssertCreate, requirement::AssertTableUuid,
               requirement::AssertRefSnapshotId, requirement::AssertLastAssignedFieldId,
               requirement::AssertCurrentSchemaId, requirement::AssertLastAssignedPartitionId,
               requirement::AssertDefaultSpecId, requirement::AssertDefaultSortOrderId>
      check;
};

/// The protocol's name of the requirement, e.g. "assert-ref-snapshot-id".
std::string_view RequirementName(const TableRequirement& requirement);

/// kValidationFailed says which requirement fails and what was found. `metadata` is nullptr when
/// the table does not exist.
Status CheckRequirements(const std::vector<TableRequirement>& requirements,
                         const TableMetadata* metadata);

}  // namespace tarn::iceberg
