// SPDX-License-Identifier: Apache-2.0
//
// Iceberg schemas: the type tree, fields with ids, and the schema of a table.
// Source: the Iceberg table specification, "Schemas and Data Types" and Appendix C (JSON).
// Plain values; not synchronised.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tarn/status.h"

namespace tarn::iceberg {

enum class TypeId : uint8_t {
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kDate,
  kTime,         ///< microseconds of the day
  kTimestamp,    ///< microseconds, without zone
  kTimestampTz,  ///< microseconds, UTC
  kString,
  kUuid,
  kFixed,
  kBinary,
  kDecimal,
  kStruct,
  kList,
  kMap,
  kTimestampNs,    ///< v3
  kTimestampTzNs,  ///< v3
  kUnknown,        ///< v3
  kOther,          ///< a type this version does not know; kept as it was written
};

struct NestedField;

/// A type. Structs hold their fields; a list holds one field named "element"; a map holds "key" and
/// "value". Their ids are the element, key and value ids.
struct Type {
  TypeId id = TypeId::kStruct;
  int32_t length = 0;     ///< kFixed: bytes
  int32_t precision = 0;  ///< kDecimal
  int32_t scale = 0;      ///< kDecimal
  std::vector<NestedField> fields;
  std::string other;  ///< kOther: the JSON text of the type

  static Type Of(TypeId primitive);
  static Type Fixed(int32_t length);
  static Type Decimal(int32_t precision, int32_t scale);
  static Type Struct(std::vector<NestedField> fields);
  static Type List(int32_t element_id, Type element, bool element_required);
  static Type Map(int32_t key_id, Type key, int32_t value_id, Type value, bool value_required);

  bool is_nested() const {
    return id == TypeId::kStruct || id == TypeId::kList || id == TypeId::kMap;
  }
  /// As in metadata: "long", "decimal(9,2)", "list<float>", "struct<...>".
  std::string ToString() const;
};
bool operator==(const Type& a, const Type& b);

struct NestedField {
  int32_t id = 0;
  std::string name;
  bool required = false;
  Type type;
  std::optional<std::string> doc;
  /// Members of the field that are not modelled (v3 defaults), as the text of a JSON object; or
  /// empty.
  std::string extra;
};
bool operator==(const NestedField& a, const NestedField& b);

struct Schema {
  int32_t schema_id = 0;
  std::vector<NestedField> fields;
  std::vector<int32_t> identifier_field_ids;  ///< the primary key
  std::string extra;                          ///< as NestedField::extra

  /// At any depth; nullptr when there is none. Valid while the schema lives unchanged.
  const NestedField* FindField(int32_t id) const;
  /// A top-level column.
  const NestedField* FindColumn(std::string_view name) const;
  /// A dotted path through structs, lists ("element") and maps ("key", "value").
  const NestedField* FindPath(std::string_view path) const;
  /// 0 for an empty schema.
  int32_t HighestFieldId() const;
  /// Equal but for the schema id.
  bool SameAs(const Schema& other) const;
  /// kBadInput names the field: ids positive and unique, names unique per struct and not empty,
  /// decimals in [1, 38], identifier fields present and required. Types newer than
  /// `format_version`: kNotSupported.
  Status Validate(int32_t format_version) const;
};
bool operator==(const Schema& a, const Schema& b);

/// Gives every field a fresh id from `first_id`, level by level as Iceberg does (all columns, then
/// their children); identifier ids are moved along. Returns the highest id given.
int32_t AssignFreshIds(Schema& schema, int32_t first_id = 1);

}  // namespace tarn::iceberg
