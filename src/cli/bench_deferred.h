// SPDX-License-Identifier: Apache-2.0
//
// `tarn bench deferred`: how fast rows with embeddings are taken in when their indexes come later.
#pragma once

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>

#include "tarn/catalog.h"
#include "tarn/status.h"

namespace tarn::cli {

struct BenchDeferredOptions {
  std::string table;
  std::string base;             ///< .npy, the embeddings
  int64_t batch_rows = 10'000;  ///< of a batch, which is a file and a commit
  std::string folder;           ///< for the plain files, on the same disk
};

/// Appends all rows (id, embedding) to a new table, batch by batch, each committed; after each
/// batch writes the bytes of its file to a plain file, syncs and deletes it. Prints a line of JSON:
/// rows, bytes of the data files, the seconds of each batch and of each plain write.
Status RunBenchDeferred(const BenchDeferredOptions& options,
                        std::shared_ptr<CatalogProvider> catalog, std::ostream& out);

}  // namespace tarn::cli
