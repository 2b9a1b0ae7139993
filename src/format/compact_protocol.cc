// SPDX-License-Identifier: Apache-2.0
#include "format/compact_protocol.h"

#include "base/bytes.h"

namespace tarn::format {

void PutVarint(std::vector<std::byte>& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::byte>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<std::byte>(value));
}

void PutText(std::vector<std::byte>& out, std::string_view text) {
  PutVarint(out, text.size());
  const auto bytes = AsBytes(text);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void PutFieldHeader(std::vector<std::byte>& out, int16_t id, uint8_t type, int16_t last_id) {
  const int delta = id - last_id;
  if (delta > 0 && delta <= 15) {
    out.push_back(static_cast<std::byte>(delta << 4 | type));
    return;
  }
  out.push_back(static_cast<std::byte>(type));
  PutVarint(out, static_cast<uint16_t>((id << 1) ^ (id >> 15)));
}

void PutI32Field(std::vector<std::byte>& out, int16_t id, int32_t value, int16_t last_id) {
  PutFieldHeader(out, id, kI32, last_id);
  PutVarint(out, (static_cast<uint32_t>(value) << 1) ^ static_cast<uint32_t>(value >> 31));
}

}  // namespace tarn::format
