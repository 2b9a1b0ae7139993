// SPDX-License-Identifier: Apache-2.0
//
// Deletion vectors: the positions of the deleted rows of one data file, as a blob of type
// "deletion-vector-v1" of a Puffin file.
// Source: the Iceberg Puffin specification, "deletion-vector-v1 blob type", and the portable format
// of Roaring bitmaps (RoaringFormatSpec).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "tarn/status.h"

namespace tarn::iceberg {

/// Sets bit p % 64 of word p / 64 for every position p of the vector; positions past the last word
/// are counted and left out. Returns how many positions the vector holds. Takes hostile bytes:
/// kCorrupt names the file and what does not fit (length, magic, checksum, order, counts); the
/// words may then have been changed.
Result<uint64_t> MarkDeletionVector(std::span<const std::byte> blob, std::string_view name,
                                    std::span<uint64_t> words);

}  // namespace tarn::iceberg
