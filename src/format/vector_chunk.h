// SPDX-License-Identifier: Apache-2.0
//
// The column chunk of a raw embedding column, written without a Parquet library: vectors of one
// length give levels that are known beforehand, and PLAIN floats are the floats as they lie in
// memory. What is left is a header and a checksum for each page.
#pragma once

#include <cstdint>
#include <vector>

#include "arrow/type_fwd.h"
#include "tarn/status.h"

namespace arrow::io {
class OutputStream;
}

namespace tarn::format {

/// A data page: its header lies at `offset` of the file.
struct ChunkPage {
  int64_t offset = 0;
  int32_t size = 0;  ///< header and data
  int64_t first_row = 0;
};

/// What the footer and the page index say of an uncompressed PLAIN chunk.
struct WrittenChunk {
  int64_t offset = 0;  ///< of the first page
  int64_t size = 0;
  int64_t rows = 0;
  int64_t values = 0;  ///< levels: floats, and one for each null row
  std::vector<ChunkPage> pages;
};

/// Writes list<element: float not null> as data pages of version 1 with a checksum, of about one
/// MiB and at most `max_rows_per_page` rows. Lists are null or all of one length, at least 1:
/// kBadInput otherwise. No byte of the floats is copied.
Result<WrittenChunk> WriteVectorChunk(const arrow::Array& lists, int64_t max_rows_per_page,
                                      arrow::io::OutputStream* out);

}  // namespace tarn::format
