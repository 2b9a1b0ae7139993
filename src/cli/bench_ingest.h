// SPDX-License-Identifier: Apache-2.0
//
// `tarn bench ingest`: small batches through a memtable, call by call.
#pragma once

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>

#include "tarn/catalog.h"
#include "tarn/status.h"

namespace tarn::cli {

struct BenchIngestOptions {
  std::string table;
  std::string base;      ///< .npy, the embeddings; taken again from the start when they run out
  int64_t rows = 100;    ///< of a call
  int64_t calls = 1000;  ///< of all threads together
  int threads = 1;       ///< that insert at the same time
  std::string sync = "every";
  std::string folder;  ///< for the plain file, on the same disk; empty: no plain writes
};

/// Inserts rows (id, embedding) into a new table, flushes as it goes and at the end; then writes
/// the same number of bytes a call to a plain file, each with fdatasync. Prints a line of JSON:
/// rows, seconds in all, microseconds of each call that did not flush, of each that did, files,
/// bytes of the log, microseconds of each plain write.
Status RunBenchIngest(const BenchIngestOptions& options, std::shared_ptr<CatalogProvider> catalog,
                      std::ostream& out);

}  // namespace tarn::cli
