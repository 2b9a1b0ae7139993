// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>

#include "base/clock.h"
#include "iceberg/table_metadata.h"
#include "store/store_path.h"
#include "table/maintenance/metadata_names.h"
#include "table/maintenance/snapshot_files.h"
#include "tarn/maintenance.h"

namespace tarn {
namespace {

/// While others keep committing, the files in use are looked up again so often.
constexpr int kMostLooks = 10;

int64_t Millis(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

bool LiesIn(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path.substr(0, folder.size()) == folder &&
         path[folder.size()] == '/';
}

/// Whether any part of the path is a name that tools hide.
bool IsHidden(std::string_view path) {
  for (size_t begin = 0; begin < path.size();) {
    if (path[begin] == '.' || path[begin] == '_') return true;
    begin = std::min(path.find('/', begin), path.size() - 1) + 1;
  }
  return false;
}

class OrphanHunt {
 public:
  OrphanHunt(CatalogProvider& catalog, const TableIdent& table, const OrphanOptions& options)
      : catalog_(catalog), store_(catalog.store()), table_(table), options_(options) {}

  Result<OrphanReport> Run();

 private:
  Status ChooseFolders(const iceberg::TableMetadata& metadata);
  Status CheckAlone(const std::vector<ObjectInfo>& objects);
  Status Find(const std::vector<ObjectInfo>& objects);
  bool MayBeOrphan(const ObjectInfo& object, int64_t newest_ms) const;
  Status Look();

  CatalogProvider& catalog_;
  Store& store_;
  const TableIdent& table_;
  const OrphanOptions& options_;
  TableState state_;
  std::string folder_;               ///< of the table, in the store
  std::vector<std::string> within_;  ///< folders that are looked through
  std::set<std::string> in_use_;
  OrphanReport report_;
};

Status OrphanHunt::ChooseFolders(const iceberg::TableMetadata& metadata) {
  ARROW_ASSIGN_OR_RAISE(std::string folder, store_.PathOf(metadata.location));
  while (!folder.empty() && folder.back() == '/') folder.pop_back();
  if (folder.empty()) {
    return Error(ErrorKind::kValidationFailed, "table ", table_.ToString(),
                 " lies at the root of its store, which it cannot have to itself");
  }
  folder_ = folder;
  for (const auto& location : options_.locations) {
    const bool is_uri = location.find(":/") != std::string::npos || location.front() == '/';
    std::string path = folder_ + "/" + location;
    if (is_uri) {
      ARROW_ASSIGN_OR_RAISE(path, store_.PathOf(location));
    }
    ARROW_ASSIGN_OR_RAISE(const std::string_view checked, CheckStoreFolder(path));
    path = std::string(checked);
    if (path != folder_ && !LiesIn(path, folder_)) {
      return Error(ErrorKind::kBadInput, "location ", location, " lies outside the table's, ",
                   metadata.location);
    }
    within_.push_back(std::move(path));
  }
  if (within_.empty()) within_.push_back(folder_);
  return Status::OK();
}

/// What one table calls an orphan may be another's data.
Status OrphanHunt::CheckAlone(const std::vector<ObjectInfo>& objects) {
  for (const auto& object : objects) {
    const std::string_view rest = std::string_view(object.path).substr(folder_.size());
    const size_t metadata = rest.rfind("/metadata/");
    if (metadata == std::string_view::npos || metadata == 0) continue;
    if (MetadataNumber(rest.substr(metadata + 10))) {
      return Error(ErrorKind::kValidationFailed, "another table lies inside ", table_.ToString(),
                   ": ", object.path, "; name the folders to look through, or move it away");
    }
  }
  ARROW_ASSIGN_OR_RAISE(const auto tables, catalog_.ListTables());
  for (const auto& ident : tables) {
    if (ident == table_) continue;
    const auto other = catalog_.LoadTable(ident);
    // Dropped meanwhile, or damaged: nothing is known of where its files lie.
    if (!other.ok()) continue;
    std::vector<std::string> places{other->metadata->location};
    for (const char* key : {"write.data.path", "write.metadata.path"}) {
      if (const auto* path = other->metadata->FindProperty(key)) places.push_back(*path);
    }
    for (const auto& place : places) {
      const auto path = store_.PathOf(place);
      if (path.ok() && (*path == folder_ || LiesIn(*path, folder_))) {
        return Error(ErrorKind::kValidationFailed, "table ", ident.ToString(), " keeps files in ",
                     place, ", inside the location of ", table_.ToString());
      }
    }
  }
  return Status::OK();
}

/// The newest version, and what it needs besides what the ones before needed.
Status OrphanHunt::Look() {
  ARROW_ASSIGN_OR_RAISE(state_, catalog_.LoadTable(table_));
  ARROW_ASSIGN_OR_RAISE(auto in_use, FilesInUse(store_, *state_.metadata, state_.metadata_path));
  in_use_.merge(in_use);
  return Status::OK();
}

bool OrphanHunt::MayBeOrphan(const ObjectInfo& object, int64_t newest_ms) const {
  const std::string_view rest = std::string_view(object.path).substr(folder_.size() + 1);
  const bool chosen = std::any_of(within_.begin(), within_.end(),
                                  [&](const auto& folder) { return LiesIn(object.path, folder); });
  if (!chosen || IsHidden(rest) || Millis(object.modified) > newest_ms) return false;
  if (rest == "metadata/version-hint.text") return false;
  if (rest.substr(0, 9) == "metadata/") {
    // A version that was published since the table was looked at.
    const auto number = MetadataNumber(rest.substr(9));
    const auto newest = MetadataNumber(NameOf(state_.metadata_path));
    if (number && newest && *number >= *newest) return false;
  }
  return in_use_.count(object.path) == 0;
}

Status OrphanHunt::Find(const std::vector<ObjectInfo>& objects) {
  const int64_t newest_ms = Clock::System().NowMillis() - options_.older_than.count();
  report_.orphans.clear();
  report_.bytes = 0;
  for (const auto& object : objects) {
    if (!MayBeOrphan(object, newest_ms)) continue;
    report_.orphans.push_back({object.path, object.size, Millis(object.modified)});
    report_.bytes += object.size;
  }
  return Status::OK();
}

Result<OrphanReport> OrphanHunt::Run() {
  ARROW_ASSIGN_OR_RAISE(state_, catalog_.LoadTable(table_));
  ARROW_RETURN_NOT_OK(CheckMayDelete(*state_.metadata));
  ARROW_RETURN_NOT_OK(ChooseFolders(*state_.metadata));
  // The files first, then what is in use: whatever is committed in between is seen as in use.
  ARROW_ASSIGN_OR_RAISE(const auto objects, store_.List(folder_ + "/"));
  report_.files_seen = static_cast<int64_t>(objects.size());
  ARROW_RETURN_NOT_OK(CheckAlone(objects));
  ARROW_RETURN_NOT_OK(Look());
  ARROW_RETURN_NOT_OK(Find(objects));
  if (options_.dry_run || report_.orphans.empty()) return std::move(report_);
  for (int looks = 0; looks < kMostLooks; ++looks) {
    const std::string seen = state_.metadata_path;
    ARROW_ASSIGN_OR_RAISE(const auto now, catalog_.LoadTable(table_));
    if (now.metadata_path == seen) break;
    ARROW_RETURN_NOT_OK(Look());
    ARROW_RETURN_NOT_OK(Find(objects));
  }
  for (const auto& orphan : report_.orphans) {
    report_.deleted += DeleteOrTell(store_, orphan.path, &report_.left_behind);
  }
  return std::move(report_);
}

}  // namespace

Result<OrphanReport> RemoveOrphans(CatalogProvider& catalog, const TableIdent& table,
                                   const OrphanOptions& options) {
  const auto hours = [](std::chrono::milliseconds age) {
    return std::chrono::duration_cast<std::chrono::hours>(age).count();
  };
  if (options.older_than < std::chrono::milliseconds(0) ||
      (options.older_than < kLeastOrphanAge && !options.force)) {
    return Error(ErrorKind::kBadInput, "files younger than ", hours(kLeastOrphanAge),
                 " hours may belong to commits under way; to delete them all the same, force it");
  }
  for (const auto& location : options.locations) {
    if (location.empty()) return Error(ErrorKind::kBadInput, "a location must not be empty");
  }
  return OrphanHunt(catalog, table, options).Run();
}

}  // namespace tarn
