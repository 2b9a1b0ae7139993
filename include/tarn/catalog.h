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

/// "namespace.table", e.g. "default.docs"; a namespace may have several levels.
struct TableIdent {
  std::vector<std::string> ns;
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

/// Thread-safe. Errors: kNotFound / kAlreadyExists for tables, kCorrupt for unreadable metadata,
/// kCommitConflict, kCommitStateUnknown, kValidationFailed for commits.
class CatalogProvider {
 public:
  virtual ~CatalogProvider() = default;

  /// Creates an empty table. Without a schema the first committed batch gives it.
  virtual Result<TableState> CreateTable(const TableIdent& ident,
                                         const TableProperties& properties) = 0;
  virtual Result<TableState> CreateTable(const TableIdent& ident, const TableProperties& properties,
                                         const iceberg::Schema& schema) = 0;
  /// The newest version. kNotFound says what the catalog's folder holds instead, if it exists.
  virtual Result<TableState> LoadTable(const TableIdent& ident) = 0;
  virtual Result<bool> TableExists(const TableIdent& ident) = 0;
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
/// Hadoop table at the same time are not protected (that is the nature of Hadoop tables).
class HadoopCatalog : public CatalogProvider {
 public:
  /// `warehouse` is a path in the store; "" is the store's root.
  static Result<std::shared_ptr<HadoopCatalog>> Make(std::shared_ptr<Store> store,
                                                     std::string_view warehouse);

 protected:
  using CatalogProvider::CatalogProvider;
};

}  // namespace tarn
