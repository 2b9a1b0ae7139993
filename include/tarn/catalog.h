// SPDX-License-Identifier: Apache-2.0
//
// CatalogProvider: names of tables, and the one atomic step by which a table moves from one
// version of its metadata to the next.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tarn/status.h"
#include "tarn/store.h"
#include "tarn/types.h"

namespace tarn {

namespace iceberg {
struct TableMetadata;
struct Schema;
struct TableUpdate;
struct TableRequirement;
}  // namespace iceberg

/// The levels of a namespace, outermost first.
using Namespace = std::vector<std::string>;
/// "a.b" as levels: kBadInput unless all are non-empty and of letters, digits, '_' and '-'.
Result<Namespace> ParseNamespace(std::string_view text);
std::string NamespaceText(const Namespace& ns);

using NamespacePropertyMap = std::map<std::string, std::string>;

/// "namespace.table", e.g. "default.docs"; a namespace may have several levels.
struct TableIdent {
  Namespace ns;
  std::string name;

  /// kBadInput unless the text has at least two non-empty parts of letters, digits, '_' and '-'.
  static Result<TableIdent> Parse(std::string_view text);
  std::string ToString() const;
  friend bool operator==(const TableIdent&, const TableIdent&) = default;
};

/// What a new table is made with.
struct TableProperties {
  TableProperties() = default;
  TableProperties(VectorStoragePolicy policy,
                  std::map<std::string, std::string> extra_properties = {})
      : vectors{std::move(policy)}, extra(std::move(extra_properties)) {}

  /// One policy for each vector column, the primary one first; empty for a plain table.
  std::vector<VectorStoragePolicy> vectors;
  /// Index settings of the primary column; written as table properties.
  HnswConfig hnsw;
  /// Shapes the codebook of a vector column when the first file with inverted lists trains it.
  IvfPqConfig ivf_pq;
  std::map<std::string, std::string> extra;

  /// The Iceberg properties that keep these (`ailake.vector-*`, `ailake.hnsw-*`, `tarn.ivf.*`,
  /// `tarn.vector.*`).
  Result<std::map<std::string, std::string>> ToIceberg() const;
  /// Reads them back. kCorrupt when a policy is incomplete or unreadable. Properties that are not
  /// ours land in `extra`.
  static Result<TableProperties> FromIceberg(const std::map<std::string, std::string>& properties);
};

/// One version of a table, as the catalog knows it. Immutable.
struct TableState {
  TableIdent ident;
  std::shared_ptr<const iceberg::TableMetadata> metadata;
  /// Store path of the metadata file.
  std::string metadata_path;
  /// Catalog-private version (Hadoop: the N of v<N>.metadata.json).
  int64_t version = 0;
};

/// Thread-safe. Errors: kNotFound / kAlreadyExists for tables and namespaces, kCorrupt for
/// unreadable metadata, kCommitConflict, kCommitStateUnknown, kValidationFailed for commits,
/// kNotSupported (with the reason) for what a kind of catalog cannot do.
class CatalogProvider {
 public:
  virtual ~CatalogProvider() = default;

  /// Creates an empty table, and its namespace if that does not exist yet. Without a schema the
  /// first committed batch gives it.
  virtual Result<TableState> CreateTable(const TableIdent& ident,
                                         const TableProperties& properties) = 0;
  virtual Result<TableState> CreateTable(const TableIdent& ident, const TableProperties& properties,
                                         const iceberg::Schema& schema) = 0;
  /// The newest version. kNotFound says what there is instead.
  virtual Result<TableState> LoadTable(const TableIdent& ident) = 0;
  virtual Result<bool> TableExists(const TableIdent& ident) = 0;
  /// The tables of all namespaces, at any depth.
  virtual Result<std::vector<TableIdent>> ListTables() = 0;
  /// Forgets the table and deletes its files.
  virtual Status DropTable(const TableIdent& ident) = 0;

