// SPDX-License-Identifier: Apache-2.0
#include "table/maintenance/auto_expiry.h"

#include <algorithm>
#include <vector>

#include "base/clock.h"
#include "iceberg/snapshot_expiry.h"
#include "iceberg/table_metadata.h"

namespace tarn {
namespace {

/// Expiring reads the lists of all snapshots that stay: it must free a good part of them.
constexpr int64_t kLeastExpired = 100;
/// After a failure, or a run that others were quicker with.
constexpr int64_t kPauseMs = 10 * 60 * 1000;

}  // namespace

std::optional<ExpireOptions> ChooseAutoExpiry(const iceberg::TableMetadata& metadata,
                                              int64_t now_ms) {
  const std::string* wanted = metadata.FindProperty(kAutoExpire);
  if (wanted == nullptr || *wanted != "true") return std::nullopt;
  const std::string* gc = metadata.FindProperty("gc.enabled");
  if (gc != nullptr && *gc == "false") return std::nullopt;
  const auto count = static_cast<int64_t>(metadata.snapshots.size());
  if (count <= kLeastExpired) return std::nullopt;

  int64_t older_than =
      now_ms - metadata.PropertyNumber(iceberg::kMaxSnapshotAge, iceberg::kDefaultMaxSnapshotAgeMs);
  const int64_t most =
      std::max<int64_t>(1, metadata.PropertyNumber(kMaxSnapshots, kDefaultMaxSnapshots));
  std::vector<int64_t> times;
  for (const auto& snapshot : metadata.snapshots) times.push_back(snapshot.timestamp_ms);
  if (count > most) {
    const auto oldest_kept = times.end() - most;
    std::nth_element(times.begin(), oldest_kept, times.end());
    older_than = std::max(older_than, std::min(*oldest_kept, now_ms - kLeastSnapshotAgeMs));
  }
  int64_t past =
      std::count_if(times.begin(), times.end(), [&](int64_t time) { return time < older_than; });
  past = std::min(past, count - metadata.PropertyNumber(iceberg::kMinSnapshotsToKeep, 1));
  const int64_t worth = std::max(kLeastExpired, (count - past) / 4);
  if (past < worth) return std::nullopt;
  ExpireOptions options;
  options.older_than_ms = older_than;
  options.now_ms = now_ms;
  return options;
}

AutoExpiry::AutoExpiry(std::shared_ptr<CatalogProvider> catalog, TableIdent table)
    : catalog_(std::move(catalog)), table_(std::move(table)) {}

AutoExpiry::~AutoExpiry() {
  if (thread_.joinable()) thread_.join();
}

void AutoExpiry::AfterCommit(const TableState& state) {
  const int64_t now_ms = Clock::System().NowMillis();
  if (running_ || now_ms < not_before_ms_) return;
  const auto options = ChooseAutoExpiry(*state.metadata, now_ms);
  if (!options) return;
  if (thread_.joinable()) thread_.join();
  running_ = true;
  thread_ = std::thread([this, options = *options, now_ms] {
    const auto done = ExpireSnapshots(*catalog_, table_, options);
    if (!done.ok() || done->snapshots.empty()) not_before_ms_ = now_ms + kPauseMs;
    running_ = false;
  });
}

}  // namespace tarn
