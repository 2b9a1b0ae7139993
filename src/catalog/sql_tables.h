// SPDX-License-Identifier: Apache-2.0
//
// SqlTables: the rows of one catalog in `iceberg_tables` and `iceberg_namespace_properties`.
//
// Source: Iceberg Java's JdbcCatalog (schema versions V0 and V1) and PyIceberg's SqlCatalog, which
// read and write the same rows. V1 has the column `iceberg_type`: 'TABLE' or NULL for tables,
// 'VIEW' for views. Namespaces are joined by dots. A namespace exists if a row of either table is
// in it or below it; the property `exists` = `true` keeps one without others, and is never shown.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "catalog/sqlite_database.h"
#include "tarn/catalog.h"

namespace tarn {

/// A table, as its row has it.
struct SqlTableRow {
  std::string catalog;
  TableIdent ident;
  std::string metadata_location;
};

/// Thread-safe. Every method is one transaction. Errors as SqliteDatabase has them; those of names
/// are made by whoever knows what they mean.
class SqlTables {
 public:
  /// See SqlCatalogOptions for what is made and what is refused, and how the name is chosen.
  struct Options {
    std::string file;
    std::string name;
    SqliteDatabase::Options database;
  };
  static Result<std::unique_ptr<SqlTables>> Open(const Options& options);

  const std::string& name() const { return name_; }
  const std::string& file() const { return writer_->file(); }
  /// All catalogs of the database, ordered.
  Result<std::vector<std::string>> CatalogNames();

  /// The table's metadata location; nullopt when there is no such table. kCorrupt for a table
  /// without one.
  Result<std::optional<std::string>> FindTable(const TableIdent& ident);
  /// The tables of all catalogs of the database, ordered.
  Result<std::vector<SqlTableRow>> AllTables();

  /// Adds a table, and its namespace if that does not exist. kAlreadyExists if the name is taken.
  Status InsertTable(const TableIdent& ident, const std::string& metadata_location);
  /// The swap. kCommitConflict when the table is at another location by now, kNotFound when it is
  /// gone; kIo: not swapped; kCommitStateUnknown.
  Status SwapTable(const TableIdent& ident, const std::string& from, const std::string& to);
  /// Removes the table if it is (still) at that location; errors as SwapTable.
  Status DeleteTable(const TableIdent& ident, const std::optional<std::string>& location);
  /// kNotFound for the table or the new namespace, kAlreadyExists.
  Status RenameTable(const TableIdent& from, const TableIdent& to);

  Status CreateNamespace(const Namespace& ns, const NamespacePropertyMap& properties);
  Status DropNamespace(const Namespace& ns);
  Result<std::vector<Namespace>> ListNamespaces(const Namespace& parent);
  Result<NamespacePropertyMap> Properties(const Namespace& ns);
  Status SetProperties(const Namespace& ns, const NamespacePropertyMap& set,
                       const std::vector<std::string>& remove);

  /// "there is no table ...", with what else the database holds. Always an error.
  Status NoTable(const TableIdent& ident);

 private:
  SqlTables(std::unique_ptr<SqliteDatabase> reader, std::unique_ptr<SqliteDatabase> writer)
      : reader_(std::move(reader)), writer_(std::move(writer)) {}
  Status CheckSchema(bool create);
  Status CheckColumns();
  Status MakeTables();
  Status ChooseName(const std::string& wanted);
  /// The condition that keeps views out: SQL text.
  std::string OnlyTables() const;
  /// Source: the database, or a transaction.
  template <typename Source>
  Result<bool> Exists(Source& source, const Namespace& ns);
  Status RequireNamespace(SqliteDatabase::Transaction& transaction, const Namespace& ns);
  Status InsertProperty(SqliteDatabase::Transaction& transaction, const Namespace& ns,
                        const std::string& key, const std::string& value);
  Status NoNamespace(const Namespace& ns) const;

  const std::unique_ptr<SqliteDatabase> reader_;
  const std::unique_ptr<SqliteDatabase> writer_;
  std::string name_;
  bool has_types_ = false;  ///< V1, when the database was opened
};

}  // namespace tarn
