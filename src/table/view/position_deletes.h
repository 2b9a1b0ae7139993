// SPDX-License-Identifier: Apache-2.0
//
// A position delete file: paths of data files and positions in them.
// Source: the Iceberg table specification, "Position Delete Files".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "tarn/ailake_file.h"

namespace tarn {

/// Calls `visit` for every record of the file. kCorrupt when the file lacks one of the two columns,
/// or has nulls in them. Positions may be anything, negative ones too.
Status ForEachPositionDelete(
    const AilakeFileReader& file,
    const std::function<void(std::string_view location, int64_t position)>& visit);

}  // namespace tarn
