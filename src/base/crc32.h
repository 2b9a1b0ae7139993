// SPDX-License-Identifier: Apache-2.0
//
// CRC-32 (ISO 3309, as in gzip), the checksum of Parquet's pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tarn {

/// Extends `crc` (0 to begin) by the bytes. Crc32("123456789") = 0xcbf43926.
uint32_t Crc32(std::span<const std::byte> bytes, uint32_t crc = 0);

}  // namespace tarn
