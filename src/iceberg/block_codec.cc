// SPDX-License-Identifier: Apache-2.0
#include "iceberg/block_codec.h"

#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <memory>

namespace tarn::iceberg {
namespace {

Status Corrupt(std::string_view name, std::string_view codec) {
  return Error(ErrorKind::kCorrupt, name, ": a ", codec, " block cannot be decompressed");
}

/// Manifests repeat themselves a lot, but not without end.
size_t MaxPlainBytes(size_t packed) {
  constexpr size_t kFloor = 1 << 20, kCeiling = 256 << 20, kRatio = 400;
  return std::clamp(packed > kCeiling / kRatio ? kCeiling : packed * kRatio, kFloor, kCeiling);
}

Status TooLarge(std::string_view name) {
  return Error(ErrorKind::kCorrupt, name, ": a block decompresses to an implausible size");
}

struct InflateEnd {
  void operator()(z_stream* stream) const { inflateEnd(stream); }
};

/// `window` tells zlib what is around the deflated bytes: nothing (negative), or gzip's head and
/// tail.
Result<std::string> Inflate(std::string_view block, std::string_view name, int window,
                            std::string_view codec) {
  z_stream stream{};
  if (inflateInit2(&stream, window) != Z_OK) {
    return Error(ErrorKind::kIo, name, ": zlib could not start");
  }
  const std::unique_ptr<z_stream, InflateEnd> guard(&stream);
  const size_t limit = MaxPlainBytes(block.size());
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(block.data()));
  stream.avail_in = static_cast<uInt>(block.size());
  std::string plain;
  for (;;) {
    const size_t done = plain.size();
    plain.resize(done + std::max<size_t>(done, 16 * 1024));
    stream.next_out = reinterpret_cast<Bytef*>(plain.data() + done);
    stream.avail_out = static_cast<uInt>(plain.size() - done);
    const int code = inflate(&stream, Z_NO_FLUSH);
    plain.resize(plain.size() - stream.avail_out);
    if (plain.size() > limit) return TooLarge(name);
    if (code == Z_STREAM_END) return plain;
    if (code != Z_OK || (stream.avail_in == 0 && plain.size() == done)) {
      return Corrupt(name, codec);
    }
  }
}

Result<std::string> Unzstd(std::string_view block, std::string_view name) {
  const std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(),
                                                                        &ZSTD_freeDStream);
  if (stream == nullptr) return Error(ErrorKind::kIo, name, ": zstd could not start");
  ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, 27);
  const size_t limit = MaxPlainBytes(block.size());
  ZSTD_inBuffer in{block.data(), block.size(), 0};
  std::string plain;
  size_t rest = 1;
  while (rest != 0 || in.pos < in.size) {
    const size_t done = plain.size();
    plain.resize(done + std::max<size_t>(done, 16 * 1024));
    ZSTD_outBuffer out{plain.data() + done, plain.size() - done, 0};
    const size_t before = in.pos;
    rest = ZSTD_decompressStream(stream.get(), &out, &in);
    plain.resize(done + out.pos);
    if (ZSTD_isError(rest)) return Corrupt(name, "zstandard");
    if (plain.size() > limit) return TooLarge(name);
    if (out.pos == 0 && in.pos == before && rest != 0) return Corrupt(name, "zstandard");
  }
  return plain;
}

/// Avro appends the CRC-32 of the plain bytes, big-endian.
Result<std::string> Unsnappy(std::string_view block, std::string_view name) {
  if (block.size() < 4) return Corrupt(name, "snappy");
  const auto* tail = reinterpret_cast<const unsigned char*>(block.data() + block.size() - 4);
  const uint32_t expected = static_cast<uint32_t>(tail[0]) << 24 |
                            static_cast<uint32_t>(tail[1]) << 16 |
                            static_cast<uint32_t>(tail[2]) << 8 | tail[3];
  block.remove_suffix(4);
  size_t size = 0;
  if (!snappy::GetUncompressedLength(block.data(), block.size(), &size)) {
    return Corrupt(name, "snappy");
  }
  if (size > MaxPlainBytes(block.size())) return TooLarge(name);
  std::string plain;
  if (!snappy::Uncompress(block.data(), block.size(), &plain)) return Corrupt(name, "snappy");
  const auto* bytes = reinterpret_cast<const Bytef*>(plain.data());
  if (crc32(0, bytes, static_cast<uInt>(plain.size())) != expected) return Corrupt(name, "snappy");
  return plain;
}

}  // namespace

Result<std::string> DeflateBlock(std::string_view plain) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return Error(ErrorKind::kIo, "zlib could not start");
  }
  std::string packed(deflateBound(&stream, plain.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int code = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (code != Z_STREAM_END) return Error(ErrorKind::kIo, "zlib could not compress a block");
  return packed;
}

Result<std::string> Gunzip(std::string_view packed, std::string_view name) {
  if (packed.size() > (1u << 30)) return TooLarge(name);
  return Inflate(packed, name, 16 + MAX_WBITS, "gzip");
}

Result<std::string> DecompressBlock(const std::string& codec, std::string_view block,
                                    std::string_view name) {
  if (codec == "null") return std::string(block);
  if (block.size() > (1u << 30)) return TooLarge(name);
  if (codec == "deflate") return Inflate(block, name, -MAX_WBITS, codec);
  if (codec == "zstandard") return Unzstd(block, name);
  if (codec == "snappy") return Unsnappy(block, name);
  return Error(ErrorKind::kNotSupported, name, ": the Avro codec '", codec, "' cannot be read");
}

}  // namespace tarn::iceberg
