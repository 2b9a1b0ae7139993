// SPDX-License-Identifier: Apache-2.0
#include "table/wal/log_record.h"

#include "base/bytes.h"
#include "base/crc32c.h"

namespace tarn {
namespace {

constexpr uint32_t kMagic = 0x4352'4c54;  // "TLRC"
constexpr size_t kCheckedFrom = 8;        // behind magic and checksum

std::span<const std::byte> PayloadOf(const LogRecord& record) {
  if (record.payload == nullptr) return {};
  return {reinterpret_cast<const std::byte*>(record.payload->data()),
          static_cast<size_t>(record.payload->size())};
}

}  // namespace

std::array<std::byte, kRecordHeaderBytes> EncodeRecordHeader(const RecordHeader& header,
                                                             uint32_t seed) {
  std::vector<std::byte> rest;
  AppendLe(rest, header.sequence);
  AppendLe(rest, header.durable);
  AppendLe(rest, header.payload_bytes);
  AppendLe(rest, header.body_crc);
  AppendLe(rest, header.schema_id);
  AppendLe(rest, header.batch_id_bytes);
  AppendLe(rest, header.kind);
  AppendLe(rest, header.flags);
  const uint32_t crc = Crc32c(rest, seed);
  std::array<std::byte, kRecordHeaderBytes> bytes;
  std::memcpy(bytes.data(), &kMagic, 4);
  std::memcpy(bytes.data() + 4, &crc, 4);
  std::memcpy(bytes.data() + kCheckedFrom, rest.data(), rest.size());
  return bytes;
}

std::optional<RecordHeader> DecodeRecordHeader(std::span<const std::byte> bytes, uint32_t seed) {
  ByteReader reader(bytes);
  if (reader.Read<uint32_t>() != kMagic) return std::nullopt;
  if (reader.Read<uint32_t>() != Crc32c(bytes.subspan(kCheckedFrom), seed)) return std::nullopt;
  RecordHeader header;
  header.sequence = reader.Read<uint64_t>();
  header.durable = reader.Read<uint64_t>();
  header.payload_bytes = reader.Read<uint32_t>();
  header.body_crc = reader.Read<uint32_t>();
  header.schema_id = reader.Read<int32_t>();
  header.batch_id_bytes = reader.Read<uint16_t>();
  header.kind = reader.Read<uint8_t>();
  header.flags = reader.Read<uint8_t>();
  // No record can have been written after itself.
  if (!reader.ok() || header.durable >= header.sequence) return std::nullopt;
  return header;
}

Result<RecordHeader> DescribeRecord(const LogRecord& record) {
  const auto bytes = PayloadOf(record);
  const size_t payload = bytes.size();
  if (record.batch_id.size() > kMostBatchIdBytes) {
    return Error(ErrorKind::kBadInput, "a batch id of ", record.batch_id.size(),
                 " bytes is too long; the log takes up to ", kMostBatchIdBytes);
  }
  if (payload > kMostPayloadBytes) {
    return Error(ErrorKind::kBadInput, "a batch of ", payload,
                 " bytes is too large for one record of the log, which holds up to ",
                 kMostPayloadBytes, "; insert it in several batches");
  }
  RecordHeader header;
  header.payload_bytes = static_cast<uint32_t>(payload);
  header.body_crc = RecordBodyCrc(record.batch_id, bytes);
  header.schema_id = record.schema_id;
  header.batch_id_bytes = static_cast<uint16_t>(record.batch_id.size());
  header.kind = static_cast<uint8_t>(record.kind);
  return header;
}

uint32_t RecordBodyCrc(std::string_view batch_id, std::span<const std::byte> payload) {
  return Crc32c(payload, Crc32c(AsBytes(batch_id)));
}

void AppendRecordPieces(std::span<const std::byte> header, const LogRecord& record,
                        std::vector<std::span<const std::byte>>& pieces) {
  static constexpr std::array<std::byte, 8> kPadding{};
  const auto payload = PayloadOf(record);
  const size_t bytes = header.size() + record.batch_id.size() + payload.size();
  pieces.push_back(header);
  pieces.push_back(AsBytes(record.batch_id));
  pieces.push_back(payload);
  pieces.push_back(std::span(kPadding).first((8 - bytes % 8) % 8));
}

}  // namespace tarn
