// SPDX-License-Identifier: Apache-2.0
#include "tarn/sql_catalog.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/crash_point.h"
#include "base/random_id.h"
#include "catalog/metadata_cache.h"
#include "catalog/metadata_file.h"
#include "catalog/sql_tables.h"
#include "catalog/table_files.h"
#include "iceberg/location.h"
#include "iceberg/table_metadata_json.h"
#include "iceberg/table_requirement.h"
#include "iceberg/table_update.h"

namespace tarn {
namespace {

CrashPoint kSqlSwapBefore("sql/swap/before");
CrashPoint kSqlSwapAfter("sql/swap/after");
CrashPoint kSqlSwapCleaned("sql/swap/cleaned");

using iceberg::TableMetadata;
using MetadataPtr = std::shared_ptr<const TableMetadata>;

constexpr size_t kCachedMetadata = 64;
/// How often a table is looked up again because somebody replaced it between two steps.
constexpr int kMaxRounds = 20;

/// Names that could mean something else as part of a row or of a path. What CreateTable accepts is
/// narrower; other programs' tables may be called nearly anything.
Status CheckNames(const Namespace& ns, const std::string* table) {
  const auto usable = [](const std::string& name) {
    return !name.empty() && std::none_of(name.begin(), name.end(), [](char c) {
      return c == '/' || static_cast<unsigned char>(c) < ' ';
    });
  };
  bool good = !ns.empty() && (table == nullptr || usable(*table));
  for (const auto& level : ns) good &= usable(level) && level.find('.') == std::string::npos;
  if (good) return Status::OK();
  return Error(ErrorKind::kBadInput, "'", NamespaceText(ns), table == nullptr ? "" : ".",
               table == nullptr ? "" : *table, "' is no name of a ",
               table == nullptr ? "namespace" : "table");
}

Status CheckTable(const TableIdent& ident) { return CheckNames(ident.ns, &ident.name); }
Status CheckNamespace(const Namespace& ns) { return CheckNames(ns, nullptr); }

/// The mark that keeps an empty namespace in the database is not the caller's.
Status CheckKey(const std::string& key) {
  if (key != "exists" && !key.empty()) return Status::OK();
  return Error(ErrorKind::kBadInput, "the namespace property '", key, "' is reserved");
}

class SqlCatalogImpl : public SqlCatalog {
 public:
  SqlCatalogImpl(std::shared_ptr<Store> store, std::unique_ptr<SqlTables> tables,
                 std::string warehouse)
      : SqlCatalog(std::move(store)),
        tables_(std::move(tables)),
        warehouse_(std::move(warehouse)),
        cache_(kCachedMetadata) {}

  const std::string& name() const override { return tables_->name(); }
  std::string warehouse() const override { return store_->PathOf(warehouse_).ValueOr(""); }

  Result<TableState> CreateTable(const TableIdent& ident,
                                 const TableProperties& properties) override {
    return CreateTable(ident, properties, iceberg::Schema());
  }
  Result<TableState> CreateTable(const TableIdent& ident, const TableProperties& properties,
                                 const iceberg::Schema& schema) override;
  Result<TableState> LoadTable(const TableIdent& ident) override;
  Result<bool> TableExists(const TableIdent& ident) override {
    ARROW_RETURN_NOT_OK(CheckTable(ident));
    ARROW_ASSIGN_OR_RAISE(const auto location, tables_->FindTable(ident));
    return location.has_value();
  }
  Result<std::vector<TableIdent>> ListTables() override;
  Status DropTable(const TableIdent& ident) override;
  Status UnregisterTable(const TableIdent& ident) override;
  Result<TableState> RegisterTable(const TableIdent& ident,
                                   std::string_view metadata_location) override;
  Status RenameTable(const TableIdent& from, const TableIdent& to) override;
  Result<TableState> CommitTable(const TableState& base,
                                 const std::vector<iceberg::TableRequirement>& requirements,
                                 const std::vector<iceberg::TableUpdate>& updates) override;