  /// One attempt to move the table on from `base`: checks the requirements against the newest
  /// metadata, applies the updates in order, publishes the result in a single swap.
  ///   kCommitConflict      somebody else swapped first: reload, validate, try again
  ///   kValidationFailed    a requirement does not hold against the newest metadata
  ///   kCommitStateUnknown  the swap may have happened: reload and look, delete nothing
  /// `base` must be a version this catalog returned.
  virtual Result<TableState> CommitTable(const TableState& base,
                                         const std::vector<iceberg::TableRequirement>& requirements,
                                         const std::vector<iceberg::TableUpdate>& updates) = 0;

  // What a kind of catalog may be unable to do: kNotSupported unless it is overridden.

  /// Forgets the table; its files stay, and RegisterTable brings it back.
  virtual Status UnregisterTable(const TableIdent& ident);
  /// Takes up a table whose newest metadata file is at that location. From then on it is to be
  /// written through this catalog alone. kAlreadyExists if the name or the file is taken.
  virtual Result<TableState> RegisterTable(const TableIdent& ident,
                                           std::string_view metadata_location);
  /// The files stay where they are. kNotFound if the new name's namespace does not exist.
  virtual Status RenameTable(const TableIdent& from, const TableIdent& to);

  virtual Status CreateNamespace(const Namespace& ns, const NamespacePropertyMap& properties);
  /// kBadInput, naming what is in it, unless it is empty.
  virtual Status DropNamespace(const Namespace& ns);
  /// Those directly under `parent` ({}: the outermost), ordered. kNotFound without such a parent.
  virtual Result<std::vector<Namespace>> ListNamespaces(const Namespace& parent);
  virtual Result<NamespacePropertyMap> NamespaceProperties(const Namespace& ns);
  /// Sets some properties and removes others in one step. kBadInput for a key in both.
  virtual Status SetNamespaceProperties(const Namespace& ns, const NamespacePropertyMap& set,
                                        const std::vector<std::string>& remove);

  /// The folder of the store below which new tables lie; "": the store's root.
  virtual std::string warehouse() const { return ""; }
  /// The store that table locations lie in.
  Store& store() const { return *store_; }
  std::shared_ptr<Store> shared_store() const { return store_; }

 protected:
  explicit CatalogProvider(std::shared_ptr<Store> store) : store_(std::move(store)) {}
  std::shared_ptr<Store> store_;
};

/// Tables as folders: `<warehouse>/<namespace...>/<table>/metadata/v<N>.metadata.json`, published
/// by put-if-absent, with `version-hint.text` as a hint only: readers probe past it and survive a
/// stale, torn or missing one. Safe between Tarn processes; other engines that write the same
/// Hadoop table at the same time are not protected (that is the nature of Hadoop tables). A table
/// is its folder, so tables cannot be renamed, registered or forgotten; namespaces are folders and
/// have no properties but their `location`.
class HadoopCatalog : public CatalogProvider {
 public:
  /// `warehouse` is a path in the store; "" is the store's root.
  static Result<std::shared_ptr<HadoopCatalog>> Make(std::shared_ptr<Store> store,
                                                     std::string_view warehouse);

 protected:
  using CatalogProvider::CatalogProvider;
};

struct OpenCatalogOptions {
  /// Makes the folder or the database when it is missing; otherwise that is kNotFound.
  bool create = true;
  /// Without it a power loss may lose recent commits.
  bool durable = true;
};

/// The catalog that a text names:
///   FOLDER, file:///FOLDER                          HadoopCatalog over that folder
///   sqlite:///FILE[?name=NAME&warehouse=LOCATION]   SqlCatalog; see tarn/sql_catalog.h
/// kBadInput for parameters that are not known or missing, kNotSupported for other schemes.
Result<std::shared_ptr<CatalogProvider>> OpenCatalog(std::string_view uri,
                                                     const OpenCatalogOptions& options = {});

}  // namespace tarn
