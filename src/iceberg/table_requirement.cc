// SPDX-License-Identifier: Apache-2.0
#include "iceberg/table_requirement.h"

#include <string>

namespace tarn::iceberg {
namespace {

using namespace requirement;  // the alternatives, named in full in the header

/// kValidationFailed unless both numbers are the same.
template <typename Expected, typename Found>
Status Same(std::string_view what, const Expected& expected, const Found& found) {
  if (expected == found) return Status::OK();
  return Error(ErrorKind::kValidationFailed, "the table's ", what, " is ", found, ", expected ",
               expected);
}

struct Checker {
  const TableMetadata& table;

  Status operator()(const AssertCreate&) const {
    return Error(ErrorKind::kValidationFailed, "the table exists already");
  }
  Status operator()(const AssertTableUuid& check) const {
    return Same("uuid", check.uuid, table.table_uuid);
  }
  Status operator()(const AssertRefSnapshotId& check) const {
    const auto ref = table.refs.find(check.ref);
    if (ref == table.refs.end()) {
      if (!check.snapshot_id) return Status::OK();
      return Error(ErrorKind::kValidationFailed, "ref '", check.ref,
                   "' does not exist, expected it at ", *check.snapshot_id);
    }
    const SnapshotId found = ref->second.snapshot_id;
    if (!check.snapshot_id) {
      return Error(ErrorKind::kValidationFailed, "ref '", check.ref, "' exists already, at ",
                   found);
    }
    return Same("ref '" + check.ref + "'", *check.snapshot_id, found);
  }
  Status operator()(const AssertLastAssignedFieldId& check) const {
    return Same("last assigned field id", check.last_assigned_field_id, table.last_column_id);
  }
  Status operator()(const AssertCurrentSchemaId& check) const {
    return Same("current schema id", check.current_schema_id, table.current_schema_id);
  }
  Status operator()(const AssertLastAssignedPartitionId& check) const {
    return Same("last assigned partition id", check.last_assigned_partition_id,
                table.last_partition_id);
  }
  Status operator()(const AssertDefaultSpecId& check) const {
    return Same("default partition spec id", check.default_spec_id, table.default_spec_id);
  }
  Status operator()(const AssertDefaultSortOrderId& check) const {
    return Same("default sort order id", check.default_sort_order_id, table.default_sort_order_id);
  }
};

struct Namer {
  std::string_view operator()(const AssertCreate&) const { return "assert-create"; }
  std::string_view operator()(const AssertTableUuid&) const { return "assert-table-uuid"; }
  std::string_view operator()(const AssertRefSnapshotId&) const { return "assert-ref-snapshot-id"; }
  std::string_view operator()(const AssertLastAssignedFieldId&) const {
    return "assert-last-assigned-field-id";
  }
  std::string_view operator()(const AssertCurrentSchemaId&) const {
    return "assert-current-schema-id";
  }
  std::string_view operator()(const AssertLastAssignedPartitionId&) const {
    return "assert-last-assigned-partition-id";
  }
  std::string_view operator()(const AssertDefaultSpecId&) const { return "assert-default-spec-id"; }
  std::string_view operator()(const AssertDefaultSortOrderId&) const {
    return "assert-default-sort-order-id";
  }
};

}  // namespace

std::string_view RequirementName(const TableRequirement& requirement) {
  return std::visit(Namer{}, requirement.check);
}

Status CheckRequirements(const std::vector<TableRequirement>& requirements,
                         const TableMetadata* metadata) {
  for (const auto& requirement : requirements) {
    Status status;
    if (metadata != nullptr) {
      status = std::visit(Checker{*metadata}, requirement.check);
    } else if (!std::holds_alternative<AssertCreate>(requirement.check)) {
      status = Error(ErrorKind::kValidationFailed, "the table does not exist");
    }
    if (!status.ok()) return WithContext(status, RequirementName(requirement));
  }
  return Status::OK();
}

}  // namespace tarn::iceberg
