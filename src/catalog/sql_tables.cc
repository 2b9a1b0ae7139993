// SPDX-License-Identifier: Apache-2.0
#include "catalog/sql_tables.h"

#include <algorithm>
#include <set>
#include <utility>

namespace tarn {
namespace {

using Transaction = SqliteDatabase::Transaction;

constexpr char kDefaultName[] = "default";

// As PyIceberg makes them (V1 of the schema).
constexpr char kMakeTables[] =
    "CREATE TABLE IF NOT EXISTS iceberg_tables ("
    "catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL, "
    "table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000), "
    "previous_metadata_location VARCHAR(1000), iceberg_type VARCHAR(5), "
    "PRIMARY KEY (catalog_name, table_namespace, table_name))";
constexpr char kMakeProperties[] =
    "CREATE TABLE IF NOT EXISTS iceberg_namespace_properties ("
    "catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL, "
    "property_key VARCHAR(255) NOT NULL, property_value VARCHAR(1000) NOT NULL, "
    "PRIMARY KEY (catalog_name, namespace, property_key))";
constexpr char kIsTable[] = " WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?";

std::string Join(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

Namespace SplitNamespace(const std::string& text) {
  Namespace ns;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t dot = std::min(text.find('.', begin), text.size());
    ns.push_back(text.substr(begin, dot - begin));
    begin = dot + 1;
  }
  return ns;
}

}  // namespace

Result<std::unique_ptr<SqlTables>> SqlTables::Open(const Options& options) {
  ARROW_ASSIGN_OR_RAISE(auto writer, SqliteDatabase::Open(options.file, options.database));
  auto reading = options.database;
  reading.create = false;
  ARROW_ASSIGN_OR_RAISE(auto reader, SqliteDatabase::Open(options.file, reading));
  std::unique_ptr<SqlTables> tables(new SqlTables(std::move(reader), std::move(writer)));
  ARROW_RETURN_NOT_OK(tables->CheckSchema(options.database.create));
  ARROW_RETURN_NOT_OK(tables->ChooseName(options.name));
  return tables;
}

Status SqlTables::CheckSchema(bool create) {
  ARROW_ASSIGN_OR_RAISE(
      const auto rows, reader_->Query("SELECT name FROM sqlite_master WHERE type IN ('table', "
                                      "'view') AND substr(name, 1, 7) <> 'sqlite_' ORDER BY name"));
  std::vector<std::string> names;
  for (const auto& row : rows) names.push_back(row[0].value_or(""));
  const bool tables = std::count(names.begin(), names.end(), "iceberg_tables") > 0;
  const bool properties =
      std::count(names.begin(), names.end(), "iceberg_namespace_properties") > 0;
  if (!tables && !properties) {
    if (!names.empty()) {
      return Error(ErrorKind::kBadInput, file(), " is the database of another program: it has ",
                   Join(names), " but no iceberg_tables; name another file");
    }
    if (!create) return Error(ErrorKind::kNotFound, file(), " holds no catalog: it is empty");
  }
  if (!tables || !properties) ARROW_RETURN_NOT_OK(MakeTables());
  return CheckColumns();
}

Status SqlTables::MakeTables() {
  return writer_->Write([](Transaction& transaction) -> Status {
    ARROW_RETURN_NOT_OK(transaction.Execute(kMakeTables));
    return transaction.Execute(kMakeProperties).status();
  });
}

Status SqlTables::CheckColumns() {
  ARROW_ASSIGN_OR_RAISE(const auto rows, reader_->Query("PRAGMA table_info(iceberg_tables)"));
  std::set<std::string> columns;
  for (const auto& row : rows) columns.insert(row.at(1).value_or(""));
  for (const char* wanted : {"catalog_name", "table_namespace", "table_name", "metadata_location",
                             "previous_metadata_location"}) {
    if (columns.count(wanted) > 0) continue;
    return Error(ErrorKind::kCorrupt, file(), ": its iceberg_tables has no column ", wanted);
  }
  has_types_ = columns.count("iceberg_type") > 0;
  return Status::OK();
}

Status SqlTables::ChooseName(const std::string& wanted) {
  name_ = wanted;
  if (!wanted.empty()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto names, CatalogNames());
  if (names.size() == 1) {
    name_ = names[0];
  } else if (names.empty() || std::count(names.begin(), names.end(), kDefaultName) > 0) {
    name_ = kDefaultName;
  } else {
    return Error(ErrorKind::kBadInput, file(), " holds several catalogs: ", Join(names),
                 "; say which, as in sqlite:///FILE?name=", names[0]);
  }
  return Status::OK();
}

std::string SqlTables::OnlyTables() const {
  return has_types_ ? " AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)" : "";
}

Result<std::vector<std::string>> SqlTables::CatalogNames() {
  ARROW_ASSIGN_OR_RAISE(
      const auto rows, reader_->Query("SELECT catalog_name FROM iceberg_tables UNION SELECT "
                                      "catalog_name FROM iceberg_namespace_properties ORDER BY 1"));
  std::vector<std::string> names;
  for (const auto& row : rows) names.push_back(row[0].value_or(""));
  return names;
}

Status SqlTables::NoTable(const TableIdent& ident) {
  ARROW_ASSIGN_OR_RAISE(auto names, CatalogNames());
  std::string others;
  if (!names.empty() && std::count(names.begin(), names.end(), name_) == 0) {
    others = "; the database holds nothing of a catalog of that name, but of: " + Join(names) +
             " (choose with ?name=)";
  }
  if (has_types_) {
    ARROW_ASSIGN_OR_RAISE(const auto views,
                          reader_->Query(std::string("SELECT 1 FROM iceberg_tables") + kIsTable,
                                         {name_, NamespaceText(ident.ns), ident.name}));
    if (!views.empty()) others = "; it is a view, and Tarn reads tables only";
  }
  return Error(ErrorKind::kNotFound, "there is no table ", ident.ToString(), " in the catalog '",
               name_, "' of ", file(), others);
}

Result<std::optional<std::string>> SqlTables::FindTable(const TableIdent& ident) {
  ARROW_ASSIGN_OR_RAISE(
      const auto rows,
      reader_->Query("SELECT metadata_location FROM iceberg_tables" + (kIsTable + OnlyTables()),
                     {name_, NamespaceText(ident.ns), ident.name}));
  if (rows.empty()) return std::optional<std::string>();
  if (!rows[0][0] || rows[0][0]->empty()) {
    return Error(ErrorKind::kCorrupt, file(), ": table ", ident.ToString(),
                 " has no metadata_location");
  }
  return rows[0][0];
}

Result<std::vector<SqlTableRow>> SqlTables::AllTables() {
  ARROW_ASSIGN_OR_RAISE(
      const auto rows,
      reader_->Query("SELECT catalog_name, table_namespace, table_name, metadata_location FROM "
                     "iceberg_tables WHERE 1" +
                     OnlyTables() + " ORDER BY 1, 2, 3"));
  std::vector<SqlTableRow> tables;
  for (const auto& row : rows) {
    tables.push_back({row[0].value_or(""),
                      {SplitNamespace(row[1].value_or("")), row[2].value_or("")},
                      row[3].value_or("")});
  }
  return tables;
}

Status SqlTables::InsertTable(const TableIdent& ident, const std::string& metadata_location) {
  const Status done = writer_->Write([&](Transaction& transaction) -> Status {
    ARROW_ASSIGN_OR_RAISE(const bool exists, Exists(transaction, ident.ns));
    if (!exists) ARROW_RETURN_NOT_OK(InsertProperty(transaction, ident.ns, "exists", "true"));
    const std::string columns = "catalog_name, table_namespace, table_name, metadata_location";
    const std::string sql =
        "INSERT INTO iceberg_tables (" + columns +
        (has_types_ ? ", iceberg_type) VALUES (?, ?, ?, ?, 'TABLE')" : ") VALUES (?, ?, ?, ?)");
    return transaction.Execute(sql, {name_, NamespaceText(ident.ns), ident.name, metadata_location})
        .status();
  });
  if (!IsKind(done, ErrorKind::kAlreadyExists)) return done;
  return Error(ErrorKind::kAlreadyExists, "a table or view ", ident.ToString(),
               " exists already in the catalog '", name_, "' of ", file());
}

Status SqlTables::SwapTable(const TableIdent& ident, const std::string& from,
                            const std::string& to) {
  const std::string ns = NamespaceText(ident.ns);
  return writer_->Write([&](Transaction& transaction) -> Status {
    ARROW_ASSIGN_OR_RAISE(
        const int64_t swapped,
        transaction.Execute(std::string("UPDATE iceberg_tables SET metadata_location = ?, "
                                        "previous_metadata_location = ?") +
                                kIsTable + " AND metadata_location = ?",
                            {to, from, name_, ns, ident.name, from}));
    if (swapped == 1) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto rows,
                          transaction.Query("SELECT metadata_location FROM iceberg_tables" +
                                                (kIsTable + OnlyTables()),
                                            {name_, ns, ident.name}));
    if (rows.empty()) {
      return Error(ErrorKind::kNotFound, "table ", ident.ToString(),
                   " was dropped or renamed meanwhile");
    }
    return Error(ErrorKind::kCommitConflict, "table ", ident.ToString(), " moved on to ",
                 rows[0][0].value_or("nothing"));
  });
}

