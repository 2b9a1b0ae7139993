// SPDX-License-Identifier: Apache-2.0
//
// The delete files of a table, as VerifyTable looks at them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "iceberg/manifest.h"
#include "iceberg/table_metadata.h"
#include "tarn/store.h"
#include "tarn/table_info.h"

namespace tarn {

/// Reads one delete file whole and checks it against the entries that name it: one of a position or
/// equality delete file, any number of deletion vectors in one Puffin file.
std::vector<Finding> VerifyDeleteFile(const std::shared_ptr<Store>& store,
                                      const iceberg::TableMetadata& metadata,
                                      const std::vector<iceberg::DataFile>& entries);

}  // namespace tarn
