// SPDX-License-Identifier: Apache-2.0
//
// Translator from a Parquet footer to the facts that an Iceberg manifest keeps of a file: counts,
// sizes and bounds by field id (docs of `DataFile` in iceberg/manifest.h).
#pragma once

#include <string>

#include "iceberg/manifest.h"
#include "iceberg/schema.h"

namespace parquet {
class FileMetaData;
}

namespace tarn {

/// Columns beyond the first so many have no metrics (Iceberg's write.metadata.metrics.max-inferred-
/// column-defaults).
inline constexpr int kMaxColumnsWithMetrics = 100;

/// What to do with columns that the schema does not have.
enum class UnknownColumns {
  kRefuse,
  kLeaveOut,  ///< in files of other engines: lineage, dropped columns, columns without ids
};

/// Everything but the path. `schema` is the table's: it gives the Iceberg types of the field ids.
/// Lists and maps, and what lies in them, have sizes only. kCorrupt when the footer does not fit
/// the schema.
Result<iceberg::DataFile> DataFileFromFooter(const parquet::FileMetaData& footer, int64_t file_size,
                                             const iceberg::Schema& schema,
                                             UnknownColumns unknown = UnknownColumns::kRefuse);

}  // namespace tarn
