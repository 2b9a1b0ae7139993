// SPDX-License-Identifier: Apache-2.0
#include "catalog/hadoop_namespaces.h"

#include <algorithm>

#include "catalog/hadoop_versions.h"

namespace tarn {
namespace {

constexpr char kMark[] = ".tarn-namespace";

std::string MarkIn(const std::string& folder) { return folder + "/" + kMark; }

}  // namespace

Result<std::string> HadoopNamespaces::FolderOf(const Namespace& ns) const {
  // It may have been put together by hand.
  ARROW_RETURN_NOT_OK(ParseNamespace(NamespaceText(ns)).status());
  std::string folder = warehouse_;
  for (const auto& level : ns) folder += (folder.empty() ? "" : "/") + level;
  return folder;
}

Result<bool> HadoopNamespaces::IsTable(const std::string& folder) {
  ARROW_ASSIGN_OR_RAISE(const auto versions, HadoopVersions(store_, folder).ListNumbers());
  return !versions.empty();
}

Result<std::string> HadoopNamespaces::Find(const Namespace& ns) {
  ARROW_ASSIGN_OR_RAISE(const std::string folder, FolderOf(ns));
  const size_t slash = folder.rfind('/');
  const std::string parent = slash == std::string::npos ? "" : folder.substr(0, slash);
  ARROW_ASSIGN_OR_RAISE(const auto names, store_->ListFolder(parent));
  ARROW_ASSIGN_OR_RAISE(const bool is_table, IsTable(folder));
  if (is_table || std::count(names.begin(), names.end(), ns.back() + "/") == 0) {
    return Error(ErrorKind::kNotFound, "there is no namespace ", NamespaceText(ns), " (",
                 store_->UriOf(folder), is_table ? " is a table)" : " does not exist)");
  }
  return folder;
}

Status HadoopNamespaces::Create(const Namespace& ns) {
  ARROW_ASSIGN_OR_RAISE(const std::string folder, FolderOf(ns));
  const auto exists = Find(ns);
  ARROW_ASSIGN_OR_RAISE(const bool is_table, IsTable(folder));
  if (exists.ok() || is_table) {
    return Error(ErrorKind::kAlreadyExists, store_->UriOf(folder), " exists already, as a ",
                 is_table ? "table" : "namespace");
  }
  if (!IsKind(exists.status(), ErrorKind::kNotFound)) return exists.status();
  return store_->Put(MarkIn(folder), std::string_view());
}

Status HadoopNamespaces::Drop(const Namespace& ns) {
  ARROW_ASSIGN_OR_RAISE(const std::string folder, Find(ns));
  ARROW_ASSIGN_OR_RAISE(const auto names, store_->ListFolder(folder));
  for (const auto& name : names) {
    if (name == kMark) continue;
    return Error(ErrorKind::kBadInput, "the namespace ", NamespaceText(ns),
                 " is not empty: ", store_->UriOf(folder), " holds ", name);
  }
  // A folder that another engine made has no mark; deleting one takes the empty folder along.
  ARROW_RETURN_NOT_OK(store_->Put(MarkIn(folder), std::string_view()));
  return store_->Delete(MarkIn(folder));
}

Result<std::vector<Namespace>> HadoopNamespaces::List(const Namespace& parent) {
  std::string folder = warehouse_;
  if (!parent.empty()) {
    ARROW_ASSIGN_OR_RAISE(folder, Find(parent));
  }
  ARROW_ASSIGN_OR_RAISE(const auto names, store_->ListFolder(folder));
  std::vector<Namespace> found;
  for (const auto& name : names) {
    if (name.back() != '/') continue;
    const std::string level = name.substr(0, name.size() - 1);
    if (!ParseNamespace(level).ok() || level.find('.') != std::string::npos) continue;
    ARROW_ASSIGN_OR_RAISE(const bool is_table,
                          IsTable(folder.empty() ? level : folder + "/" + level));
    // Whatever lies directly in the warehouse is a namespace: a table's name has two parts.
    if (is_table && !parent.empty()) continue;
    Namespace child = parent;
    child.push_back(level);
    found.push_back(std::move(child));
  }
  return found;
}

}  // namespace tarn
