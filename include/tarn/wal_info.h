// SPDX-License-Identifier: Apache-2.0
//
// What lies in the write-ahead logs of a table on this machine: rows that a MemTableWriter has
// accepted and not yet committed. Looking changes nothing, and writers go on meanwhile.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tarn/catalog.h"

namespace tarn {

/// One log: what one MemTableWriter at a time writes.
struct WalInfo {
  std::string uuid;
  uint64_t epoch = 0;           ///< how often it was opened to be written
  int64_t segments = 0;         ///< files
  uint64_t bytes = 0;           ///< of the segments, reserved ones included
  uint64_t torn_bytes = 0;      ///< behind its end: what a crash cut short, promised to nobody
  uint64_t first_sequence = 0;  ///< of the records that are there; 0: none is
  uint64_t last_sequence = 0;   ///< the last record that can be read
  /// The table has, or had once, every record up to this one (its property `tarn.wal.<uuid>.main`).
  uint64_t covered = 0;
  uint64_t waiting_batches = 0;  ///< beyond it, as far as they can be read
  uint64_t waiting_rows = 0;
  bool is_open = false;   ///< a writer is at work on it
  Status damage;          ///< kCorrupt, with file and byte, where records are lost
  Status covered_damage;  ///< the same where the table has the records; only with `verify`
};

struct DescribeWalsOptions {
  std::string folder;  ///< as MemTableLogConfig::folder
  /// Reads every record that is there with its checksums and its rows, also those that the table
  /// has; otherwise those that it has not.
  bool verify = false;
};

/// The logs of a table, ordered by their UUIDs. `store`: where they lie, usually the catalog's.
/// Whether a log is open is found out by asking for its lock, for a moment: a writer that opens its
/// logs in that moment leaves this one to the next.
Result<std::vector<WalInfo>> DescribeWals(CatalogProvider& catalog, std::shared_ptr<Store> store,
                                          const TableIdent& table,
                                          const DescribeWalsOptions& options = {});

}  // namespace tarn
