// SPDX-License-Identifier: Apache-2.0
//
// `tarn bench open`: what the first answer costs.
#pragma once

#include <memory>
#include <ostream>
#include <string>

#include "tarn/catalog.h"

namespace tarn::cli {

struct BenchOpenOptions {
  std::string table;
  std::string queries;
};

/// Opens the table, asks the first query (k = 10), asks it again. Prints a line of JSON:
/// milliseconds until the first and for the second answer, and the growth of this process's memory
/// beyond mapped files.
Status RunBenchOpen(const BenchOpenOptions& options, std::shared_ptr<CatalogProvider> catalog,
                    std::ostream& out);

}  // namespace tarn::cli
