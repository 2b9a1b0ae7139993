// SPDX-License-Identifier: Apache-2.0
//
// SchemaChange: what is changed of a schema, as data, and the schema that comes out.
// The rules are those of Iceberg's reference implementation (UpdateSchema): columns are looked up
// by the names they had before the first change of a call, case-sensitively; ids are never used
// again. Paths lead through structs, lists ("element") and maps ("key", "value"): "a.b",
// "points.element.x". Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "iceberg/schema.h"
#include "iceberg/table_metadata.h"

namespace tarn::iceberg {

/// Where a column stands among its siblings; `sibling` is a full path.
struct FieldPlace {
  enum class Where : uint8_t { kLast, kFirst, kAfter, kBefore };
  Where where = Where::kLast;
  std::string sibling;  ///< of kAfter and kBefore
};

namespace change {

/// An optional column; its type's ids are given anew. `parent`: "" for a top-level column, else a
/// struct, a list of structs or a map to structs.
struct AddColumn {
  std::string parent;
  std::string name;
  Type type;
  std::optional<std::string> doc;
  FieldPlace place;
};
struct DropColumn {
  std::string path;
};
struct RenameColumn {
  std::string path;
  std::string name;
};
/// int -> long, float -> double, decimal(P, S) -> decimal(more than P, S).
struct WidenColumn {
  std::string path;
  Type type;
};
struct MakeOptional {
  std::string path;
};
/// kLast is the end, as it is in AddColumn.
struct MoveColumn {
  std::string path;
  FieldPlace place;
};
/// nullopt removes the text.
struct SetDoc {
  std::string path;
  std::optional<std::string> doc;
};

}  // namespace change

using SchemaChange =
    std::variant<change::AddColumn, change::DropColumn, change::RenameColumn, change::WidenColumn,
                 change::MakeOptional, change::MoveColumn, change::SetDoc>;

/// The schema after the changes, in order; its schema id is that of `schema`. New fields have ids
/// above `last_column_id`. kBadInput names the column: it is missing, its name is taken, it cannot
/// be widened so, it is an identifier field, a part of a map key; or no column would be left.
Result<Schema> ApplySchemaChanges(const Schema& schema, int32_t last_column_id,
                                  const std::vector<SchemaChange>& changes);

/// ApplySchemaChanges to a table's current schema. kBadInput also for a column that a partition
/// spec or the sort order is made of and that would be dropped, and kNotSupported for a type that
/// the table's format version does not have.
Result<Schema> EvolveSchema(const TableMetadata& table, const std::vector<SchemaChange>& changes);

}  // namespace tarn::iceberg
