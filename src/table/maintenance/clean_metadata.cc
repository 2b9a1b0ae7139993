// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <set>

#include "iceberg/table_metadata.h"
#include "table/maintenance/metadata_names.h"
#include "table/maintenance/snapshot_files.h"
#include "tarn/maintenance.h"

namespace tarn {

std::optional<int64_t> MetadataNumber(std::string_view name) {
  if (name.find(".metadata.json") == std::string_view::npos) return std::nullopt;
  const bool hadoop = !name.empty() && name.front() == 'v';
  if (hadoop) name.remove_prefix(1);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  const char next = end == name.data() + name.size() ? '\0' : *end;
  if (next != (hadoop ? '.' : '-')) return std::nullopt;
  return number;
}

std::string_view NameOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

Result<CleanReport> CleanMetadata(CatalogProvider& catalog, const TableIdent& table, bool dry_run) {
  ARROW_ASSIGN_OR_RAISE(const auto state, catalog.LoadTable(table));
  const std::string* enabled =
      state.metadata->FindProperty("write.metadata.delete-after-commit.enabled");
  if (enabled == nullptr || *enabled != "true") {
    return Error(ErrorKind::kBadInput, "table ", table.ToString(), " keeps its old metadata; set ",
                 "write.metadata.delete-after-commit.enabled to true if it should not");
  }
  Store& store = catalog.store();
  const size_t slash = state.metadata_path.rfind('/');
  const std::string folder = state.metadata_path.substr(0, slash);
  const bool hadoop = NameOf(state.metadata_path).front() == 'v';
  std::set<std::string> named{state.metadata_path};
  for (const auto& entry : state.metadata->metadata_log) {
    auto path = store.PathOf(entry.metadata_file);
    if (path.ok()) named.insert(*std::move(path));
  }
  // Only what is older than all of them: a higher number may be a commit that is under way.
  std::optional<int64_t> oldest;
  for (const auto& path : named) {
    const auto number = MetadataNumber(NameOf(path));
    if (number) oldest = std::min(oldest.value_or(*number), *number);
  }
  CleanReport report;
  if (!oldest) return report;
  ARROW_ASSIGN_OR_RAISE(const auto names, store.ListFolder(folder));
  for (const auto& name : names) {
    const auto number = MetadataNumber(name);
    const std::string path = folder + "/" + name;
    if (!number || *number >= *oldest || (name.front() == 'v') != hadoop) continue;
    if (named.count(path) == 0) report.metadata_files.push_back(path);
  }
  std::sort(report.metadata_files.begin(), report.metadata_files.end(),
            [](const std::string& a, const std::string& b) {
              return *MetadataNumber(NameOf(a)) < *MetadataNumber(NameOf(b));
            });
  if (dry_run) return report;
  for (const auto& path : report.metadata_files) {
    const Status deleted = store.Delete(path);
    if (!deleted.ok() && !IsKind(deleted, ErrorKind::kNotFound)) return deleted;
  }
  return report;
}

}  // namespace tarn
