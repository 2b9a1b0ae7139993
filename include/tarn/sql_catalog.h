// SPDX-License-Identifier: Apache-2.0
//
// SqlCatalog: tables as rows of an SQLite database, the same two tables that PyIceberg's SqlCatalog
// and Iceberg Java's JdbcCatalog keep. All of them may read and write one database at the same
// time: a commit is one UPDATE that names the metadata file it replaces, so that of all who try one
// wins.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "tarn/catalog.h"

namespace tarn {

struct SqlCatalogOptions {
  /// The database file.
  std::string database;
  /// Makes the file and its tables when missing, and switches it to a write-ahead log (which needs
  /// a file system of this machine); otherwise what is missing is kNotFound. A database that has
  /// tables, but no catalog's, belongs to another program: kBadInput, and it is left as it is.
  bool create = true;
  /// Which catalog of the database. Empty: the only one there is, or "default".
  std::string name;
  /// Location under which new tables lie, `<warehouse>/<namespace...>/<table>`, in the spelling to
  /// be kept ("file:///lake"). A namespace's property `location` wins over it. Empty: tables can be
  /// created only in namespaces that have one.
  std::string warehouse;
  /// Without it a power loss may undo recent commits; the database stays sound.
  bool durable = true;
  /// How long to wait for another process that is writing.
  std::chrono::milliseconds busy_timeout{30'000};
};

/// Thread-safe: it has one connection that reads and one that writes, each behind a mutex, so that
/// a reader never waits for a writer. Open it after fork(), not before: SQLite's connections do not
/// survive one, and calls in the child say so (kBadInput).
///
/// What is particular to it, beside CatalogProvider:
/// - kCommitStateUnknown from CommitTable, CreateTable and the others means that the database
///   failed while committing. A database that stays locked is kIo: nothing was committed.
/// - CreateTable takes a folder of its own: `<table>-<uuid>` where `<table>` holds other metadata,
/// as
///   a table that was renamed leaves it.
/// - DropTable deletes the files that the table's metadata reaches, and no others. It refuses
///   (kBadInput) where the same table is registered under another name, or `gc.enabled` is false.
/// - Views that others keep in the database are no tables, but their names are taken.
class SqlCatalog : public CatalogProvider {
 public:
  /// Table locations, and the warehouse, lie in `store`.
  static Result<std::shared_ptr<SqlCatalog>> Make(std::shared_ptr<Store> store,
                                                  SqlCatalogOptions options);

  /// The catalog's name within the database.
  virtual const std::string& name() const = 0;

 protected:
  using CatalogProvider::CatalogProvider;
};

}  // namespace tarn
