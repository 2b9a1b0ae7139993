// SPDX-License-Identifier: Apache-2.0
//
// SqlTables' methods on namespaces.
#include <algorithm>
#include <set>

#include "catalog/sql_tables.h"

namespace tarn {
namespace {

using Transaction = SqliteDatabase::Transaction;

constexpr char kExists[] = "exists";

std::string PrefixOf(const Namespace& ns) { return NamespaceText(ns) + "."; }

}  // namespace

Status SqlTables::NoNamespace(const Namespace& ns) const {
  return Error(ErrorKind::kNotFound, "there is no namespace ", NamespaceText(ns),
               " in the catalog '", name_, "' of ", file());
}

template <typename Source>
Result<bool> SqlTables::Exists(Source& source, const Namespace& ns) {
  const std::string text = NamespaceText(ns), prefix = PrefixOf(ns);
  // Not LIKE, to which '_' is a pattern and case is nothing.
  ARROW_ASSIGN_OR_RAISE(
      const auto rows,
      source.Query(
          "SELECT 1 FROM iceberg_tables WHERE catalog_name = ? AND (table_namespace = ? OR "
          "substr(table_namespace, 1, length(?)) = ?) UNION ALL "
          "SELECT 1 FROM iceberg_namespace_properties WHERE catalog_name = ? AND "
          "(namespace = ? OR substr(namespace, 1, length(?)) = ?) LIMIT 1",
          {name_, text, prefix, prefix, name_, text, prefix, prefix}));
  return !rows.empty();
}
template Result<bool> SqlTables::Exists(SqliteDatabase& source, const Namespace& ns);
template Result<bool> SqlTables::Exists(Transaction& source, const Namespace& ns);

Status SqlTables::RequireNamespace(Transaction& transaction, const Namespace& ns) {
  ARROW_ASSIGN_OR_RAISE(const bool exists, Exists(transaction, ns));
  return exists ? Status::OK() : NoNamespace(ns);
}

Status SqlTables::InsertProperty(Transaction& transaction, const Namespace& ns,
                                 const std::string& key, const std::string& value) {
  return transaction
      .Execute(
          "INSERT OR REPLACE INTO iceberg_namespace_properties (catalog_name, namespace, "
          "property_key, property_value) VALUES (?, ?, ?, ?)",
          {name_, NamespaceText(ns), key, value})
      .status();
}

Status SqlTables::CreateNamespace(const Namespace& ns, const NamespacePropertyMap& properties) {
  return writer_->Write([&](Transaction& transaction) -> Status {
    ARROW_ASSIGN_OR_RAISE(const bool exists, Exists(transaction, ns));
    if (exists) {
      return Error(ErrorKind::kAlreadyExists, "the namespace ", NamespaceText(ns),
                   " exists already in the catalog '", name_, "' of ", file());
    }
    for (const auto& [key, value] : properties) {
      ARROW_RETURN_NOT_OK(InsertProperty(transaction, ns, key, value));
    }
    return InsertProperty(transaction, ns, kExists, "true");
  });
}

Status SqlTables::DropNamespace(const Namespace& ns) {
  const std::string text = NamespaceText(ns), prefix = PrefixOf(ns);
  return writer_->Write([&](Transaction& transaction) -> Status {
    ARROW_RETURN_NOT_OK(RequireNamespace(transaction, ns));
    ARROW_ASSIGN_OR_RAISE(
        const auto inside,
        transaction.Query(
            "SELECT table_namespace || '.' || table_name FROM iceberg_tables WHERE catalog_name = "
            "? "
            "AND (table_namespace = ? OR substr(table_namespace, 1, length(?)) = ?) UNION "
            "SELECT namespace FROM iceberg_namespace_properties WHERE catalog_name = ? AND "
            "substr(namespace, 1, length(?)) = ? ORDER BY 1",
            {name_, text, prefix, prefix, name_, prefix, prefix}));
    if (!inside.empty()) {
      return Error(ErrorKind::kBadInput, "the namespace ", text, " is not empty: it holds ",
                   inside[0][0].value_or(""),
                   inside.size() > 1 ? " and " + std::to_string(inside.size() - 1) + " more" : "");
    }
    return transaction
        .Execute(
            "DELETE FROM iceberg_namespace_properties WHERE catalog_name = ? AND namespace = ?",
            {name_, text})
        .status();
  });
}

Result<std::vector<Namespace>> SqlTables::ListNamespaces(const Namespace& parent) {
  if (!parent.empty()) {
    ARROW_ASSIGN_OR_RAISE(const bool exists, Exists(*reader_, parent));
    if (!exists) return NoNamespace(parent);
  }
  ARROW_ASSIGN_OR_RAISE(
      const auto rows,
      reader_->Query("SELECT table_namespace FROM iceberg_tables WHERE catalog_name = ? UNION "
                     "SELECT namespace FROM iceberg_namespace_properties WHERE catalog_name = ?",
                     {name_, name_}));
  const std::string prefix = parent.empty() ? std::string() : PrefixOf(parent);
  std::set<Namespace> found;
  for (const auto& row : rows) {
    const std::string text = row[0].value_or("");
    if (text.size() <= prefix.size() || text.compare(0, prefix.size(), prefix) != 0) continue;
    const size_t end = std::min(text.find('.', prefix.size()), text.size());
    Namespace child = parent;
    child.push_back(text.substr(prefix.size(), end - prefix.size()));
    found.insert(std::move(child));
  }
  return std::vector<Namespace>(found.begin(), found.end());
}

Result<NamespacePropertyMap> SqlTables::Properties(const Namespace& ns) {
  ARROW_ASSIGN_OR_RAISE(const bool exists, Exists(*reader_, ns));
  if (!exists) return NoNamespace(ns);
  ARROW_ASSIGN_OR_RAISE(
      const auto rows,
      reader_->Query("SELECT property_key, property_value FROM iceberg_namespace_properties WHERE "
                     "catalog_name = ? AND namespace = ?",
                     {name_, NamespaceText(ns)}));
  NamespacePropertyMap properties;
  for (const auto& row : rows) {
    if (row[0].value_or("") != kExists) properties[row[0].value_or("")] = row[1].value_or("");
  }
  return properties;
}

Status SqlTables::SetProperties(const Namespace& ns, const NamespacePropertyMap& set,
                                const std::vector<std::string>& remove) {
  return writer_->Write([&](Transaction& transaction) -> Status {
    ARROW_RETURN_NOT_OK(RequireNamespace(transaction, ns));
    for (const auto& key : remove) {
      ARROW_RETURN_NOT_OK(
          transaction.Execute("DELETE FROM iceberg_namespace_properties WHERE catalog_name = ? AND "
                              "namespace = ? AND property_key = ?",
                              {name_, NamespaceText(ns), key}));
    }
    for (const auto& [key, value] : set) {
      ARROW_RETURN_NOT_OK(InsertProperty(transaction, ns, key, value));
    }
    // A namespace whose last property goes stays, as one that other catalogs made without the mark.
    return InsertProperty(transaction, ns, kExists, "true");
  });
}

}  // namespace tarn
