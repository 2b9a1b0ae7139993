// SPDX-License-Identifier: Apache-2.0
//
// Changes of a table that write no rows: its schema, its properties, its history, its refs. Each
// call is one commit, retried when others commit at the same time; on kCommitStateUnknown it may or
// may not have happened, and asking again finds out. Thread-safe, as the catalog.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "arrow/type_fwd.h"
#include "tarn/catalog.h"
#include "tarn/types.h"

namespace tarn {

/// Where a column stands among its siblings: at the end, at the beginning, or beside another.
struct ColumnPlace {
  enum class Where : uint8_t { kLast, kFirst, kAfter, kBefore };
  Where where = Where::kLast;
  std::string sibling;  ///< path of the other column
};

/// An optional column of rows that are null until they are written. "a.b" adds a field to the
/// struct `a`; lists of structs and maps to structs are passed through ("points.x").
struct AddColumn {
  std::string path;
  std::shared_ptr<arrow::DataType> type;
  std::optional<std::string> doc = {};
  ColumnPlace place = {};
};
/// A nullable embedding column. Rows that are there already have no vector. A plain table gets its
/// primary vector column so.
struct AddVectorColumn {
  VectorStoragePolicy policy;
  std::optional<std::string> doc = {};
  ColumnPlace place = {};
};
/// A vector column's policy goes along.
struct DropColumn {
  std::string path;
};
/// A vector column's policy, indexes and codebook stay with it.
struct RenameColumn {
  std::string path;
  std::string name;  ///< the last part only
};
/// int -> long, float -> double, decimal(P, S) -> decimal(more than P, S).
struct WidenColumn {
  std::string path;
  std::shared_ptr<arrow::DataType> type;
};
struct MakeOptional {
  std::string path;
};
struct MoveColumn {
  std::string path;
  ColumnPlace place;
};
/// nullopt removes the text.
struct SetColumnDoc {
  std::string path;
  std::optional<std::string> doc;
};

using TableChange = std::variant<AddColumn, AddVectorColumn, DropColumn, RenameColumn, WidenColumn,
                                 MakeOptional, MoveColumn, SetColumnDoc>;

/// All changes, or none. Columns are found by the names they have before the call. kBadInput names
/// the column that is missing, taken, not widened so, or needed by a key, a partition spec, the
/// sort order or a vector policy. Dimension, metric and precision of a vector column never change.
Result<TableState> AlterTable(CatalogProvider& catalog, const TableIdent& table,
                              const std::vector<TableChange>& changes);

/// A type as Iceberg writes it: "long", "decimal(9, 2)", "fixed[16]", "list<string>",
/// "map<string, int>", "struct<x: double, y: double>". kBadInput says what cannot be read.
Result<std::shared_ptr<arrow::DataType>> ParseColumnType(std::string_view text);

/// Sets some properties and removes others. kBadInput names a key that Tarn or Iceberg keeps itself
/// (vector policies, codebooks, positions, "format-version"...), or a value that is no number where
/// one is needed.
Result<TableState> SetTableProperties(CatalogProvider& catalog, const TableIdent& table,
                                      const std::map<std::string, std::string>& set,
                                      const std::vector<std::string>& remove = {});

/// Makes an ancestor of the current snapshot current again. Later snapshots stay until they expire.
/// kNotFound: no such snapshot; kBadInput: it is no ancestor; kValidationFailed: somebody committed
/// meanwhile, and those rows would vanish unseen.
Result<TableState> RollbackTo(CatalogProvider& catalog, const TableIdent& table,
                              SnapshotId snapshot);
/// The same for the newest ancestor that was committed before a time (milliseconds since 1970 UTC).
Result<TableState> RollbackToTime(CatalogProvider& catalog, const TableIdent& table,
                                  int64_t timestamp_ms);
/// Makes any snapshot that the table still has current, ancestor or not.
Result<TableState> SetCurrentSnapshot(CatalogProvider& catalog, const TableIdent& table,
                                      SnapshotId snapshot);

struct RefOptions {
  std::optional<SnapshotId> snapshot = {};  ///< default: the current one
  std::optional<int64_t> max_ref_age_ms = {};
  std::optional<int64_t> max_snapshot_age_ms = {};    ///< branches only
  std::optional<int32_t> min_snapshots_to_keep = {};  ///< branches only
};
/// A name that keeps its snapshot from expiring. kAlreadyExists when the name is taken.
Result<TableState> CreateTag(CatalogProvider& catalog, const TableIdent& table,
                             const std::string& name, const RefOptions& options = {});
Result<TableState> CreateBranch(CatalogProvider& catalog, const TableIdent& table,
                                const std::string& name, const RefOptions& options = {});
/// kNotFound when there is none; kBadInput for "main".
Result<TableState> DropRef(CatalogProvider& catalog, const TableIdent& table,
                           const std::string& name);

}  // namespace tarn
