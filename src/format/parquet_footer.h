// SPDX-License-Identifier: Apache-2.0
//
// Editing the key/values of a Parquet footer without touching anything else in it.
//
// A footer is a FileMetaData structure in Thrift's compact protocol (Parquet format,
// parquet.thrift; Thrift's "thrift-compact-protocol.md"). Only its field 5 is understood here;
// every other field is skipped generically and copied byte for byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tarn/status.h"

namespace tarn::format {

/// Footer keys in file order. A key may come without a value.
using FooterKeys = std::vector<std::pair<std::string, std::optional<std::string>>>;

/// Where the footer of a Parquet file lies.
struct FooterPlace {
  uint64_t offset = 0;  ///< of the FileMetaData bytes
  uint32_t length = 0;
};

/// Reads the last 8 bytes (`tail` is the end of a file of `file_size` bytes, at least 8 of them).
/// kCorrupt when they are not a Parquet file's, or the length does not fit; kNotSupported when
/// encrypted.
Result<FooterPlace> FindFooter(std::span<const std::byte> tail, uint64_t file_size);

/// The key/values of a FileMetaData. kCorrupt, never a read past the end.
Result<FooterKeys> ReadFooterKeys(std::span<const std::byte> metadata);

/// The same FileMetaData with each of `keys` set: replaced where it stood, else appended.
Result<std::vector<std::byte>> SetFooterKeys(std::span<const std::byte> metadata,
                                             const FooterKeys& keys);

/// The same FileMetaData without the key.
Result<std::vector<std::byte>> RemoveFooterKey(std::span<const std::byte> metadata,
                                               std::string_view key);

/// Key of the footer's own checksum: crc32c, as eight hex digits, of the FileMetaData in which
/// these digits are zeros.
inline constexpr std::string_view kFooterChecksumKey = "tarn.footer_crc32c";

/// Eight lower-case hex digits.
std::string ChecksumText(uint32_t crc);

/// SetFooterKeys, with the checksum set anew.
Result<std::vector<std::byte>> SealFooter(std::span<const std::byte> metadata, FooterKeys keys);

/// Whether the footer holds a checksum, where CheckFooterSeal finds it.
bool HasFooterSeal(std::span<const std::byte> metadata);

/// kCorrupt when the footer holds a checksum that does not match; OK without one.
Status CheckFooterSeal(std::span<const std::byte> metadata);

/// What follows the last section: the metadata, its length and "PAR1".
std::vector<std::byte> FooterTail(std::span<const std::byte> metadata);

}  // namespace tarn::format
