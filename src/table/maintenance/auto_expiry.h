// SPDX-License-Identifier: Apache-2.0
//
// AutoExpiry: the retention that writers keep by themselves (docs/adr/0013-retention.md). After a
// commit a look at the metadata in hand says whether enough snapshots are past their time; if so,
// they are expired on a thread of their own, beside the writer.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>

#include "tarn/catalog.h"
#include "tarn/maintenance.h"

namespace tarn {

/// Properties, and the values of new tables.
inline constexpr char kAutoExpire[] = "tarn.expire.auto";
inline constexpr char kMaxSnapshots[] = "tarn.expire.max-snapshots";
inline constexpr int64_t kDefaultMaxSnapshots = 1000;
/// However many there are, snapshots younger than this stay: readers may hold them, and a writer
/// that was left in doubt looks for its own.
inline constexpr int64_t kLeastSnapshotAgeMs = 60 * 60 * 1000;

/// What is to be expired now; nullopt when the table does not ask for it or too little would go for
/// it to be worth reading manifests. Pure, and linear in the number of snapshots.
std::optional<ExpireOptions> ChooseAutoExpiry(const iceberg::TableMetadata& metadata,
                                              int64_t now_ms);

/// One thread at a time. Waits for its own thread when it goes.
class AutoExpiry {
 public:
  AutoExpiry(std::shared_ptr<CatalogProvider> catalog, TableIdent table);
  ~AutoExpiry();
  AutoExpiry(const AutoExpiry&) = delete;

  /// Returns at once. What goes wrong is tried again after a later commit.
  void AfterCommit(const TableState& state);

 private:
  std::shared_ptr<CatalogProvider> catalog_;
  const TableIdent table_;
  std::thread thread_;
  std::atomic<bool> running_{false};
  std::atomic<int64_t> not_before_ms_{0};
};

}  // namespace tarn
