// SPDX-License-Identifier: Apache-2.0
//
// LogRecord: what one call put into the table's memory, as the log keeps it. Bytes of the header:
// docs/formats/wal.md.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/buffer.h"
#include "tarn/status.h"

namespace tarn {

enum class LogRecordKind : uint8_t { kInsert = 1, kUpsert = 2, kDelete = 3 };

struct LogRecord {
  uint64_t sequence = 0;  ///< given by the log, from 1 on
  LogRecordKind kind = LogRecordKind::kInsert;
  int32_t schema_id = 0;  ///< of the table's schema that the payload was written under
  std::string batch_id;   ///< empty: none
  std::shared_ptr<arrow::Buffer> payload;  ///< opaque to the log
};

/// Takes the records of a log one by one. A payload may be kept. An error ends the visit.
using LogVisitor = std::function<Status(const LogRecord&)>;

inline constexpr size_t kRecordHeaderBytes = 40;
inline constexpr size_t kMostBatchIdBytes = 65'535;
inline constexpr size_t kMostPayloadBytes = (size_t{1} << 31) - 1;

struct RecordHeader {
  uint64_t sequence = 0;
  uint64_t durable = 0;  ///< every record up to this one was on the disk when this one was written
  uint32_t payload_bytes = 0;
  uint32_t body_crc = 0;  ///< crc32c of batch id and payload
  int32_t schema_id = 0;
  uint16_t batch_id_bytes = 0;
  uint8_t kind = 0;
  uint8_t flags = 0;  ///< none is defined

  /// Of the whole record, padding included.
  uint64_t record_bytes() const {
    return (kRecordHeaderBytes + batch_id_bytes + uint64_t{payload_bytes} + 7) / 8 * 8;
  }
};

/// `seed`: the checksum of the segment that the record lies in; a record of another is none.
std::array<std::byte, kRecordHeaderBytes> EncodeRecordHeader(const RecordHeader& header,
                                                             uint32_t seed);
/// nullopt for anything but a header, whole and unchanged. `bytes` are kRecordHeaderBytes long.
std::optional<RecordHeader> DecodeRecordHeader(std::span<const std::byte> bytes, uint32_t seed);

/// The header of a record without sequence and durable. kBadInput where it is too long for the log.
Result<RecordHeader> DescribeRecord(const LogRecord& record);
uint32_t RecordBodyCrc(std::string_view batch_id, std::span<const std::byte> payload);
/// Adds the bytes of a record to `pieces`: they point into `header`, which is its encoded header,
/// and into the record.
void AppendRecordPieces(std::span<const std::byte> header, const LogRecord& record,
                        std::vector<std::span<const std::byte>>& pieces);

}  // namespace tarn
