// SPDX-License-Identifier: Apache-2.0
#include "table/wal/log_segment.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <utility>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace tarn {
namespace {

constexpr std::string_view kMagic = "TARNWAL1";
constexpr uint32_t kVersion = 1;
constexpr size_t kCheckedBytes = 80;  // the checksum follows
// A header lies there twice, in two sectors: its loss would be that of all records behind it.
constexpr size_t kCopyAt = 2048;
constexpr size_t kChunk = 1 << 20;  // of a search; a multiple of 8

Status AppendUuid(std::string_view text, std::string_view whose, std::vector<std::byte>& out) {
  std::string digits;
  for (const char c : text) {
    if (c != '-') digits += c;
  }
  if (digits.size() == 32) {
    std::vector<std::byte> bytes;
    for (size_t i = 0; i < 32; i += 2) {
      unsigned value = 0;
      const auto [end, error] = std::from_chars(&digits[i], &digits[i] + 2, value, 16);
      if (error != std::errc() || end != &digits[i] + 2) break;
      bytes.push_back(static_cast<std::byte>(value));
    }
    if (bytes.size() == 16) {
      out.insert(out.end(), bytes.begin(), bytes.end());
      return Status::OK();
    }
  }
  return Error(ErrorKind::kBadInput, "'", text, "' is not the UUID of a ", whose);
}

template <typename T>
bool ParseDigits(std::string_view text, T* value) {
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return false;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Result<std::vector<std::byte>> LogIdBytes(const LogId& id) {
  std::vector<std::byte> bytes;
  ARROW_RETURN_NOT_OK(AppendUuid(id.table_uuid, "table", bytes));
  ARROW_RETURN_NOT_OK(AppendUuid(id.wal_uuid, "log", bytes));
  return bytes;
}

std::string SegmentName::ToString() const {
  char text[48];
  std::snprintf(text, sizeof(text), "%020llu-%010llu.wal", static_cast<unsigned long long>(first),
                static_cast<unsigned long long>(epoch));
  return text;
}

std::optional<SegmentName> SegmentName::Parse(std::string_view text) {
  SegmentName name;
  if (text.size() != 35 || text[20] != '-' || text.substr(31) != ".wal") return std::nullopt;
  if (!ParseDigits(text.substr(0, 20), &name.first)) return std::nullopt;
  if (!ParseDigits(text.substr(21, 10), &name.epoch)) return std::nullopt;
  if (name.first == 0 || name.epoch == 0) return std::nullopt;
  return name;
}

namespace {

/// Sets the header's crc.
Result<std::vector<std::byte>> EncodeSegmentHeader(SegmentHeader& header, const LogId& id) {
  ARROW_ASSIGN_OR_RAISE(const auto id_bytes, LogIdBytes(id));
  std::vector<std::byte> bytes(AsBytes(kMagic).begin(), AsBytes(kMagic).end());
  AppendLe(bytes, kVersion);
  AppendLe(bytes, uint32_t{0});
  bytes.insert(bytes.end(), id_bytes.begin(), id_bytes.end());
  AppendLe(bytes, header.name.epoch);
  AppendLe(bytes, header.name.first);
  AppendLe(bytes, header.durable);
  AppendLe(bytes, header.covered);
  header.crc = Crc32c(bytes);
  AppendLe(bytes, header.crc);
  const std::vector<std::byte> header_bytes = bytes;
  bytes.resize(kSegmentHeaderBytes);
  std::copy(header_bytes.begin(), header_bytes.end(), bytes.begin() + kCopyAt);
  return bytes;
}

Result<SegmentHeader> DecodeSegmentHeader(std::span<const std::byte> bytes, const SegmentName& name,
                                          std::span<const std::byte> id_bytes,
                                          const std::string& path) {
  ByteReader reader(bytes);
  const auto magic = reader.ReadBytes(kMagic.size());
  const auto version = reader.Read<uint32_t>();
  const auto features = reader.Read<uint32_t>();
  const auto whose = reader.ReadBytes(id_bytes.size());
  SegmentHeader header;
  header.name.epoch = reader.Read<uint64_t>();
  header.name.first = reader.Read<uint64_t>();
  header.durable = reader.Read<uint64_t>();
  header.covered = reader.Read<uint64_t>();
  header.crc = reader.Read<uint32_t>();
  const auto expected = AsBytes(kMagic);
  if (!reader.ok() || !std::equal(magic.begin(), magic.end(), expected.begin()) ||
      header.crc != Crc32c(bytes.first(kCheckedBytes)) || header.name != name ||
      header.covered >= name.first) {
    return Error(ErrorKind::kCorrupt, path, " has a damaged header");
  }
  if (version != kVersion || features != 0) {
    return Error(ErrorKind::kNotSupported, path, " is of version ", version, " with features ",
                 features, "; this Tarn reads version ", kVersion, ": use a newer one");
  }
  if (!std::equal(whose.begin(), whose.end(), id_bytes.begin())) {
    return Error(ErrorKind::kBadInput, path,
                 " belongs to another table or log than these: ", "open it by its own name");
  }
  return header;
}

}  // namespace

Result<std::unique_ptr<LogFile>> CreateDraft(LogFolder& folder, uint64_t size,
                                             SegmentHeader& header, const LogId& id) {
  ARROW_ASSIGN_OR_RAISE(const auto bytes, EncodeSegmentHeader(header, id));
  const Status absent = folder.Delete(kDraftName);
  if (!absent.ok() && !IsKind(absent, ErrorKind::kNotFound)) return absent;
  ARROW_ASSIGN_OR_RAISE(auto file, folder.Create(kDraftName, size));
  const Status written = file->Write(0, bytes);
  if (written.ok()) return file;
  (void)folder.Delete(kDraftName);
  return written;
}

SegmentReader::SegmentReader(std::unique_ptr<LogFile> file, SegmentHeader header, std::string path)
    : file_(std::move(file)),
      header_(header),
      path_(std::move(path)),
      next_(header.name.first),
      durable_(header.durable) {}

Result<std::unique_ptr<SegmentReader>> SegmentReader::Open(LogFolder& folder,
                                                           const SegmentName& name,
                                                           const LogId& id) {
  ARROW_ASSIGN_OR_RAISE(const auto id_bytes, LogIdBytes(id));
  const std::string path = folder.PathOf(name.ToString());
  ARROW_ASSIGN_OR_RAISE(auto file, folder.OpenToRead(name.ToString()));
  std::vector<std::byte> bytes(kSegmentHeaderBytes);
  ARROW_ASSIGN_OR_RAISE(const size_t n, file->Read(0, bytes));
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(n), bytes.end(), std::byte{0});
  auto header = DecodeSegmentHeader(bytes, name, id_bytes, path);
  if (IsKind(header.status(), ErrorKind::kCorrupt)) {
    header = DecodeSegmentHeader(std::span(bytes).subspan(kCopyAt), name, id_bytes, path);
  }
  ARROW_RETURN_NOT_OK(header.status());
  return std::unique_ptr<SegmentReader>(new SegmentReader(std::move(file), *header, path));
}

Result<bool> SegmentReader::ReadBody(const RecordHeader& header, LogRecord* record) {
  record->batch_id.resize(header.batch_id_bytes);
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> payload,
                        arrow::AllocateBuffer(header.payload_bytes));
  const uint64_t at = position_ + kRecordHeaderBytes;
  const std::span id(reinterpret_cast<std::byte*>(record->batch_id.data()), header.batch_id_bytes);
  const std::span rows(reinterpret_cast<std::byte*>(payload->mutable_data()), header.payload_bytes);
  ARROW_ASSIGN_OR_RAISE(const size_t id_bytes, file_->Read(at, id));
  ARROW_ASSIGN_OR_RAISE(const size_t bytes, file_->Read(at + id.size(), rows));
  record->payload = std::move(payload);
  return id_bytes == id.size() && bytes == rows.size() &&
         header.body_crc == RecordBodyCrc(record->batch_id, rows);
}

