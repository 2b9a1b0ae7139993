// SPDX-License-Identifier: Apache-2.0
//
// CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of every section and chunk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tarn {

/// Extends `crc` (0 to begin) by the bytes. Crc32c("123456789") = 0xe3069283.
uint32_t Crc32c(std::span<const std::byte> bytes, uint32_t crc = 0);

}  // namespace tarn
