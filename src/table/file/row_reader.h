// SPDX-License-Identifier: Apache-2.0
//
// Single rows of a file, decoding only the pages that hold them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "arrow/type_fwd.h"
#include "table/file/opened_file.h"

namespace tarn {

/// The top-level fields of the file at `fields`, for `rows` in the order given (repeats allowed).
/// kBadInput for a row past the end; kCorrupt for pages that do not decode.
Result<std::shared_ptr<arrow::Table>> ReadFileRows(const OpenedFile& file,
                                                   std::span<const uint32_t> rows,
                                                   const std::vector<int>& fields);

}  // namespace tarn
