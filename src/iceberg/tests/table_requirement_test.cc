// SPDX-License-Identifier: Apache-2.0
#include "iceberg/table_requirement.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tarn::iceberg {
namespace {

using namespace requirement;
using testing::HasSubstr;

TableMetadata Table() {
  TableMetadata table;
  table.table_uuid = "u";
  table.refs["main"].snapshot_id = SnapshotId(5);
  table.last_column_id = 7;
  table.current_schema_id = 2;
  table.last_partition_id = 1001;
  table.default_spec_id = 3;
  table.default_sort_order_id = 4;
  return table;
}

struct RequirementCase {
  const char* name;
  TableRequirement holds;
  TableRequirement fails;
};

class Requirement : public ::testing::TestWithParam<RequirementCase> {};

INSTANTIATE_TEST_SUITE_P(
    All, Requirement,
    ::testing::Values(
        RequirementCase{"assert-table-uuid", {AssertTableUuid{"u"}}, {AssertTableUuid{"v"}}},
        RequirementCase{"assert-ref-snapshot-id",
                        {AssertRefSnapshotId{"main", SnapshotId(5)}},
                        {AssertRefSnapshotId{"main", SnapshotId(6)}}},
        RequirementCase{"assert-ref-snapshot-id",
                        {AssertRefSnapshotId{"none", std::nullopt}},
                        {AssertRefSnapshotId{"main", std::nullopt}}},
        RequirementCase{"assert-ref-snapshot-id",
                        {AssertRefSnapshotId{"main", SnapshotId(5)}},
                        {AssertRefSnapshotId{"none", SnapshotId(5)}}},
        RequirementCase{"assert-last-assigned-field-id",
                        {AssertLastAssignedFieldId{7}},
                        {AssertLastAssignedFieldId{8}}},
        RequirementCase{
            "assert-current-schema-id", {AssertCurrentSchemaId{2}}, {AssertCurrentSchemaId{0}}},
        RequirementCase{"assert-last-assigned-partition-id",
                        {AssertLastAssignedPartitionId{1001}},
                        {AssertLastAssignedPartitionId{999}}},
        RequirementCase{
            "assert-default-spec-id", {AssertDefaultSpecId{3}}, {AssertDefaultSpecId{0}}},
        RequirementCase{"assert-default-sort-order-id",
                        {AssertDefaultSortOrderId{4}},
                        {AssertDefaultSortOrderId{0}}}));

TEST_P(Requirement, HoldsOrFailsByName) {
  const TableMetadata table = Table();
  EXPECT_EQ(RequirementName(GetParam().holds), GetParam().name);
  EXPECT_TRUE(CheckRequirements({GetParam().holds}, &table).ok());
  const Status status = CheckRequirements({GetParam().holds, GetParam().fails}, &table);
  EXPECT_TRUE(IsKind(status, ErrorKind::kValidationFailed)) << status;
  EXPECT_THAT(status.message(), HasSubstr(GetParam().name));
  EXPECT_FALSE(CheckRequirements({GetParam().holds}, nullptr).ok());
}

TEST(Requirements, CreationNeedsAMissingTable) {
  const TableMetadata table = Table();
  EXPECT_TRUE(CheckRequirements({{AssertCreate{}}}, nullptr).ok());
  EXPECT_TRUE(IsKind(CheckRequirements({{AssertCreate{}}}, &table), ErrorKind::kValidationFailed));
  EXPECT_EQ(RequirementName({AssertCreate{}}), "assert-create");
  EXPECT_TRUE(CheckRequirements({}, nullptr).ok());
}

}  // namespace
}  // namespace tarn::iceberg
