// SPDX-License-Identifier: Apache-2.0
#include "format/parquet_footer.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "format/compact_protocol.h"

namespace tarn::format {
namespace {

using Bytes = std::span<const std::byte>;

constexpr int16_t kKeyValueField = 5;
// Deeper structures than any Parquet footer has are refused rather than recursed into.
constexpr int kMaxDepth = 64;

Status Damaged(const char* what) { return Error(ErrorKind::kCorrupt, "Parquet footer: ", what); }

/// One field of a structure: its header as read, and the bytes of its value.
struct WireField {
  int16_t id = 0;
  uint8_t type = kStop;
  Bytes value;
};

class CompactReader {
 public:
  explicit CompactReader(Bytes bytes) : all_(bytes), reader_(bytes) {}

  size_t position() const { return reader_.position(); }

  Result<uint64_t> Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = reader_.Read<uint8_t>();
      if (!reader_.ok()) return Damaged("a number is cut off");
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return Damaged("a number is too long");
  }

  Result<Bytes> Binary() {
    ARROW_ASSIGN_OR_RAISE(const uint64_t length, Varint());
    if (length > reader_.remaining()) return Damaged("a string reaches past the end");
    return reader_.ReadBytes(length);
  }

  /// The next field of a structure; type kStop at its end. `last_id` is updated.
  Result<WireField> NextField(int16_t* last_id, int depth) {
    const auto header = reader_.Read<uint8_t>();
    if (!reader_.ok()) return Damaged("a structure is cut off");
    WireField field;
    field.type = header & 0x0f;
    if (header == kStop) return field;
    if (header >> 4 != 0) {
      field.id = static_cast<int16_t>(*last_id + (header >> 4));
    } else {
      ARROW_ASSIGN_OR_RAISE(const uint64_t id, Varint());
      field.id = static_cast<int16_t>((id >> 1) ^ (~(id & 1) + 1));
    }
    *last_id = field.id;
    const size_t start = position();
    ARROW_RETURN_NOT_OK(SkipValue(field.type, depth + 1));
    field.value = all_.subspan(start, position() - start);
    return field;
  }

  /// {element type, count} of a list or set.
  Result<std::pair<uint8_t, uint64_t>> ListHeader() {
    const auto header = reader_.Read<uint8_t>();
    if (!reader_.ok()) return Damaged("a list is cut off");
    uint64_t count = header >> 4;
    if (count == 15) {
      ARROW_ASSIGN_OR_RAISE(count, Varint());
    }
    // Every element takes at least one byte, so a larger count cannot be true.
    if (count > reader_.remaining()) return Damaged("a list is longer than the footer");
    return std::pair<uint8_t, uint64_t>(header & 0x0f, count);
  }

 private:
  Status SkipBytes(size_t n) {
    reader_.ReadBytes(n);
    return reader_.ok() ? Status::OK() : Damaged("a value is cut off");
  }

  Status SkipElement(uint8_t type, int depth) {
    // Booleans have no header of their own inside a container.
    return type == kTrue || type == kFalse ? SkipBytes(1) : SkipValue(type, depth);
  }

  Status SkipList(int depth) {
    ARROW_ASSIGN_OR_RAISE(const auto header, ListHeader());
    for (uint64_t i = 0; i < header.second; ++i)
      ARROW_RETURN_NOT_OK(SkipElement(header.first, depth));
    return Status::OK();
  }

  Status SkipMap(int depth) {
    ARROW_ASSIGN_OR_RAISE(const uint64_t count, Varint());
    if (count == 0) return Status::OK();
    if (count > reader_.remaining()) return Damaged("a map is longer than the footer");
    const auto types = reader_.Read<uint8_t>();
    for (uint64_t i = 0; i < count; ++i) {
      ARROW_RETURN_NOT_OK(SkipElement(types >> 4, depth));
      ARROW_RETURN_NOT_OK(SkipElement(types & 0x0f, depth));
    }
    return Status::OK();
  }