Result<SegmentReader::Found> SegmentReader::Next(LogRecord* record, uint64_t from) {
  std::array<std::byte, kRecordHeaderBytes> bytes;
  ARROW_ASSIGN_OR_RAISE(const size_t n, file_->Read(position_, bytes));
  if (n < bytes.size()) return Found::kNothing;
  const auto header = DecodeRecordHeader(bytes, header_.crc);
  if (!header || header->sequence != next_ || header->record_bytes() > size() - position_) {
    return Found::kNothing;
  }
  if (header->flags != 0 || header->kind < 1 || header->kind > 3) {
    return Error(ErrorKind::kNotSupported, path_, " holds at ", position_, " the record ", next_,
                 " of kind ", int{header->kind}, " with flags ", int{header->flags},
                 ": a newer Tarn wrote it; use that");
  }
  record->sequence = next_;
  record->kind = static_cast<LogRecordKind>(header->kind);
  record->schema_id = header->schema_id;
  if (next_ >= from) {
    ARROW_ASSIGN_OR_RAISE(const bool whole, ReadBody(*header, record));
    if (!whole) return Found::kNothing;
  }
  durable_ = std::max(durable_, header->durable);
  position_ += header->record_bytes();
  ++next_;
  return Found::kRecord;
}

Result<SegmentReader::Rest> SegmentReader::SearchRest() {
  Rest rest;
  rest.end = position_;
  // Chunks overlap by a header, so that none is cut in two.
  std::vector<std::byte> chunk(kChunk + kRecordHeaderBytes);
  for (uint64_t at = position_; at < size(); at += kChunk) {
    ARROW_ASSIGN_OR_RAISE(const size_t n, file_->Read(at, chunk));
    for (size_t i = 0; i < std::min(n, kChunk); i += 8) {
      uint64_t word = 0;
      std::memcpy(&word, chunk.data() + i, std::min<size_t>(8, n - i));
      if (word == 0) continue;
      rest.end = std::min<uint64_t>(at + i + 8, size());
      if (n - i < kRecordHeaderBytes) continue;
      const auto header =
          DecodeRecordHeader(std::span(chunk).subspan(i, kRecordHeaderBytes), header_.crc);
      // What lies in a payload by chance, a copy of this very log, is older than its record.
      if (!header || header->sequence < next_ || header->durable <= rest.durable) continue;
      rest.durable = header->durable;
      rest.stated_at = at + i;
    }
  }
  return rest;
}

