// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a section at the start of a file, and as the page map in it. Checksum and trailer
// are made right first, so that the checks behind them are reached.
#include <cstring>
#include <vector>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "format/page_map.h"
#include "format/section.h"

namespace {

/// Makes what is checked first right, or little else would ever be reached.
void Repair(std::vector<std::byte>* bytes) {
  if (bytes->size() < 104) return;
  const auto table = tarn::LoadLe<uint64_t>(bytes->data() + 48);
  if (table < 16 || table > bytes->size() - 64) return;
  uint32_t crc = tarn::Crc32c({bytes->data(), 68});
  crc = tarn::Crc32c({bytes->data() + 72, table - 8}, crc);
  std::memcpy(bytes->data() + 68, &crc, 4);
  const auto length = tarn::LoadLe<uint64_t>(bytes->data() + 72);
  if (length < 104 || length > bytes->size()) return;
  std::byte* trailer = bytes->data() + length - 24;
  std::memset(trailer, 0, 8);
  std::memcpy(trailer + 8, &length, 8);
}

// What pages may point into.
const std::vector<std::byte> kFile(64 * 1024);

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tarn::format::Section;
  using tarn::format::SectionKind;
  std::vector<std::byte> bytes(size);
  if (size > 0) std::memcpy(bytes.data(), data, size);
  Repair(&bytes);
  for (const SectionKind kind : {SectionKind::kVectorIndex, SectionKind::kPageMap}) {
    const auto section = Section::Open(bytes, 0, bytes.size(), kind);
    if (!section.ok()) continue;
    (void)section->Verify();
    const auto map = tarn::format::PageMap::Open(*section, kFile, kFile.size());
    if (!map.ok()) continue;
    (void)map->Verify();
    uint8_t sum = 0;
    for (uint32_t row = 0; row < std::min<uint64_t>(map->rows(), 1000); ++row) {
      if (const std::byte* at = map->Find(row)) sum ^= static_cast<uint8_t>(at[map->dim() * 4 - 1]);
    }
    volatile uint8_t sink = sum;
    (void)sink;
  }
  return 0;
}
