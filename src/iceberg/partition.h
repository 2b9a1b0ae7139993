// SPDX-License-Identifier: Apache-2.0
//
// Partition specs and sort orders: how a table's files are grouped and ordered.
// Source: the Iceberg table specification, "Partitioning" and "Sorting".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "iceberg/schema.h"

namespace tarn::iceberg {

/// The last partition id of a table that was never partitioned.
inline constexpr int32_t kNoPartitionId = 999;

struct PartitionField {
  int32_t source_id = 0;
  int32_t field_id = 0;
  std::string name;
  std::string transform;  ///< "identity", "bucket[16]", "truncate[4]", "year".."hour", "void"
  std::string extra;      ///< members that are not modelled, as JSON
  friend bool operator==(const PartitionField&, const PartitionField&) = default;
};

struct PartitionSpec {
  int32_t spec_id = 0;
  std::vector<PartitionField> fields;
  bool is_unpartitioned() const { return fields.empty(); }
  friend bool operator==(const PartitionSpec&, const PartitionSpec&) = default;
};

struct SortField {
  std::string transform;
  int32_t source_id = 0;
  std::string direction;   ///< "asc", "desc"
  std::string null_order;  ///< "nulls-first", "nulls-last"
  std::string extra;
  friend bool operator==(const SortField&, const SortField&) = default;
};

/// Order 0 is "unsorted".
struct SortOrder {
  int32_t order_id = 0;
  std::vector<SortField> fields;
  friend bool operator==(const SortOrder&, const SortOrder&) = default;
};

/// The type of a transform's results, e.g. int for "bucket[16]". kNotSupported for unknown
/// transforms, kBadInput when it does not fit the source type.
Result<Type> TransformResultType(const std::string& transform, const Type& source);

/// The struct of a spec's partition values: its fields have the partition field ids and are
/// optional. kBadInput when a source column is missing from the schema.
Result<std::vector<NestedField>> PartitionType(const PartitionSpec& spec, const Schema& schema);

}  // namespace tarn::iceberg
