// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <map>
#include <string>

#include "tarn/catalog.h"
#include "tarn/sql_catalog.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSqlite = "sqlite:///";

/// The part before ':' in lower case; "" when the text begins with no scheme.
std::string SchemeOf(std::string_view uri) {
  const size_t colon = uri.find(':');
  if (colon == std::string_view::npos || colon == 0) return "";
  std::string scheme(uri.substr(0, colon));
  for (char& c : scheme) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '+' && c != '-' && c != '.') {
      return "";
    }
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  // "a:b" may be a folder; "s3://b" and "jdbc:sqlite:b" are not.
  const bool known = scheme == "file" || scheme == "sqlite" || scheme == "jdbc";
  return known || uri.substr(colon, 3) == "://" ? scheme : "";
}

/// The path of file:/x, file:///x and file://localhost/x.
Result<std::string> PathOfFileUri(std::string_view uri) {
  std::string_view path = uri.substr(uri.find(':') + 1);
  if (path.substr(0, 12) == "//localhost/") path.remove_prefix(11);
  while (path.substr(0, 2) == "//") path.remove_prefix(1);
  if (path.empty() || path[0] != '/' ||
      (uri.substr(5, 2) == "//" && uri.substr(5, 3) != "///" &&
       uri.substr(5, 12) != "//localhost/")) {
    return Error(ErrorKind::kBadInput, "'", uri,
                 "' names no folder of this machine; write file:///", "FOLDER");
  }
  return std::string(path);
}

Result<std::string> Absolute(const std::string& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  if (error) return Error(ErrorKind::kIo, "finding ", path, ": ", error.message());
  return absolute.lexically_normal().string();
}

Result<std::string> PercentDecoded(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    int value = 0;
    const char* begin = text.data() + i + 1;
    const bool enough = i + 2 < text.size();
    if (!enough || std::from_chars(begin, begin + 2, value, 16).ptr != begin + 2) {
      return Error(ErrorKind::kBadInput, "'", text, "': '%' needs two hexadecimal digits after it");
    }
    plain += static_cast<char>(value);
    i += 2;
  }
  return plain;
}

Result<std::map<std::string, std::string>> ParseParameters(std::string_view query,
                                                           std::string_view uri) {
  std::map<std::string, std::string> parameters;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::string key(pair.substr(0, equals));
    if (key != "name" && key != "warehouse") {
      return Error(ErrorKind::kBadInput, "'", uri, "': the parameter '", key,
                   "' is not known; there are name and warehouse");
    }
    ARROW_ASSIGN_OR_RAISE(std::string value,
                          PercentDecoded(pair.substr(std::min(equals + 1, pair.size()))));
    if (value.empty() || !parameters.emplace(key, std::move(value)).second) {
      return Error(ErrorKind::kBadInput, "'", uri, "': give the parameter '", key,
                   "' one value, once");
    }
  }
  return parameters;
}

/// SQLAlchemy's rule: what follows "sqlite:///" is the path, so that an absolute one brings a
/// fourth slash. Where that names a file in a folder that does not exist, but the same text is a
/// path from the root, the latter is meant (as in all other URIs).
Result<std::string> DatabaseFile(std::string_view uri) {
  if (uri.substr(0, kSqlite.size()) != kSqlite || uri.size() == kSqlite.size()) {
    return Error(ErrorKind::kBadInput, "'", uri,
                 "' names no database; write sqlite:////absolute/path.db, or "
                 "sqlite:///path.db from the current folder");
  }
  const std::string path(uri.substr(kSqlite.size()));
  std::error_code ignored;
  ARROW_ASSIGN_OR_RAISE(const std::string here, Absolute(path));
  if (!fs::is_directory(fs::path(here).parent_path(), ignored)) {
    const fs::path from_root = fs::path("/" + path).lexically_normal();
    if (fs::is_directory(from_root.parent_path(), ignored)) return from_root.string();
  }
  return here;
}

