// SPDX-License-Identifier: Apache-2.0
//
// TableLogs: where the logs of one table lie on this machine. Outside the table's own folder,
// because other engines' orphan removal would take them for litter:
// `<warehouse>/.tarn/wal/<table uuid>/<log uuid>/`.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "store/log_folder.h"
#include "tarn/catalog.h"

namespace tarn {

/// Thread-safe.
class TableLogs {
 public:
  /// `folder`: a folder of the local disk in place of `<warehouse>/.tarn/wal`; empty: none.
  TableLogs(std::shared_ptr<Store> store, const CatalogProvider& catalog, const TableState& table,
            const std::string& folder);

  /// UUIDs of the logs that there are, ordered. kNotSupported where the store has no place for
  /// logs, and no folder is given.
  Result<std::vector<std::string>> List() const;
  Result<std::shared_ptr<LogFolder>> FolderOf(const std::string& wal_uuid) const;

 private:
  Result<std::shared_ptr<LogFolder>> Open(const std::string& path) const;

  std::shared_ptr<Store> store_;
  bool local_ = false;  ///< a folder outside the store
  std::string place_;   ///< of the table's logs
};

}  // namespace tarn