Status VisitRecords(LogFolder& folder, const LogId& id, const std::vector<SegmentName>& segments,
                    uint64_t after, uint64_t last, const LogVisitor& visitor) {
  uint64_t next = after + 1;
  for (size_t i = 0; i < segments.size() && next <= last; ++i) {
    const bool is_last = i + 1 == segments.size();
    const uint64_t end = is_last ? last : std::min(last, segments[i + 1].first - 1);
    if (end < next) continue;
    if (segments[i].first > next) {
      return Error(ErrorKind::kNotFound, "the log ", folder.PathOf(""), " has no records ", next,
                   " to ", segments[i].first - 1, " any more: they are in the table; look at its ",
                   "newest state");
    }
    ARROW_ASSIGN_OR_RAISE(const auto reader, SegmentReader::Open(folder, segments[i], id));
    LogRecord record;
    while (reader->next_sequence() <= end) {
      ARROW_ASSIGN_OR_RAISE(const auto found, reader->Next(&record, next));
      if (found == SegmentReader::Found::kNothing) {
        return Error(ErrorKind::kCorrupt, folder.PathOf(segments[i].ToString()),
                     " is damaged at byte ", reader->position(), ": record ",
                     reader->next_sequence(), " cannot be read");
      }
      if (record.sequence >= next) ARROW_RETURN_NOT_OK(visitor(record));
    }
    next = end + 1;
  }
  if (next <= last) {
    return Error(ErrorKind::kCorrupt, "the log ", folder.PathOf(""), " has no records ", next,
                 " to ", last);
  }
  return Status::OK();
}

}  // namespace tarn