  Status SkipStruct(int depth) {
    int16_t last_id = 0;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const WireField field, NextField(&last_id, depth));
      if (field.type == kStop) return Status::OK();
    }
  }

  Status SkipValue(uint8_t type, int depth) {
    if (depth > kMaxDepth) return Damaged("structures are nested too deeply");
    switch (type) {
      case kTrue:
      case kFalse:
        return Status::OK();
      case kByte:
        return SkipBytes(1);
      case kI16:
      case kI32:
      case kI64:
        return Varint().status();
      case kDouble:
        return SkipBytes(8);
      case kBinary:
        return Binary().status();
      case kList:
      case kSet:
        return SkipList(depth + 1);
      case kMap:
        return SkipMap(depth + 1);
      case kStruct:
        return SkipStruct(depth + 1);
      case kUuid:
        return SkipBytes(16);
      default:
        return Damaged("an unknown value type");
    }
  }

  Bytes all_;
  ByteReader reader_;
};

void PutBytes(std::vector<std::byte>& out, Bytes bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

std::vector<std::byte> EncodeKeys(const FooterKeys& keys) {
  std::vector<std::byte> out;
  if (keys.size() < 15) {
    out.push_back(static_cast<std::byte>(keys.size() << 4 | kStruct));
  } else {
    out.push_back(static_cast<std::byte>(15 << 4 | kStruct));
    PutVarint(out, keys.size());
  }
  for (const auto& [key, value] : keys) {
    PutFieldHeader(out, 1, kBinary, 0);
    PutText(out, key);
    if (value) {
      PutFieldHeader(out, 2, kBinary, 1);
      PutText(out, *value);
    }
    out.push_back(std::byte{kStop});
  }
  return out;
}

std::string ToText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<FooterKeys> DecodeKeys(Bytes list) {
  CompactReader reader(list);
  ARROW_ASSIGN_OR_RAISE(const auto header, reader.ListHeader());
  if (header.second > 0 && header.first != kStruct)
    return Damaged("the key/values are not structures");
  FooterKeys keys;
  for (uint64_t i = 0; i < header.second; ++i) {
    std::string key;
    std::optional<std::string> value;
    int16_t last_id = 0;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const WireField field, reader.NextField(&last_id, 0));
      if (field.type == kStop) break;
      if (field.type != kBinary) continue;
      CompactReader text(field.value);
      ARROW_ASSIGN_OR_RAISE(const Bytes bytes, text.Binary());
      if (field.id == 1) key = ToText(bytes);
      if (field.id == 2) value = ToText(bytes);
    }
    keys.emplace_back(std::move(key), std::move(value));
  }
  return keys;
}

/// The top-level fields in file order.
Result<std::vector<WireField>> SplitFields(Bytes metadata) {
  CompactReader reader(metadata);
  std::vector<WireField> fields;
  int16_t last_id = 0;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const WireField field, reader.NextField(&last_id, 0));
    if (field.type == kStop) break;
    if (field.id == kKeyValueField && field.type != kList)
      return Damaged("the key/values are not a list");
    fields.push_back(field);
  }
  if (reader.position() != metadata.size()) return Damaged("bytes follow the metadata");
  return fields;
}

void Merge(const FooterKeys& changes, FooterKeys* keys) {
  for (const auto& change : changes) {
    auto found = std::find_if(keys->begin(), keys->end(),
                              [&](const auto& key) { return key.first == change.first; });
    if (found == keys->end()) {
      keys->push_back(change);
    } else {
      found->second = change.second;
    }
  }
}

Result<std::vector<std::byte>> ReplaceKeys(Bytes metadata, const FooterKeys& keys) {
  ARROW_ASSIGN_OR_RAISE(auto fields, SplitFields(metadata));
  std::erase_if(fields, [](const WireField& field) { return field.id == kKeyValueField; });
  const std::vector<std::byte> encoded = EncodeKeys(keys);
  const auto after = std::find_if(fields.begin(), fields.end(),
                                  [](const auto& f) { return f.id > kKeyValueField; });
  fields.insert(after, WireField{kKeyValueField, kList, encoded});

  std::vector<std::byte> out;
  out.reserve(metadata.size() + encoded.size());
  int16_t last_id = 0;
  for (const WireField& field : fields) {
    PutFieldHeader(out, field.id, field.type, last_id);
    PutBytes(out, field.value);
    last_id = field.id;
  }
  out.push_back(std::byte{kStop});
  return out;
}

constexpr size_t kChecksumDigits = 8;
constexpr size_t kNoChecksum = std::string_view::npos;