Result<std::string> WarehouseLocation(const std::string& text) {
  const std::string scheme = SchemeOf(text);
  if (scheme == "file") {
    ARROW_RETURN_NOT_OK(PathOfFileUri(text).status());
    return text;
  }
  if (!scheme.empty()) {
    return Error(ErrorKind::kNotSupported, "the warehouse '", text,
                 "' is not on this machine's file system; Tarn writes to folders and file: URIs");
  }
  ARROW_ASSIGN_OR_RAISE(const std::string folder, Absolute(text));
  return "file://" + folder;
}

Result<std::shared_ptr<CatalogProvider>> OpenFolder(const std::string& folder,
                                                    const OpenCatalogOptions& options) {
  std::error_code error;
  if (!options.create && !fs::is_directory(folder, error)) {
    return Error(ErrorKind::kNotFound, "there is no catalog folder '", folder, "'");
  }
  ARROW_ASSIGN_OR_RAISE(auto store, LocalStore::Make(folder, {.durable = options.durable}));
  return HadoopCatalog::Make(std::move(store), "");
}

Result<std::shared_ptr<CatalogProvider>> OpenSqlite(std::string_view uri,
                                                    const OpenCatalogOptions& options) {
  const size_t mark = std::min(uri.find('?'), uri.size());
  ARROW_ASSIGN_OR_RAISE(auto parameters,
                        ParseParameters(uri.substr(std::min(mark + 1, uri.size())), uri));
  SqlCatalogOptions sql;
  ARROW_ASSIGN_OR_RAISE(sql.database, DatabaseFile(uri.substr(0, mark)));
  sql.name = parameters["name"];
  sql.durable = options.durable;
  LocalStore::Options local{.durable = options.durable};
  local.prune_below = "";
  if (parameters.count("warehouse") > 0 && !parameters["warehouse"].empty()) {
    ARROW_ASSIGN_OR_RAISE(sql.warehouse, WarehouseLocation(parameters["warehouse"]));
    ARROW_ASSIGN_OR_RAISE(local.prune_below, PathOfFileUri(sql.warehouse));
  }
  const Status nowhere = Error(
      ErrorKind::kBadInput, "'", uri,
      "': where should tables lie? Name a warehouse: ", uri.substr(0, mark), "?warehouse=/lake");
  // Without a place for tables a database is not made, only used.
  sql.create = options.create && !sql.warehouse.empty();
  const bool needs_tables = options.create && sql.warehouse.empty();
  // Tables of others may be anywhere, so the store is the whole file system; its locks lie beside
  // the database, where all who use the catalog find them.
  std::error_code ignored;
  const fs::path folder = fs::path(sql.database).parent_path();
  const fs::path real = fs::canonical(folder, ignored);
  local.lock_folder = ((ignored ? folder : real) / ".tarn-locks").string();
  ARROW_ASSIGN_OR_RAISE(auto store, LocalStore::Make("/", std::move(local)));
  auto catalog = SqlCatalog::Make(std::move(store), std::move(sql));
  if (needs_tables && IsKind(catalog.status(), ErrorKind::kNotFound)) return nowhere;
  ARROW_RETURN_NOT_OK(catalog.status());
  if (needs_tables) {
    ARROW_ASSIGN_OR_RAISE(const auto namespaces, (*catalog)->ListNamespaces({}));
    if (namespaces.empty()) return nowhere;
  }
  return *std::move(catalog);
}

}  // namespace

Result<std::shared_ptr<CatalogProvider>> OpenCatalog(std::string_view uri,
                                                     const OpenCatalogOptions& options) {
  const std::string scheme = SchemeOf(uri);
  if (scheme == "sqlite") return OpenSqlite(uri, options);
  if (scheme == "file") {
    if (uri.find('?') != std::string_view::npos) {
      return Error(ErrorKind::kBadInput, "'", uri, "': a catalog of folders takes no parameters");
    }
    ARROW_ASSIGN_OR_RAISE(const std::string folder, PathOfFileUri(uri));
    return OpenFolder(folder, options);
  }
  if (!scheme.empty()) {
    return Error(ErrorKind::kNotSupported, "'", uri, "': catalogs are named by a folder, file:///",
                 "FOLDER, or sqlite:///FILE?warehouse=FOLDER");
  }
  if (uri.empty()) return Error(ErrorKind::kBadInput, "a catalog needs a name");
  return OpenFolder(std::string(uri), options);
}

}  // namespace tarn