Status SqlTables::DeleteTable(const TableIdent& ident, const std::optional<std::string>& location) {
  std::vector<SqliteDatabase::Text> arguments = {name_, NamespaceText(ident.ns), ident.name};
  const Status done = writer_->Write([&](Transaction& transaction) -> Status {
    const std::string where = kIsTable + OnlyTables();
    ARROW_ASSIGN_OR_RAISE(
        const auto rows,
        transaction.Query("SELECT metadata_location FROM iceberg_tables" + where, arguments));
    if (rows.empty()) return Error(ErrorKind::kNotFound, "gone");
    if (location && rows[0][0] != *location) {
      return Error(ErrorKind::kCommitConflict, "table ", ident.ToString(), " moved on to ",
                   rows[0][0].value_or("nothing"));
    }
    return transaction.Execute("DELETE FROM iceberg_tables" + where, arguments).status();
  });
  return IsKind(done, ErrorKind::kNotFound) ? NoTable(ident) : done;
}

Status SqlTables::RenameTable(const TableIdent& from, const TableIdent& to) {
  const Status done = writer_->Write([&](Transaction& transaction) -> Status {
    ARROW_RETURN_NOT_OK(RequireNamespace(transaction, to.ns));
    ARROW_ASSIGN_OR_RAISE(
        const int64_t renamed,
        transaction.Execute(
            "UPDATE iceberg_tables SET table_namespace = ?, table_name = ?" +
                (kIsTable + OnlyTables()),
            {NamespaceText(to.ns), to.name, name_, NamespaceText(from.ns), from.name}));
    return renamed == 1 ? Status::OK() : Error(ErrorKind::kCancelled, "nothing to rename");
  });
  if (IsKind(done, ErrorKind::kCancelled)) return NoTable(from);
  if (!IsKind(done, ErrorKind::kAlreadyExists)) return done;
  return Error(ErrorKind::kAlreadyExists, "a table or view ", to.ToString(), " exists already");
}

}  // namespace tarn
