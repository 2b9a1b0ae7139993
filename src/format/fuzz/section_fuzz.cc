// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a section, and as the page map in it. Checksums are made right first, so that the
// checks behind them are reached.
#include <cstring>
#include <vector>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "format/page_map.h"
#include "format/section.h"

namespace {

void RepairChecksum(std::vector<std::byte>* bytes) {
  if (bytes->size() < 80) return;
  const uint64_t length = tarn::LoadLe<uint64_t>(bytes->data() + 48);
  if (length < 16 || length > bytes->size() - 64) return;
  uint32_t crc = tarn::Crc32c({bytes->data(), 68});
  crc = tarn::Crc32c({bytes->data() + 72, length - 8}, crc);
  std::memcpy(bytes->data() + 68, &crc, 4);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tarn::format::Section;
  using tarn::format::SectionKind;
  std::vector<std::byte> bytes(size);
  if (size > 0) std::memcpy(bytes.data(), data, size);
  RepairChecksum(&bytes);
  for (const SectionKind kind : {SectionKind::kVectorIndex, SectionKind::kPageMap}) {
    const auto section = Section::Open(bytes, 0, bytes.size(), kind);
    if (!section.ok()) continue;
    (void)section->Verify();
    const auto map = tarn::format::PageMap::Open(*section, bytes, bytes.size());
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
