// SPDX-License-Identifier: Apache-2.0
//
// Writes sections (section.h). The chunks' bytes are the caller's until the section is written.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "format/section.h"

namespace tarn::format {

/// A chunk to write. `bytes` must outlive the write.
struct NewChunk {
  uint32_t kind = 0;
  std::span<const std::byte> bytes;
};

/// A section to write. Kind kBlockChecksums is added by the writer and must not be given.
struct NewSection {
  SectionInfo info;
  std::vector<NewChunk> chunks;
};

/// Where a section was put.
struct SectionPlace {
  uint64_t offset = 0;
  uint64_t size = 0;
};

/// Takes the next bytes of the file.
using ByteSink = std::function<Status(std::span<const std::byte>)>;

/// Pads from `position` (the file's length so far) to the section's alignment and writes it.
Result<SectionPlace> WriteSection(const NewSection& section, uint64_t position,
                                  const ByteSink& sink);

}  // namespace tarn::format
