// SPDX-License-Identifier: Apache-2.0
//
// The footer of a Puffin file: magic, JSON, its length, flags, magic.
#include <algorithm>

#include "base/bytes.h"
#include "iceberg/json_fields.h"
#include "iceberg/puffin.h"

namespace tarn::iceberg {
namespace {

constexpr std::string_view kMagic = "PFA1";
constexpr uint32_t kCompressedFooter = 1;
// Length, flags and magic behind the JSON.
constexpr size_t kTail = 12;

bool IsMagic(std::span<const std::byte> bytes) {
  return std::ranges::equal(bytes, AsBytes(kMagic));
}

/// The JSON text, between the magic in front of it and the tail behind it.
Result<std::string_view> FooterText(std::span<const std::byte> file, std::string_view name) {
  const auto corrupt = [&](std::string_view what) {
    return Error(ErrorKind::kCorrupt, name, ": Puffin footer: ", what);
  };
  if (file.size() < 2 * kMagic.size() + kTail) return corrupt("the file is too short");
  if (!IsMagic(file.first(kMagic.size())) || !IsMagic(file.last(kMagic.size()))) {
    return corrupt("the file does not begin and end as Puffin files do");
  }
  const auto length = LoadLe<uint32_t>(file.data() + file.size() - kTail);
  const auto flags = LoadLe<uint32_t>(file.data() + file.size() - kTail + 4);
  if (flags != 0) {
    return Error(ErrorKind::kNotSupported, name, ": Puffin footer: ",
                 flags == kCompressedFooter ? "it is compressed" : "its flags are not known",
                 ", which this version does not read");
  }
  if (length > file.size() - kTail - 2 * kMagic.size()) return corrupt("its length does not fit");
  const size_t begin = file.size() - kTail - length;
  if (!IsMagic(file.subspan(begin - kMagic.size(), kMagic.size()))) {
    return corrupt("its length does not lead to its beginning");
  }
  return std::string_view(reinterpret_cast<const char*>(file.data()) + begin, length);
}

Result<PuffinBlob> BlobOf(const Json& json, const std::string& where, uint64_t data_end) {
  ARROW_ASSIGN_OR_RAISE(auto object, JsonObject::Of(json, where));
  PuffinBlob blob;
  ARROW_ASSIGN_OR_RAISE(blob.type, object.String("type"));
  ARROW_ASSIGN_OR_RAISE(blob.fields, object.IntArray("fields"));
  ARROW_ASSIGN_OR_RAISE(blob.snapshot_id, object.Int("snapshot-id"));
  ARROW_ASSIGN_OR_RAISE(blob.sequence_number, object.Int("sequence-number"));
  ARROW_ASSIGN_OR_RAISE(const int64_t offset, object.Int("offset"));
  ARROW_ASSIGN_OR_RAISE(const int64_t length, object.Int("length"));
  if (offset < 0 || length < 0 || static_cast<uint64_t>(offset) > data_end ||
      static_cast<uint64_t>(length) > data_end - static_cast<uint64_t>(offset)) {
    return object.Corrupt("the blob does not lie in the file");
  }
  blob.offset = static_cast<uint64_t>(offset);
  blob.length = static_cast<uint64_t>(length);
  ARROW_ASSIGN_OR_RAISE(blob.compression, object.OptionalString("compression-codec"));
  ARROW_ASSIGN_OR_RAISE(blob.properties, object.StringMap("properties"));
  return blob;
}

}  // namespace

Result<std::vector<PuffinBlob>> ReadPuffinFooter(std::span<const std::byte> file,
                                                 std::string_view name) {
  ARROW_ASSIGN_OR_RAISE(const std::string_view text, FooterText(file, name));
  const std::string where = std::string(name) + ": Puffin footer";
  ARROW_ASSIGN_OR_RAISE(const Json json, ParseJson(text, where));
  ARROW_ASSIGN_OR_RAISE(auto object, JsonObject::Of(json, where));
  ARROW_ASSIGN_OR_RAISE(const auto elements, object.Array("blobs"));
  const uint64_t data_end = file.size() - kTail - text.size() - kMagic.size();
  std::vector<PuffinBlob> blobs;
  for (const Json* element : elements) {
    ARROW_ASSIGN_OR_RAISE(auto blob, BlobOf(*element, where + ".blobs", data_end));
    blobs.push_back(std::move(blob));
  }
  return blobs;
}

}  // namespace tarn::iceberg
