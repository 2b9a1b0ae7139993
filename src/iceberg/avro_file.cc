// SPDX-License-Identifier: Apache-2.0
#include "iceberg/avro_file.h"

#include <cstring>

#include "base/bytes.h"
#include "base/random_id.h"
#include "iceberg/block_codec.h"

namespace tarn::iceberg {
namespace {

constexpr std::string_view kMagic("Obj\1", 4);
constexpr size_t kSyncBytes = 16;
constexpr size_t kBlockBytes = 64'000;

std::string NewSync() {
  const int64_t parts[2] = {NewRandomId(), NewRandomId()};
  return std::string(reinterpret_cast<const char*>(parts), kSyncBytes);
}

Status Corrupt(std::string_view name, std::string_view what) {
  return Error(ErrorKind::kCorrupt, name, " is not a readable Avro file: ", what);
}

/// Header metadata: a map of bytes.
Status ReadHeader(AvroDecoder& in, std::map<std::string, std::string>* header) {
  for (;;) {
    int64_t count = in.Long();
    if (count < 0) {
      in.Long();
      count = count == INT64_MIN ? 0 : -count;
    }
    if (count == 0 || !in.ok()) return Status::OK();
    for (; count > 0 && in.ok(); --count) {
      const std::string key(in.Bytes());
      (*header)[key] = std::string(in.Bytes());
    }
  }
}

}  // namespace

Result<AvroFileReader> AvroFileReader::Open(std::span<const std::byte> bytes,
                                            std::string_view name) {
  AvroFileReader reader;
  reader.name_ = name;
  AvroDecoder in(bytes);
  if (in.Fixed(kMagic.size()) != kMagic) return Corrupt(name, "it does not begin with 'Obj\\1'");
  ARROW_RETURN_NOT_OK(ReadHeader(in, &reader.header_));
  reader.sync_ = in.Fixed(kSyncBytes);
  if (!in.ok()) return Corrupt(name, "its header is cut short");
  reader.blocks_ = bytes.subspan(bytes.size() - in.remaining());
  const std::string* codec = reader.Header("avro.codec");
  reader.codec_ = codec == nullptr ? "null" : *codec;
  const std::string* schema = reader.Header("avro.schema");
  if (schema == nullptr) return Corrupt(name, "it has no 'avro.schema'");
  ARROW_ASSIGN_OR_RAISE(reader.schema_, ParseAvroSchema(*schema, name));
  if (reader.schema_->kind != AvroType::Kind::kRecord) {
    return Corrupt(name, "its schema is not a record");
  }
  return reader;
}

const std::string* AvroFileReader::Header(const std::string& key) const {
  const auto it = header_.find(key);
  return it == header_.end() ? nullptr : &it->second;
}

Status AvroFileReader::ForEach(const std::function<Status(AvroDecoder&)>& read) const {
  AvroDecoder in(blocks_);
  while (in.remaining() > 0) {
    const int64_t count = in.Long();
    const std::string_view block = in.Bytes();
    const std::string_view sync = in.Fixed(kSyncBytes);
    if (!in.ok()) return Corrupt(name_, "a block is cut short");
    if (sync != sync_) return Corrupt(name_, "a block does not end with the sync marker");
    ARROW_ASSIGN_OR_RAISE(const std::string plain, DecompressBlock(codec_, block, name_));
    AvroDecoder records(AsBytes(plain));
    if (count < 0 || static_cast<uint64_t>(count) > plain.size()) {
      return Corrupt(name_, "a block promises more records than it has bytes");
    }
    for (int64_t i = 0; i < count; ++i) {
      ARROW_RETURN_NOT_OK(read(records));
      if (!records.ok()) return Corrupt(name_, records.error());
    }
    if (records.remaining() != 0) return Corrupt(name_, "a block holds more than its records");
  }
  return Status::OK();
}

AvroFileWriter::AvroFileWriter(std::string_view schema_json,
                               const std::vector<std::pair<std::string, std::string>>& header,
                               AvroCodec codec)
    : sync_(NewSync()), codec_(codec) {
  AvroEncoder out;
  out.Fixed(kMagic);
  out.Long(static_cast<int64_t>(header.size() + 2));
  out.Bytes("avro.schema");
  out.Bytes(schema_json);
  out.Bytes("avro.codec");
  out.Bytes(codec == AvroCodec::kDeflate ? "deflate" : "null");
  for (const auto& [key, value] : header) {
    out.Bytes(key);
    out.Bytes(value);
  }
  out.Long(0);
  out.Fixed(sync_);
  file_ = std::move(out.out());
}

void AvroFileWriter::EndRecord() {
  ++records_;
  if (encoder_.out().size() >= kBlockBytes) FlushBlock();
}

void AvroFileWriter::FlushBlock() {
  if (records_ == 0) return;
  std::string block = std::move(encoder_.out());
  encoder_.out().clear();
  if (codec_ == AvroCodec::kDeflate) {
    auto packed = DeflateBlock(block);
    if (!packed.ok()) {
      status_ = packed.status();
      return;
    }
    block = std::move(packed).ValueUnsafe();
  }
  AvroEncoder out;
  out.Long(records_);
  out.Bytes(block);
  out.Fixed(sync_);
  file_ += out.out();
  records_ = 0;
}

Result<std::string> AvroFileWriter::Finish() {
  FlushBlock();
  ARROW_RETURN_NOT_OK(status_);
  return std::move(file_);
}

}  // namespace tarn::iceberg