/// Where the checksum's digits stand: behind the key, the header of field 2 and the length.
size_t FindChecksum(Bytes metadata) {
  const std::string_view text(reinterpret_cast<const char*>(metadata.data()), metadata.size());
  std::string needle(kFooterChecksumKey);
  needle.append({0x18, 0x08});
  const size_t at = text.rfind(needle);
  if (at == kNoChecksum || metadata.size() - at - needle.size() < kChecksumDigits)
    return kNoChecksum;
  return at + needle.size();
}

}  // namespace

std::string ChecksumText(uint32_t crc) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(kChecksumDigits, '0');
  for (size_t i = 0; i < kChecksumDigits; ++i) text[i] = kDigits[crc >> (28 - 4 * i) & 0xf];
  return text;
}

Result<FooterPlace> FindFooter(Bytes tail, uint64_t file_size) {
  // "PAR1" twice and the length.
  if (file_size < 12 || tail.size() < 8) {
    return Error(ErrorKind::kCorrupt, "a Parquet file has at least 12 bytes, this has ", file_size);
  }
  const Bytes end = tail.last(8);
  if (std::memcmp(end.data() + 4, "PARE", 4) == 0) {
    return Error(ErrorKind::kNotSupported, "the Parquet footer is encrypted");
  }
  if (std::memcmp(end.data() + 4, "PAR1", 4) != 0) {
    return Error(ErrorKind::kCorrupt, "not a Parquet file, or cut off: it does not end in PAR1");
  }
  FooterPlace place;
  place.length = LoadLe<uint32_t>(end.data());
  if (place.length > file_size - 12) {
    return Error(ErrorKind::kCorrupt, "the Parquet footer's length ", place.length,
                 " exceeds the file's ", file_size, " bytes");
  }
  place.offset = file_size - 8 - place.length;
  return place;
}

Result<FooterKeys> ReadFooterKeys(Bytes metadata) {
  ARROW_ASSIGN_OR_RAISE(const auto fields, SplitFields(metadata));
  FooterKeys keys;
  for (const WireField& field : fields) {
    if (field.id != kKeyValueField) continue;
    ARROW_ASSIGN_OR_RAISE(keys, DecodeKeys(field.value));
  }
  return keys;
}

Result<std::vector<std::byte>> SetFooterKeys(Bytes metadata, const FooterKeys& changes) {
  ARROW_ASSIGN_OR_RAISE(FooterKeys keys, ReadFooterKeys(metadata));
  Merge(changes, &keys);
  return ReplaceKeys(metadata, keys);
}

Result<std::vector<std::byte>> RemoveFooterKey(Bytes metadata, std::string_view key) {
  ARROW_ASSIGN_OR_RAISE(FooterKeys keys, ReadFooterKeys(metadata));
  std::erase_if(keys, [&](const auto& entry) { return entry.first == key; });
  return ReplaceKeys(metadata, keys);
}

Result<std::vector<std::byte>> SealFooter(Bytes metadata, FooterKeys keys) {
  keys.emplace_back(kFooterChecksumKey, std::string(kChecksumDigits, '0'));
  ARROW_ASSIGN_OR_RAISE(auto sealed, SetFooterKeys(metadata, keys));
  const size_t at = FindChecksum(sealed);
  if (at == kNoChecksum) return Damaged("the checksum's place was not found");
  const std::string digits = ChecksumText(Crc32c(sealed));
  std::memcpy(sealed.data() + at, digits.data(), digits.size());
  return sealed;
}

bool HasFooterSeal(Bytes metadata) { return FindChecksum(metadata) != kNoChecksum; }

Status CheckFooterSeal(Bytes metadata) {
  const size_t at = FindChecksum(metadata);
  if (at == kNoChecksum) return Status::OK();
  const std::string zeros(kChecksumDigits, '0');
  uint32_t crc = Crc32c(metadata.first(at));
  crc = Crc32c(AsBytes(zeros), crc);
  crc = Crc32c(metadata.subspan(at + kChecksumDigits), crc);
  if (std::memcmp(ChecksumText(crc).data(), metadata.data() + at, kChecksumDigits) != 0) {
    return Damaged("its checksum does not match");
  }
  return Status::OK();
}

std::vector<std::byte> FooterTail(Bytes metadata) {
  std::vector<std::byte> out(metadata.begin(), metadata.end());
  AppendLe(out, static_cast<uint32_t>(metadata.size()));
  PutBytes(out, AsBytes("PAR1"));
  return out;
}

}  // namespace tarn::format
