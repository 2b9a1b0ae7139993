// SPDX-License-Identifier: Apache-2.0
//
// NameMapping: which field ids the columns of files without ids stand for, by name.
// Source: the Iceberg table specification, "Column Projection" and "Name Mapping Serialization".
// Plain value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tarn/status.h"

namespace tarn::iceberg {

/// The table property that holds a mapping as JSON.
inline constexpr char kNameMappingProperty[] = "schema.name-mapping.default";

struct MappedField {
  std::optional<int32_t> field_id;  ///< absent: known by name, and no column of the table
  std::vector<std::string> names;
  /// Fields of a struct; of a list "element", of a map "key" and "value".
  std::vector<MappedField> fields;
  friend bool operator==(const MappedField&, const MappedField&) = default;
};

struct NameMapping {
  std::vector<MappedField> fields;
  friend bool operator==(const NameMapping&, const NameMapping&) = default;

  /// kCorrupt says what is wrong with `json`: also a name that stands twice among siblings.
  static Result<NameMapping> FromJson(std::string_view json);
};

/// The field of that name among siblings; nullptr when there is none.
const MappedField* FindMapped(const std::vector<MappedField>& fields, std::string_view name);

}  // namespace tarn::iceberg
