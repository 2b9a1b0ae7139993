// SPDX-License-Identifier: Apache-2.0
//
// Reads a whole file and checks everything in it against everything else.
#pragma once

#include "table/file/opened_file.h"

namespace tarn {

/// Checksums of sections and of Parquet pages, the page maps against the pages, and the footer keys
/// against the sections. kCorrupt names the first thing that is wrong. The indexes themselves are
/// checked by index::VectorIndex::Verify.
Status VerifyFile(const OpenedFile& file);

}  // namespace tarn
