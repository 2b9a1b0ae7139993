// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <utility>

#include "base/clock.h"
#include "catalog/hadoop_namespaces.h"
#include "catalog/hadoop_versions.h"
#include "catalog/metadata_file.h"
#include "iceberg/location.h"
#include "iceberg/table_requirement.h"
#include "iceberg/table_update.h"
#include "store/store_path.h"
#include "tarn/catalog.h"

namespace tarn {
namespace {

using iceberg::TableMetadata;

/// Waiting longer for the queue than this, a writer tries its luck without.
constexpr std::chrono::milliseconds kLockTimeout{10'000};
/// Folders below a warehouse that are looked into for tables.
constexpr int kMaxNamespaceDepth = 16;

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

class HadoopCatalogImpl : public HadoopCatalog {
 public:
  HadoopCatalogImpl(std::shared_ptr<Store> store, std::string warehouse)
      : HadoopCatalog(std::move(store)),
        warehouse_(std::move(warehouse)),
        folders_(store_, warehouse_) {}

  std::string warehouse() const override { return warehouse_; }
  Result<TableState> CreateTable(const TableIdent& ident,
                                 const TableProperties& properties) override {
    return CreateTable(ident, properties, iceberg::Schema());
  }
  Result<TableState> CreateTable(const TableIdent& ident, const TableProperties& properties,
                                 const iceberg::Schema& schema) override;
  Result<TableState> LoadTable(const TableIdent& ident) override;
  Result<bool> TableExists(const TableIdent& ident) override;
  Result<std::vector<TableIdent>> ListTables() override;
  Status DropTable(const TableIdent& ident) override;
  Status UnregisterTable(const TableIdent& ident) override {
    return CannotDo("forget a table and keep its files: a table is its folder");
  }
  Result<TableState> RegisterTable(const TableIdent& ident,
                                   std::string_view metadata_location) override {
    return CannotDo("register a table: it finds tables by their folders");
  }
  Status RenameTable(const TableIdent& from, const TableIdent& to) override {
    return CannotDo("rename a table: its files name each other by the folder they are in");
  }
  Result<TableState> CommitTable(const TableState& base,
                                 const std::vector<iceberg::TableRequirement>& requirements,
                                 const std::vector<iceberg::TableUpdate>& updates) override;

  Status CreateNamespace(const Namespace& ns, const NamespacePropertyMap& properties) override {
    if (!properties.empty()) return CannotDo("keep properties of a namespace");
    return folders_.Create(ns);
  }
  Status DropNamespace(const Namespace& ns) override { return folders_.Drop(ns); }
  Result<std::vector<Namespace>> ListNamespaces(const Namespace& parent) override {
    return folders_.List(parent);
  }
  Result<NamespacePropertyMap> NamespaceProperties(const Namespace& ns) override {
    ARROW_ASSIGN_OR_RAISE(const std::string folder, folders_.Find(ns));
    return NamespacePropertyMap{{"location", store_->UriOf(folder)}};
  }
  Status SetNamespaceProperties(const Namespace& ns, const NamespacePropertyMap& set,
                                const std::vector<std::string>& remove) override {
    return CannotDo("keep properties of a namespace");
  }

 private:
  static Status CannotDo(const char* what) {
    return Error(ErrorKind::kNotSupported, "a Hadoop catalog cannot ", what,
                 "; an SQL catalog can (sqlite:///FILE)");
  }

  Result<std::string> FolderOf(const TableIdent& ident) const {
    // An ident may have been put together by hand.
    ARROW_RETURN_NOT_OK(TableIdent::Parse(ident.ToString()).status());
    std::string folder = warehouse_;
    for (const auto& part : ident.ns) folder += (folder.empty() ? "" : "/") + part;
    return folder + "/" + ident.name;
  }

  std::shared_ptr<HadoopVersions> VersionsOf(const std::string& folder) {
    std::lock_guard guard(mutex_);
    auto& versions = versions_[folder];
    if (versions == nullptr) versions = std::make_shared<HadoopVersions>(store_, folder);
    return versions;
  }

  /// nullptr when the lock cannot be had: it only orders the writers.
  std::unique_ptr<StoreLock> LockTable(const std::string& folder) {
    auto lock = store_->Lock(folder + "/metadata", kLockTimeout);
    return lock.ok() ? std::move(lock).ValueUnsafe() : nullptr;
  }

  static TableState StateOf(const TableIdent& ident, const HadoopVersion& version) {
    return TableState{ident, version.metadata, version.path, version.number};
  }

  Status WhyNoTable(const TableIdent& ident, const std::string& folder);
  Status CheckNotTaken(const TableIdent& ident, const std::string& folder);
  Status FindTables(const std::string& folder, std::vector<std::string>* parts,
                    std::vector<TableIdent>* found);
  Result<TableState> PublishNext(const TableState& current, HadoopVersions& versions,
                                 TableMetadata next, bool alone);

  const std::string warehouse_;
  HadoopNamespaces folders_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<HadoopVersions>> versions_;  ///< guarded by mutex_
};

/// Says what lies where the table should be.
Status HadoopCatalogImpl::WhyNoTable(const TableIdent& ident, const std::string& folder) {
  ARROW_ASSIGN_OR_RAISE(const auto names, store_->ListFolder(folder));
  if (names.empty()) {
    return Error(ErrorKind::kNotFound, "there is no table ", ident.ToString(), " (",
                 store_->UriOf(folder), " does not exist)");
  }
  ARROW_ASSIGN_OR_RAISE(const auto metadata, store_->ListFolder(folder + "/metadata"));
  for (const auto& name : metadata) {
    if (EndsWith(name, ".metadata.json")) {
      return Error(
          ErrorKind::kNotFound, store_->UriOf(folder), " holds ", name,
          ", the metadata of another kind of catalog; open the table through that catalog");
    }
  }
  std::string holds;
  for (size_t i = 0; i < names.size() && i < 5; ++i) holds += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > 5) holds += ", ...";
  return Error(ErrorKind::kNotFound, store_->UriOf(folder), " is no table: it holds ", holds,
               " but no metadata/v<N>.metadata.json");
}

Status HadoopCatalogImpl::CheckNotTaken(const TableIdent& ident, const std::string& folder) {
  ARROW_ASSIGN_OR_RAISE(const auto names, store_->ListFolder(folder + "/metadata"));
  for (const auto& name : names) {
    if (EndsWith(name, ".metadata.json")) {
      return Error(ErrorKind::kAlreadyExists, "table ", ident.ToString(), " exists already in ",
                   store_->UriOf(folder));
    }
  }
  return Status::OK();
}

Result<TableState> HadoopCatalogImpl::CreateTable(const TableIdent& ident,
                                                  const TableProperties& properties,
                                                  const iceberg::Schema& schema) {
  ARROW_ASSIGN_OR_RAISE(const std::string folder, FolderOf(ident));
  ARROW_ASSIGN_OR_RAISE(auto table_properties, properties.ToIceberg());
  AddMetadataDefaults(table_properties);
  ARROW_ASSIGN_OR_RAISE(auto metadata, iceberg::NewTableMetadata(store_->UriOf(folder), schema,
                                                                 std::move(table_properties),
                                                                 Clock::System().NowMillis()));
  const auto lock = LockTable(folder);
  const auto versions = VersionsOf(folder);
  // The beginning of a creation that never finished is no table.
  ARROW_ASSIGN_OR_RAISE(const auto numbers, versions->ListNumbers());
  if (lock != nullptr && numbers == std::vector<int64_t>{1} &&
      IsKind(versions->LoadNewest().status(), ErrorKind::kNotFound)) {
    ARROW_RETURN_NOT_OK(store_->Delete(versions->PathOf(1)));
  }
  ARROW_RETURN_NOT_OK(CheckNotTaken(ident, folder));
  const Status published = versions->Publish(1, metadata, lock != nullptr);
  if (IsKind(published, ErrorKind::kCommitConflict)) {
    return Error(ErrorKind::kAlreadyExists, "table ", ident.ToString(), " exists already in ",
                 store_->UriOf(folder));
  }
  ARROW_RETURN_NOT_OK(published);
  versions->AfterPublish(1, 0);
  return TableState{ident, std::make_shared<const TableMetadata>(std::move(metadata)),
                    versions->PathOf(1), 1};
}

Result<TableState> HadoopCatalogImpl::LoadTable(const TableIdent& ident) {
  ARROW_ASSIGN_OR_RAISE(const std::string folder, FolderOf(ident));
  const auto version = VersionsOf(folder)->LoadNewest();
  if (version.ok()) return StateOf(ident, *version);
  if (!IsKind(version.status(), ErrorKind::kNotFound)) return version.status();
  {
    std::lock_guard guard(mutex_);
    versions_.erase(folder);
  }
  return WhyNoTable(ident, folder);
}

Result<bool> HadoopCatalogImpl::TableExists(const TableIdent& ident) {
  ARROW_ASSIGN_OR_RAISE(const std::string folder, FolderOf(ident));
  ARROW_ASSIGN_OR_RAISE(const auto numbers, VersionsOf(folder)->ListNumbers());
  return !numbers.empty();
}

Status HadoopCatalogImpl::FindTables(const std::string& folder, std::vector<std::string>* parts,
                                     std::vector<TableIdent>* found) {
  if (parts->size() >= 2) {
    ARROW_ASSIGN_OR_RAISE(const auto numbers, HadoopVersions(store_, folder).ListNumbers());
    if (!numbers.empty()) {
      found->push_back({{parts->begin(), parts->end() - 1}, parts->back()});
      return Status::OK();
    }
  }
  if (parts->size() >= kMaxNamespaceDepth) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto names, store_->ListFolder(folder));
  for (const auto& name : names) {
    const std::string part = name.substr(0, name.size() - 1);
    if (name.back() != '/' || !TableIdent::Parse("x." + part).ok()) continue;
    parts->push_back(part);
    ARROW_RETURN_NOT_OK(FindTables(folder.empty() ? part : folder + "/" + part, parts, found));
    parts->pop_back();
  }
  return Status::OK();
}

Result<std::vector<TableIdent>> HadoopCatalogImpl::ListTables() {
  std::vector<TableIdent> found;
  std::vector<std::string> parts;
  ARROW_RETURN_NOT_OK(FindTables(warehouse_, &parts, &found));
  return found;
}

Status HadoopCatalogImpl::DropTable(const TableIdent& ident) {
  ARROW_ASSIGN_OR_RAISE(const std::string folder, FolderOf(ident));
  const auto lock = LockTable(folder);
  const auto versions = VersionsOf(folder);
  ARROW_ASSIGN_OR_RAISE(auto numbers, versions->ListNumbers());
  if (numbers.empty()) return WhyNoTable(ident, folder);
  // The newest version goes last: until then the table is whole, and from then on it is gone. A
  // writer without the lock may publish another one meanwhile.
  while (!numbers.empty()) {
    for (const int64_t number : numbers) ARROW_RETURN_NOT_OK(versions->Delete(number));
    ARROW_ASSIGN_OR_RAISE(numbers, versions->ListNumbers());
  }
  versions->Forget();
  ARROW_ASSIGN_OR_RAISE(const auto objects, store_->List(folder + "/"));
  Status first;
  for (const auto& object : objects) {
    const Status deleted = store_->Delete(object.path);
    if (!IsKind(deleted, ErrorKind::kNotFound)) first &= deleted;
  }
  return first;
}

Result<TableState> HadoopCatalogImpl::CommitTable(
    const TableState& base, const std::vector<iceberg::TableRequirement>& requirements,
    const std::vector<iceberg::TableUpdate>& updates) {
  ARROW_ASSIGN_OR_RAISE(const std::string folder, FolderOf(base.ident));
  const auto lock = LockTable(folder);
  const auto versions = VersionsOf(folder);
  ARROW_ASSIGN_OR_RAISE(const auto newest, versions->LoadNewest());
  if (newest.metadata->table_uuid != base.metadata->table_uuid) {
    return Error(ErrorKind::kValidationFailed, "table ", base.ident.ToString(),
                 " was dropped and created again");
  }
  const Status holds = CheckRequirements(requirements, newest.metadata.get());
  if (!holds.ok()) {
    // Against a version that the caller has not seen it may be no more than a lost race.
    if (newest.number == base.version) return holds;
    return Error(ErrorKind::kCommitConflict, "table ", base.ident.ToString(),
                 " moved on to version ", newest.number, ": ", holds.message());
  }
  ARROW_ASSIGN_OR_RAISE(
      auto next, iceberg::ApplyUpdates(*newest.metadata, updates, Clock::System().NowMillis()));
  if (lock != nullptr) {
    for (const auto& path : newest.torn) (void)store_->Delete(path);
  }
  return PublishNext(StateOf(base.ident, newest), *versions, std::move(next), lock != nullptr);
}

Result<TableState> HadoopCatalogImpl::PublishNext(const TableState& current,
                                                  HadoopVersions& versions, TableMetadata next,
                                                  bool alone) {
  // Files are deleted by their numbers, so that none is forgotten after a failure.
  (void)LogPrevious(*current.metadata, store_->UriOf(current.metadata_path), next);
  const int64_t number = current.version + 1;
  ARROW_RETURN_NOT_OK(versions.Publish(number, next, alone));
  versions.AfterPublish(number, DeletesOldMetadata(next) ? number - PreviousVersionsKept(next) : 0);
  return TableState{current.ident, std::make_shared<const TableMetadata>(std::move(next)),
                    versions.PathOf(number), number};
}

}  // namespace

Result<std::shared_ptr<HadoopCatalog>> HadoopCatalog::Make(std::shared_ptr<Store> store,
                                                           std::string_view warehouse) {
  ARROW_ASSIGN_OR_RAISE(warehouse, CheckStoreFolder(warehouse));
  return std::make_shared<HadoopCatalogImpl>(std::move(store), std::string(warehouse));
}

}  // namespace tarn
