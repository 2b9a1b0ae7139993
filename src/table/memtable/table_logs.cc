// SPDX-License-Identifier: Apache-2.0
#include "table/memtable/table_logs.h"

#include "iceberg/table_metadata.h"

namespace tarn {

TableLogs::TableLogs(std::shared_ptr<Store> store, const CatalogProvider& catalog,
                     const TableState& table, const std::string& folder)
    : store_(std::move(store)), local_(!folder.empty()) {
  if (local_) {
    place_ = folder;
  } else {
    place_ = catalog.warehouse();
    place_ += place_.empty() ? ".tarn/wal" : "/.tarn/wal";
  }
  place_ += "/" + table.metadata->table_uuid;
}

Result<std::shared_ptr<LogFolder>> TableLogs::Open(const std::string& path) const {
  if (local_) return OpenLocalLogFolder(path);
  auto folder = store_->OpenLogFolder(path);
  if (IsKind(folder.status(), ErrorKind::kNotSupported))
    return WithContext(folder.status(), "name a local folder for the log (MemTableLogConfig)");
  return folder;
}

Result<std::vector<std::string>> TableLogs::List() const {
  ARROW_ASSIGN_OR_RAISE(const auto all, Open(place_));
  return all->ListFolders();
}

Result<std::shared_ptr<LogFolder>> TableLogs::FolderOf(const std::string& wal_uuid) const {
  return Open(place_ + "/" + wal_uuid);
}

}  // namespace tarn
