// SPDX-License-Identifier: Apache-2.0
//
// Finds a table's codebook in the table's files.
#pragma once

#include <memory>

#include "iceberg/table_metadata.h"
#include "index/codebook.h"
#include "table/codebook/codebook_record.h"
#include "tarn/store.h"
#include "tarn/types.h"

namespace tarn {

/// Looks into the file that the record names, then into the files of the current snapshot, then of
/// the older ones, newest first, for an index of the column that carries a codebook with the
/// record's fingerprint. The column is the one with the field id, whatever each file calls it.
/// Damaged and missing files are passed over; kNotFound when no file has it. kIo when the store
/// failed: then it may be there after all.
Result<std::shared_ptr<const index::Codebook>> FindCodebook(const std::shared_ptr<Store>& store,
                                                            const iceberg::TableMetadata& metadata,
                                                            const VectorStoragePolicy& policy,
                                                            int32_t field_id,
                                                            const CodebookRecord& record);

}  // namespace tarn