  Status CreateNamespace(const Namespace& ns, const NamespacePropertyMap& properties) override;
  Status DropNamespace(const Namespace& ns) override {
    ARROW_RETURN_NOT_OK(CheckNamespace(ns));
    return tables_->DropNamespace(ns);
  }
  Result<std::vector<Namespace>> ListNamespaces(const Namespace& parent) override {
    if (!parent.empty()) ARROW_RETURN_NOT_OK(CheckNamespace(parent));
    return tables_->ListNamespaces(parent);
  }
  Result<NamespacePropertyMap> NamespaceProperties(const Namespace& ns) override {
    ARROW_RETURN_NOT_OK(CheckNamespace(ns));
    return tables_->Properties(ns);
  }
  Status SetNamespaceProperties(const Namespace& ns, const NamespacePropertyMap& set,
                                const std::vector<std::string>& remove) override;

 private:
  /// A table as its row and file have it.
  struct Found {
    std::string location;
    MetadataPtr metadata;
  };

  Result<Found> Find(const TableIdent& ident);
  Result<MetadataPtr> Read(const std::string& location);
  Result<TableState> StateOf(const TableIdent& ident, const Found& found) const;
  Result<std::string> NewTableLocation(const TableIdent& ident);
  Status WriteMetadata(const std::string& location, const TableMetadata& metadata);
  Status Settle(const Status& done, const TableIdent& ident, const std::string& location);
  void DeleteFile(const std::string& location);
  Status CheckNotShared(const TableIdent& ident, const Found& found);

