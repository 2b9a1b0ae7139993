// SPDX-License-Identifier: Apache-2.0
//
// The answers of a catalog that can only make, change and drop tables.
#include "tarn/catalog.h"

namespace tarn {
namespace {

Status CannotDo(const char* what) {
  return Error(ErrorKind::kNotSupported, "this catalog cannot ", what);
}

}  // namespace

Status CatalogProvider::UnregisterTable(const TableIdent&) {
  return CannotDo("forget a table and keep its files");
}

Result<TableState> CatalogProvider::RegisterTable(const TableIdent&, std::string_view) {
  return CannotDo("register a table");
}

Status CatalogProvider::RenameTable(const TableIdent&, const TableIdent&) {
  return CannotDo("rename a table");
}

Status CatalogProvider::CreateNamespace(const Namespace&, const NamespacePropertyMap&) {
  return CannotDo("make namespaces");
}

Status CatalogProvider::DropNamespace(const Namespace&) { return CannotDo("drop namespaces"); }

Result<std::vector<Namespace>> CatalogProvider::ListNamespaces(const Namespace&) {
  return CannotDo("list namespaces");
}

Result<NamespacePropertyMap> CatalogProvider::NamespaceProperties(const Namespace&) {
  return CannotDo("keep properties of a namespace");
}

Status CatalogProvider::SetNamespaceProperties(const Namespace&, const NamespacePropertyMap&,
                                               const std::vector<std::string>&) {
  return CannotDo("keep properties of a namespace");
}

}  // namespace tarn
