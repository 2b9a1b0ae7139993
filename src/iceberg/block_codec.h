// SPDX-License-Identifier: Apache-2.0
//
// The compression of Avro blocks, and of whole metadata files.
#pragma once

#include <string>
#include <string_view>

#include "tarn/status.h"

namespace tarn::iceberg {

/// Raw deflate (RFC 1951).
Result<std::string> DeflateBlock(std::string_view plain);

/// `codec` is Avro's name: "null", "deflate", "zstandard", "snappy"; others are kNotSupported. A
/// block that grows beyond any plausible ratio is refused: it is made to exhaust memory.
Result<std::string> DecompressBlock(const std::string& codec, std::string_view block,
                                    std::string_view name);

/// A gzip file (RFC 1952) in one piece, refused on the same grounds.
Result<std::string> Gunzip(std::string_view packed, std::string_view name);

}  // namespace tarn::iceberg