  const std::unique_ptr<SqlTables> tables_;
  const std::string warehouse_;
  MetadataCache cache_;
};

Result<MetadataPtr> SqlCatalogImpl::Read(const std::string& location) {
  if (auto cached = cache_.Find(location)) return cached;
  if (!store_->PathOf(location).ok()) {
    return Error(ErrorKind::kNotSupported, "the metadata file '", location,
                 "' lies in a storage that Tarn cannot read");
  }
  ARROW_ASSIGN_OR_RAISE(auto metadata, ReadMetadataFile(*store_, location));
  cache_.Put(location, metadata);
  return metadata;
}

Result<SqlCatalogImpl::Found> SqlCatalogImpl::Find(const TableIdent& ident) {
  ARROW_RETURN_NOT_OK(CheckTable(ident));
  std::string missing;
  for (int round = 0;; ++round) {
    ARROW_ASSIGN_OR_RAISE(const auto location, tables_->FindTable(ident));
    if (!location) return tables_->NoTable(ident);
    auto metadata = Read(*location);
    if (metadata.ok()) return Found{*location, *std::move(metadata)};
    const Status& why = metadata.status();
    if (!IsKind(why, ErrorKind::kNotFound)) {
      return WithContext(why, "table " + ident.ToString());
    }
    // Others may have committed and cleaned up between the row and the file.
    if (*location == missing || round == kMaxRounds) {
      return Error(ErrorKind::kCorrupt, "table ", ident.ToString(), " of ", tables_->file(),
                   ": its metadata file is missing: ", why.message());
    }
    missing = *location;
  }
}

Result<TableState> SqlCatalogImpl::StateOf(const TableIdent& ident, const Found& found) const {
  ARROW_ASSIGN_OR_RAISE(std::string path, store_->PathOf(found.location));
  return TableState{ident, found.metadata, std::move(path),
                    VersionOfMetadataFile(found.location) + 1};
}

Result<TableState> SqlCatalogImpl::LoadTable(const TableIdent& ident) {
  ARROW_ASSIGN_OR_RAISE(const auto found, Find(ident));
  return StateOf(ident, found);
}

Result<std::vector<TableIdent>> SqlCatalogImpl::ListTables() {
  ARROW_ASSIGN_OR_RAISE(auto rows, tables_->AllTables());
  std::vector<TableIdent> tables;
  for (auto& row : rows) {
    if (row.catalog == name()) tables.push_back(std::move(row.ident));
  }
  return tables;
}

/// Where a new table goes. A folder that holds metadata already belongs to a table that was
/// renamed, forgotten or is somebody else's.
Result<std::string> SqlCatalogImpl::NewTableLocation(const TableIdent& ident) {
  std::string location;
  const auto properties = tables_->Properties(ident.ns);
  if (!properties.ok() && !IsKind(properties.status(), ErrorKind::kNotFound)) {
    return properties.status();
  }
  if (properties.ok() && properties->count("location") > 0) {
    location = properties->at("location");
  } else if (!warehouse_.empty()) {
    location = warehouse_;
    for (const auto& level : ident.ns) location = iceberg::JoinLocation(location, level);
  } else {
    return Error(
        ErrorKind::kBadInput, "where should table ", ident.ToString(),
        " lie? Name a warehouse, as in sqlite:///FILE?warehouse=/lake, or set the property "
        "'location' of its namespace");
  }
  location = iceberg::JoinLocation(location, ident.name);
  ARROW_ASSIGN_OR_RAISE(const std::string folder, store_->PathOf(location));
  ARROW_ASSIGN_OR_RAISE(const auto metadata, store_->ListFolder(folder + "/metadata"));
  if (!metadata.empty()) location += "-" + NewUuid4();
  return location;
}

Status SqlCatalogImpl::WriteMetadata(const std::string& location, const TableMetadata& metadata) {
  ARROW_ASSIGN_OR_RAISE(const std::string path, store_->PathOf(location));
  Status put =
      store_->PutUnsynced(path, iceberg::TableMetadataToJson(metadata), PutMode::kIfAbsent);
  // Whatever the row is about to name, and what that names, must be there to stay.
  if (put.ok()) put = store_->Sync();
  // Nobody knows the name yet.
  if (!put.ok()) DeleteFile(location);
  return put;
}

void SqlCatalogImpl::DeleteFile(const std::string& location) {
  const auto path = store_->PathOf(location);
  if (path.ok()) (void)store_->Delete(*path);
}

/// The end of a change that makes `location` the table's metadata. After an unknown outcome the
/// table itself may tell; its file is deleted only if the change is known not to have happened.
Status SqlCatalogImpl::Settle(const Status& done, const TableIdent& ident,
                              const std::string& location) {
  if (IsKind(done, ErrorKind::kCommitStateUnknown)) {
    const auto now = tables_->FindTable(ident);
    return now.ok() && *now == location ? Status::OK() : done;
  }
  if (!done.ok()) DeleteFile(location);
  return done;
}

Result<TableState> SqlCatalogImpl::CreateTable(const TableIdent& ident,
                                               const TableProperties& properties,
                                               const iceberg::Schema& schema) {
  ARROW_RETURN_NOT_OK(TableIdent::Parse(ident.ToString()).status());
  ARROW_RETURN_NOT_OK(CheckTable(ident));
  ARROW_ASSIGN_OR_RAISE(const auto taken, tables_->FindTable(ident));
  if (taken) {
    return Error(ErrorKind::kAlreadyExists, "table ", ident.ToString(), " exists already in ",
                 tables_->file());
  }
  ARROW_ASSIGN_OR_RAISE(auto table_properties, properties.ToIceberg());
  AddMetadataDefaults(table_properties);
  ARROW_ASSIGN_OR_RAISE(std::string table_location, NewTableLocation(ident));
  ARROW_ASSIGN_OR_RAISE(auto metadata, iceberg::NewTableMetadata(std::move(table_location), schema,
                                                                 std::move(table_properties),
                                                                 Clock::System().NowMillis()));
  const std::string location = iceberg::MetadataFileLocation(metadata, NewMetadataFileName(0));
  ARROW_RETURN_NOT_OK(WriteMetadata(location, metadata));
  ARROW_RETURN_NOT_OK(Settle(tables_->InsertTable(ident, location), ident, location));
  const Found made{location, std::make_shared<const TableMetadata>(std::move(metadata))};
  cache_.Put(location, made.metadata);
  return StateOf(ident, made);
}

Result<TableState> SqlCatalogImpl::CommitTable(
    const TableState& base, const std::vector<iceberg::TableRequirement>& requirements,
    const std::vector<iceberg::TableUpdate>& updates) {
  const TableIdent& ident = base.ident;
  ARROW_ASSIGN_OR_RAISE(const auto newest, Find(ident));
  if (newest.metadata->table_uuid != base.metadata->table_uuid) {
    return Error(ErrorKind::kValidationFailed, "table ", ident.ToString(),
                 " was dropped and created again");
  }
  const Status holds = CheckRequirements(requirements, newest.metadata.get());
  if (!holds.ok()) {
    // Against a version that the caller has not seen it may be no more than a lost race.
    ARROW_ASSIGN_OR_RAISE(const std::string path, store_->PathOf(newest.location));
    if (path == base.metadata_path) return holds;
    return Error(ErrorKind::kCommitConflict, "table ", ident.ToString(), " moved on to ",
                 newest.location, ": ", holds.message());
  }
  ARROW_ASSIGN_OR_RAISE(
      auto next, iceberg::ApplyUpdates(*newest.metadata, updates, Clock::System().NowMillis()));
  const auto old_files = LogPrevious(*newest.metadata, newest.location, next);
  const std::string location = iceberg::MetadataFileLocation(
      next, NewMetadataFileName(VersionOfMetadataFile(newest.location) + 1));
  ARROW_RETURN_NOT_OK(WriteMetadata(location, next));
  kSqlSwapBefore.Reach();
  ARROW_RETURN_NOT_OK(
      Settle(tables_->SwapTable(ident, newest.location, location), ident, location));
  kSqlSwapAfter.Reach();
  if (DeletesOldMetadata(next)) {
    for (const auto& file : old_files) DeleteFile(file);
  }
  kSqlSwapCleaned.Reach();
  const Found made{location, std::make_shared<const TableMetadata>(std::move(next))};
  cache_.Put(location, made.metadata);
  return StateOf(ident, made);
}

/// A table may be registered twice, by mistake or by other programs: then its files are needed.
Status SqlCatalogImpl::CheckNotShared(const TableIdent& ident, const Found& found) {
  ARROW_ASSIGN_OR_RAISE(const auto rows, tables_->AllTables());
  ARROW_ASSIGN_OR_RAISE(const std::string folder, store_->PathOf(found.metadata->location));
  std::vector<std::string> ours = {found.location};
  for (const auto& entry : found.metadata->metadata_log) ours.push_back(entry.metadata_file);
  for (const auto& row : rows) {
    if (row.catalog == name() && row.ident == ident) continue;
    const std::string other = row.catalog + ": " + row.ident.ToString();
    const std::string path = store_->PathOf(row.metadata_location).ValueOr("");
    bool shared = std::count(ours.begin(), ours.end(), row.metadata_location) > 0;
    if (!shared && path.compare(0, folder.size() + 1, folder + "/") == 0) {
      const auto metadata = Read(row.metadata_location);
      if (!metadata.ok()) return WithContext(metadata.status(), "looking at " + other);
      shared = (*metadata)->table_uuid == found.metadata->table_uuid;
    }
    if (shared) {
      return Error(ErrorKind::kBadInput, "table ", ident.ToString(), " is registered as ", other,
                   " too, which needs its files; unregister one of the names instead");
    }
  }
  return Status::OK();
}

Status SqlCatalogImpl::DropTable(const TableIdent& ident) {
  std::vector<std::string> files;
  for (int round = 0;; ++round) {
    ARROW_ASSIGN_OR_RAISE(const auto found, Find(ident));
    const std::string* collects = found.metadata->FindProperty("gc.enabled");
    if (collects != nullptr && *collects == "false") {
      return Error(ErrorKind::kBadInput, "table ", ident.ToString(),
                   " has gc.enabled=false: others may need its files; unregister it instead");
    }
    ARROW_RETURN_NOT_OK(CheckNotShared(ident, found));
    auto reached = FilesOfTable(*store_, *found.metadata);
    if (!reached.ok()) {
      return WithContext(reached.status(), "table " + ident.ToString() +
                                               " was not dropped, its files are not all known");
    }
    files = *std::move(reached);
    files.push_back(found.location);
    const Status gone = tables_->DeleteTable(ident, found.location);
    if (gone.ok()) break;
    if (!IsKind(gone, ErrorKind::kCommitConflict) || round == kMaxRounds) return gone;
  }
  Status first;
  for (const auto& file : files) {
    const auto path = store_->PathOf(file);
    const Status deleted = path.ok() ? store_->Delete(*path) : path.status();
    if (!IsKind(deleted, ErrorKind::kNotFound)) first &= deleted;
  }
  return first;
}

Status SqlCatalogImpl::UnregisterTable(const TableIdent& ident) {
  ARROW_RETURN_NOT_OK(CheckTable(ident));
  return tables_->DeleteTable(ident, std::nullopt);
}

Result<TableState> SqlCatalogImpl::RegisterTable(const TableIdent& ident,
                                                 std::string_view metadata_location) {
  ARROW_RETURN_NOT_OK(CheckTable(ident));
  Found found{std::string(metadata_location), nullptr};
  ARROW_ASSIGN_OR_RAISE(const std::string path, store_->PathOf(found.location));
  // A bare path is no location that every engine takes.
  if (found.location.find(':') == std::string::npos) found.location = store_->UriOf(path);
  ARROW_ASSIGN_OR_RAISE(found.metadata, Read(found.location));
  ARROW_ASSIGN_OR_RAISE(const auto rows, tables_->AllTables());
  for (const auto& row : rows) {
    const auto other = store_->PathOf(row.metadata_location);
    if (!other.ok() || *other != path) continue;
    return Error(ErrorKind::kAlreadyExists, found.location, " is the table ", row.ident.ToString(),
                 " of the catalog '", row.catalog, "' already");
  }
  const Status done = tables_->InsertTable(ident, found.location);
  if (!done.ok()) {
    const auto now = tables_->FindTable(ident);
    const bool there = now.ok() && *now == found.location;
    if (!IsKind(done, ErrorKind::kCommitStateUnknown) || !there) return done;
  }
  return StateOf(ident, found);
}

Status SqlCatalogImpl::RenameTable(const TableIdent& from, const TableIdent& to) {
  ARROW_RETURN_NOT_OK(CheckTable(from));
  ARROW_RETURN_NOT_OK(CheckTable(to));
  return tables_->RenameTable(from, to);
}

Status SqlCatalogImpl::CreateNamespace(const Namespace& ns,
                                       const NamespacePropertyMap& properties) {
  ARROW_RETURN_NOT_OK(ParseNamespace(NamespaceText(ns)).status());
  ARROW_RETURN_NOT_OK(CheckNamespace(ns));
  for (const auto& [key, value] : properties) ARROW_RETURN_NOT_OK(CheckKey(key));
  return tables_->CreateNamespace(ns, properties);
}

Status SqlCatalogImpl::SetNamespaceProperties(const Namespace& ns, const NamespacePropertyMap& set,
                                              const std::vector<std::string>& remove) {
  ARROW_RETURN_NOT_OK(CheckNamespace(ns));
  for (const auto& [key, value] : set) ARROW_RETURN_NOT_OK(CheckKey(key));
  for (const auto& key : remove) {
    ARROW_RETURN_NOT_OK(CheckKey(key));
    if (set.count(key) > 0) {
      return Error(ErrorKind::kBadInput, "the namespace property '", key,
                   "' cannot be both set and removed");
    }
  }
  return tables_->SetProperties(ns, set, remove);
}

}  // namespace

Result<std::shared_ptr<SqlCatalog>> SqlCatalog::Make(std::shared_ptr<Store> store,
                                                     SqlCatalogOptions options) {
  if (!options.warehouse.empty()) {
    ARROW_RETURN_NOT_OK(store->PathOf(options.warehouse).status());
  }
  ARROW_ASSIGN_OR_RAISE(auto tables,
                        SqlTables::Open({options.database,
                                         options.name,
                                         {options.create, options.durable, options.busy_timeout}}));
  return std::make_shared<SqlCatalogImpl>(std::move(store), std::move(tables),
                                          std::move(options.warehouse));
}

}  // namespace tarn
