// SPDX-License-Identifier: Apache-2.0
//
// Which Arrow types can be stored, and as what: the mapping of docs/formats/types.md. Every stored
// type has an Iceberg v2 counterpart and one Parquet form that all engines read.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "arrow/type_fwd.h"
#include "tarn/status.h"

namespace tarn::format {

/// The metadata key of a field's id, as Parquet's Arrow reader and writer know it.
inline constexpr char kFieldIdKey[] = "PARQUET:field_id";

/// The field as it is stored, at any depth: its storable type, the same name and nullability, and
/// only the field ids of its metadata. List elements are named "element", map entries "key" and
/// "value". `parent` is the path before the field ("" at the top).
/// kBadInput names the path ("a.b.element") of the first type that cannot be stored, or of an empty
/// or duplicate name.
Result<std::shared_ptr<arrow::Field>> StorableField(const arrow::Field& field,
                                                    const std::string& parent = "");

/// StorableField for every field; duplicate top-level names are refused too.
Result<std::shared_ptr<arrow::Schema>> StorableSchema(const arrow::Schema& schema);

/// Gives every node without a field id one (top-level fields first, then nested ones, counting from
/// the largest id in use). The schema must be storable. kBadInput for an id that is used twice.
Result<std::shared_ptr<arrow::Schema>> AssignFieldIds(const arrow::Schema& schema);

/// The field's id, or -1. kBadInput when its metadata holds something else than a number.
Result<int32_t> FieldIdOf(const arrow::Field& field);

/// The same field with another id.
std::shared_ptr<arrow::Field> WithFieldId(const arrow::Field& field, int32_t id);

/// Whether the bytes are UTF-8, as all stored text and names must be. Thread-safe.
bool IsUtf8(std::string_view text);

/// "name" or "parent.name".
std::string JoinPath(const std::string& parent, const std::string& name);

}  // namespace tarn::format
